"""Finding the applications that a project's modules make, by reading them: nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import msgspec

_FACTORIES = frozenset({"create_app", "make_app", "get_app", "build_app", "app_factory", "create_application"})


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """A variable of a module that holds an application, or a function that returns one."""

    path: str
    """Of the module, relative to the project's root."""

    name: str
    """Of the variable or function."""

    made_by: str
    """What is called, such as `fastapi.FastAPI`; the module that is imported, when that alone decides."""

    is_factory: bool = False


def find(path: str, source: bytes, makers: Iterable[str]) -> Iterator[Application]:
    """Yield the applications that the module at *path* makes by calling one of *makers*; a module that cannot be read has none."""
    wanted = frozenset(makers)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    names = _imported(tree)
    for statement in _statements(tree.body):
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            made = _called(statement.value, names)
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                if made in wanted and isinstance(target, ast.Name):
                    yield Application(path=path, name=target.id, made_by=made)
        elif isinstance(statement, ast.FunctionDef):
            returned = _returned(statement, names, wanted)
            if returned is not None:
                yield Application(path=path, name=statement.name, made_by=returned, is_factory=True)


def imports(source: bytes, module: str) -> bool:
    """Return whether the module that *source* is imports *module*."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(name == module or name.startswith(f"{module}.") for name in _imported(tree).values())


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run on import, those in `if` and `try` too."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.With):
            yield from _statements(statement.body)
        if isinstance(statement, ast.If | ast.Try):
            yield from _statements(statement.orelse)
        if isinstance(statement, ast.Try):
            yield from _statements(statement.body)


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for."""
    found: dict[str, str] = {}
    for statement in _statements(tree.body):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            for alias in statement.names:
                found[alias.asname or alias.name] = f"{statement.module}.{alias.name}"
    return found


def _called(value: ast.expr | None, names: dict[str, str]) -> str:
    """Return the whole name of what *value* calls, empty when it is no call."""
    if not isinstance(value, ast.Call):
        return ""
    parts: list[str] = []
    function: ast.expr = value.func
    while isinstance(function, ast.Attribute):
        parts.insert(0, function.attr)
        function = function.value
    if not isinstance(function, ast.Name):
        return ""
    return ".".join((names.get(function.id, function.id), *parts))


def _returned(function: ast.FunctionDef, names: dict[str, str], wanted: frozenset[str]) -> str | None:
    """Return what a factory makes: by its name, since a helper of a test may make one too."""
    needed = len(function.args.posonlyargs) + len(function.args.args) - len(function.args.defaults)
    if function.name not in _FACTORIES or needed > 0:
        return None
    calls = (_called(node, names) for node in ast.walk(function) if isinstance(node, ast.Call))
    return next((made for made in calls if made in wanted), None)
