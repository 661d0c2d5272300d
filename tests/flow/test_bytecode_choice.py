"""Which modules a budget has room for, what is imported, and what is wished for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tare.flow.build.bytecode.choice import within
from tare.flow.build.bytecode.names import Names, imported
from tare.flow.build.bytecode.work import Module
from tare.projects import bytecode
from tare.projects.project import read


def module(name: str, size: int, weight: int) -> Module:
    return Module(path=f"lib/{name}.py", cached=f"lib/__pycache__/{name}.pyc", data=bytes(size), weight=weight)


MODULES = [module("a", 100, 10), module("b", 100, 90), module("c", 50, 40), module("d", 10, 1)]


@pytest.mark.parametrize(
    ("budget", "names"), [(0, ""), (9, ""), (10, "d"), (60, "cd"), (100, "b"), (150, "bc"), (200, "bcd"), (260, "abcd")]
)
def test_what_saves_most_for_its_bytes_is_taken_first(budget: int, names: str) -> None:
    taken = within(MODULES, budget)

    assert "".join(each.path[4] for each in taken) == names
    assert sum(len(each.data) for each in taken) <= budget
    assert within(MODULES[::-1], budget) == taken


def project(place: Path, **sources: str) -> Path:
    (place / "requirements.txt").write_text("")
    for name, source in sources.items():
        path = place / name.replace("__", "/")
        path = path.with_name(f"{path.name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return place


SOURCE = """
from __future__ import annotations
import os, json.decoder as decoder
from typing import TYPE_CHECKING
from . import beside
if TYPE_CHECKING:
    import types_only
else:
    import fallback
if not TYPE_CHECKING:
    import at_run_time
else:
    import other_types
def later():
    from matplotlib import pyplot, figure
    from numpy import *
"""


def test_imports_are_read_from_sources_with_functions_and_without_tests_and_types(tmp_path: Path) -> None:
    place = project(tmp_path, main=SOURCE, tests__test_main="import pytest\n", broken="import (\n")

    assert imported(read(str(place)), ["python", "main.py"]) == Names(
        modules=(
            "__future__:annotations", "at_run_time", "fallback", "json.decoder", "matplotlib:figure", "matplotlib:pyplot", "numpy",
            "os", "typing:TYPE_CHECKING",
        ),
        script="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ((), Names(modules=(), script="")),
        (("/opt/venv/bin/python3", "-m", "uvicorn", "app:app"), Names(modules=("runpy", "uvicorn"), script="")),
        (("python", "-m"), Names(modules=(), script="")),
        (("gunicorn", "app:app"), Names(modules=(), script="gunicorn")),
    ],
)
def test_what_the_image_runs_is_imported_too(tmp_path: Path, command: tuple[str, ...], names: Names) -> None:
    assert imported(read(str(project(tmp_path))), command) == names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("none", "none"), ("auto", "auto"), ("all", "all"), ("budget:20MB", 20_000_000), ("budget:1.5 MiB", 1_572_864),
        ("budget:", None), ("budget:0", None), ("budget:many", None), ("some", None), ("", None), (True, None), (7, None),
    ],
)  # fmt: skip
def test_wishes_are_read(text: object, found: object) -> None:
    assert bytecode.read(text) == found
