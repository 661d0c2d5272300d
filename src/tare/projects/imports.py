"""What a Python file imports, read and not run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path


def imports_of(path: Path) -> Iterator[str]:
    """Yield `a.b` for each module that a file imports, and `a.b:c` for each `from a.b import c`.

    Imports in functions count, those for type checkers alone and relative ones do not. A file that cannot be read
    imports nothing.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # What a compiler says of somebody's string literals is theirs.
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            negated = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
            waiting += node.body if negated else node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                yield from (module if alias.name == "*" else f"{module}:{alias.name}" for alias in names)
