"""What a Python file says about files that look as if nobody needed them: imports of tests, stubs that are read."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Final

MAX_SOURCE: Final = 16 * 1024 * 1024
"""Bytes of a Python file that is read; the largest known has 5 MB."""

_suspicious = re.compile(
    rb"(?:\bfrom|\bimport|\bimport_module|\b__import__)\b[^\n]*(?i:test)|\bimport\s*\([^)]*(?i:test)"
).search
_stub = re.compile(rb"\battach_stub\s*\(").search
_name = re.compile(r"(?i)(?:^|\.)[a-z0-9_]*test[a-z0-9_]*(?:\.|$)").search


def reads_stub(data: bytes) -> bool:
    """Whether a module reads the stub beside it when it is imported, as `lazy_loader.attach_stub` does.

    https://github.com/scientific-python/lazy-loader
    """
    return _stub(data) is not None


def mentions(module: str, data: bytes, *, package: bool) -> tuple[str, ...]:
    """Return the modules with `test` in their names that *module* imports anywhere in its source *data*, sorted.

    >>> mentions("p", b"from .tests import runner", package=True)
    ('p.tests', 'p.tests.runner')
    """
    if len(data) > MAX_SOURCE or _suspicious(data) is None:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # What a compiler says of somebody's string literals is theirs.
            tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(sorted({name for name in _imported(tree, module, package=package) if _name(name)}))


def _imported(tree: ast.AST, module: str, *, package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=name, names=names, level=level):
                base = _base(module, level, package=package) if level else ""
                whole = ".".join(part for part in (base, name or "") if part)
                yield whole
                yield from (f"{whole}.{alias.name}" for alias in names)
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name
            case _:
                pass


def _base(module: str, level: int, *, package: bool) -> str:
    parts = module.split(".")
    return ".".join(parts[: len(parts) - level + package])
