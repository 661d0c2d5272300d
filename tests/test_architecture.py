"""The house: which package may know which, and what only the command line may touch (`docs/design.md`)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import tare

ROOT = Path(tare.__file__).parent

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "threads": set(),
    "oci": {"errors", "threads"},
    "net": {"errors"},
    "stores": {"errors", "oci", "net"},
    "wheels": {"errors", "oci", "net"},
    "projects": {"oci", "errors", "wheels"},
    "bases": {"errors", "oci", "wheels", "net", "threads"},
    "plan": {"errors", "oci", "wheels", "projects", "bases"},
    "build": {"errors", "oci", "stores", "wheels", "plan", "threads"},
    "dockerfile": {"errors", "oci", "wheels", "projects", "bases", "plan"},
    "engines": {"errors", "oci", "stores"},
    "measure": {"errors", "oci", "stores", "wheels", "bases", "engines"},
    "bench": {"errors", "oci", "engines", "measure"},
}
"""By package, what it may import of ours besides itself. Each row names rows above it only."""

MAY_IMPORT["flow"] = set(MAY_IMPORT)  # It puts the others together.
MAKERS = {"threads", "net", "stores", "build", "engines"}
MAY_IMPORT["report"] = set(MAY_IMPORT) - MAKERS  # It prints what others made.
MAY_IMPORT["cli"] = set(MAY_IMPORT)
MAY_IMPORT["__main__"] = {"cli"}
MAY_IMPORT["__init__"] = set()

FLOW: dict[str, set[str]] = {
    "credentials": set(),
    "registries": set(),
    "world": {"credentials", "registries"},
    "request": set(),
    "bases": {"world", "request"},
    "build": {"world", "request", "bases"},
    "choose": {"world", "request", "bases", "build"},
    "images": {"world", "request", "bases", "build"},
    "slim": {"world", "request", "bases", "build", "images"},
    "dockerfiles": {"world", "request", "build", "choose"},
    "compare": {"world", "request", "bases", "dockerfiles"},
    "bench": {"world", "request", "bases", "build", "dockerfiles", "compare"},
}
"""The same for the rooms of `flow`, which are stages on the way of the data."""

ONLY_CLI = {"cli", "__main__"}
"""What reads arguments, environment and clock, and writes to the terminal."""

PROGRAMS = "bench/programs/"
"""Programs that are run inside images, and never imported here."""

FORBIDDEN = {
    "os.environ": "the environment is an argument",
    "os.environb": "the environment is an argument",
    "os.getenv": "the environment is an argument",
    "os.putenv": "the environment is an argument",
    "os.path.expandvars": "the environment is an argument",
    "sys.argv": "options are arguments",
    "sys.exit": "an error is raised",
    "sys.stdin": "the terminal is the command line's",
    "sys.stdout": "the terminal is the command line's",
    "sys.stderr": "the terminal is the command line's",
    "time.time": "the clock is an argument",
    "time.time_ns": "the clock is an argument",
    "datetime.datetime.now": "the clock is an argument",
    "datetime.datetime.utcnow": "the clock is an argument",
    "datetime.datetime.today": "the clock is an argument",
    "datetime.date.today": "the clock is an argument",
}
BUILTINS = {"print": "the terminal is the command line's", "input": "the terminal is the command line's"}
BUILTINS |= dict.fromkeys(("exit", "quit"), "an error is raised")

EXCEPTIONS = {
    ("stores/registry/settings.py", "time.time"): "the default of the very seam that hands the clock down",
}

INSIDE_IMAGES = ROOT / "bench" / "programs"
"""Programs that run inside of images: they use nothing of ours, have arguments, and print."""

FILES = sorted(path for path in ROOT.rglob("*.py") if INSIDE_IMAGES not in path.parents)


class Import(NamedTuple):
    """One import of a module, or of a name in one."""

    line: int
    module: str
    name: str | None
    at_load: bool
    """Whether it happens when the file is loaded: neither in a function, nor for the type checker only."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def module_of(path: Path) -> str:
    return ".".join(("tare", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def imports(path: Path) -> Iterator[Import]:
    yield from _imports(tree(path), at_load=True)


def _imports(node: ast.AST, *, at_load: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(child.lineno, alias.name, None, at_load) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            module = "." * child.level + (child.module or "")
            yield from (Import(child.lineno, module, alias.name, at_load) for alias in child.names)
        elif isinstance(child, ast.If) and ast.unparse(child.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            yield from (each for part in child.body for each in _imports(ast.Module([part], []), at_load=False))
            yield from (each for part in child.orelse for each in _imports(ast.Module([part], []), at_load=at_load))
        else:
            lazy = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, at_load=at_load and not lazy)


def ours(each: Import) -> Iterator[str]:
    """Yield the packages of ours that an import touches."""
    parts = each.module.split(".")
    if parts[0] == "tare":
        yield parts[1] if len(parts) > 1 else (each.name or "__init__")


def test_a_package_imports_what_it_may() -> None:
    wrong = []
    for path in FILES:
        own = room(path)
        assert own in MAY_IMPORT, f"the house has no room `{own}`"
        allowed = MAY_IMPORT[own] | {own, "__version__"}
        found = [(each.line, name) for each in imports(path) for name in ours(each)]
        wrong += [f"{shown(path)}:{line}: `{own}` imports `{name}`" for line, name in found if name not in allowed]
    assert wrong == []


def test_a_stage_imports_what_it_may() -> None:
    wrong = []
    for path in FILES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] != "flow" or parts[1] == "__init__":
            continue
        allowed = FLOW[parts[1]] | {parts[1]}
        found = [each for each in imports(path) if each.module.startswith("tare.flow")]
        wrong += [
            f"{shown(path)}:{each.line}: {each.module}"
            for each in found
            if (each.module.removeprefix("tare.flow").split(".")[1:2] or [each.name or ""])[0] not in allowed
        ]
    assert wrong == []


def documented() -> Iterator[tuple[str, str]]:
    """Yield the rooms of the page about the house, with what it says they may import."""
    for line in (ROOT.parents[1] / "docs" / "design.md").read_text("utf-8").partition("`flow` has")[0].splitlines():
        row = re.fullmatch(r"\| `(\w+)` \|.*\| ([^|]+) \|", line)
        if row is not None:
            yield row[1], row[2]


def test_the_page_about_the_house_has_the_same_table() -> None:
    rows = dict(documented())
    names = [name for name in MAY_IMPORT if not name.startswith("__")]
    assert sorted(rows) == sorted(names)

    above: list[str] = []
    for name in rows:
        words = rows[name].partition(";")[0]
        every = words in {"everything", "everything above"}
        assert (set(above) if every else set(words.split(", ")) - {"nothing"}) == MAY_IMPORT[name], name
        above.append(name)


def test_the_page_for_newcomers_names_every_room() -> None:
    page = (ROOT.parents[1] / "CONTRIBUTING.md").read_text("utf-8")
    rooms = re.findall(r"^  (\w+)(?:/|\.py) ", page.partition("src/tare/\n")[2].partition("```")[0], re.MULTILINE)
    assert rooms == [name for name in MAY_IMPORT if not name.startswith("__")]


def test_imports_are_absolute_and_name_what_they_take() -> None:
    found = [(path, each) for path in FILES for each in imports(path)]
    assert [f"{shown(path)}: {each}" for path, each in found if each.module.startswith(".") or each.name == "*"] == []


def test_nothing_imports_the_command_line() -> None:
    below = [path for path in FILES if room(path) not in ONLY_CLI]
    assert [shown(path) for path in below if "cli" in [name for each in imports(path) for name in ours(each)]] == []


def test_each_row_of_the_table_names_rows_above_it() -> None:
    above: set[str] = set()
    for name, allowed in MAY_IMPORT.items():
        if name not in ONLY_CLI | {"__init__"}:
            assert allowed <= above, name
        above.add(name)
    stages: set[str] = set()
    for name, allowed in FLOW.items():
        assert allowed <= stages, name
        stages.add(name)


def test_every_package_has_its_row() -> None:
    rooms = {room(path) for path in FILES}
    assert rooms <= MAY_IMPORT.keys()
    assert {"errors", "oci", "net", "stores", "wheels", "projects", "bases", "plan", "build", "engines", "cli"} <= rooms


def test_no_module_is_loaded_while_it_loads() -> None:
    modules = {module_of(path): path for path in FILES}
    needs: dict[str, set[str]] = {}
    for name, path in modules.items():
        found = set()
        for each in imports(path):
            if each.at_load:
                inner = f"{each.module}.{each.name}"
                found.add(inner if inner in modules else each.module)
        needs[name] = (found & modules.keys()) - {name}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def names_of(path: Path) -> dict[str, str]:
    """Return what each imported name of a file stands for: `datetime` may be a module, or a class of it."""
    found = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def touched(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and full name of everything in a file that only the command line may touch."""
    names = names_of(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BUILTINS:
            yield node.lineno, node.func.id
        if isinstance(node, ast.Attribute | ast.Name):
            head, dot, rest = ast.unparse(node).partition(".")
            full = names.get(head, head if dot else "") + dot + rest
            if full in FORBIDDEN:
                yield node.lineno, full


def test_only_the_command_line_touches_the_process() -> None:
    wrong = [
        f"{shown(path)}:{line}: {name}: {(FORBIDDEN | BUILTINS)[name]}"
        for path in FILES
        if room(path) not in ONLY_CLI and not shown(path).startswith(PROGRAMS)
        for line, name in touched(path)
        if (shown(path), name) not in EXCEPTIONS
    ]
    assert wrong == []


def test_every_exception_is_needed() -> None:
    assert [(own, name) for own, name in EXCEPTIONS if name not in [found for _, found in touched(ROOT / own)]] == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import os\nos.environ['X']", ["os.environ"]),
        ("import os as o\no.environ.get('X')", ["os.environ"]),
        ("from os import environ\nenviron['X']", ["os.environ"]),
        ("from os import getenv as g\ng('X')", ["os.getenv"]),
        ("import sys\nsys.argv\nsys.exit(1)", ["sys.argv", "sys.exit"]),
        ("import time\ntime.time()", ["time.time"]),
        ("from time import time\ntime()", ["time.time"]),
        ("import datetime\ndatetime.datetime.now()", ["datetime.datetime.now"]),
        ("from datetime import datetime\ndatetime.now(tz)", ["datetime.datetime.now"]),
        ("from datetime import date\ndate.today()", ["datetime.date.today"]),
        ("print('x')", ["print"]),
        ("def f():\n    exit()", ["exit"]),
        ("import time\ntime.monotonic()\nx.environ\nself.time()\nprinter('x')", []),
        ("import os\nos.path.join('environ')", []),
    ],
)
def test_this_test_sees_what_it_looks_for(tmp_path: Path, code: str, found: list[str]) -> None:
    path = tmp_path / "x.py"
    path.write_text(code)
    assert [name for _, name in touched(path)] == found


def test_this_test_sees_imports_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(
        "from typing import TYPE_CHECKING\n"
        "import tare.oci.tar\n"
        "if TYPE_CHECKING:\n    from tare.cli import main\n"
        "def f():\n    from tare import net\n"
        "class C:\n    from tare.wheels.wheel import Wheel\n"
        "try:\n    from . import x\nexcept ImportError:\n    pass\n"
    )
    assert list(imports(path)) == [
        Import(1, "typing", "TYPE_CHECKING", at_load=True),
        Import(2, "tare.oci.tar", None, at_load=True),
        Import(4, "tare.cli", "main", at_load=False),
        Import(6, "tare", "net", at_load=False),
        Import(8, "tare.wheels.wheel", "Wheel", at_load=True),
        Import(10, ".", "x", at_load=True),
    ]
    assert [name for each in imports(path) for name in ours(each)] == ["oci", "cli", "net", "wheels"]
