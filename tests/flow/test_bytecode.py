"""The layer of bytecode: where it lies in an image, when it is made anew, and by which engine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command import Place
from counted import CountedWorld, ask, made, project_at
from layouts import entries
from local_engine import LocalEngine

from tare.engines.interface import RunOptions
from tare.errors import MachineError
from tare.flow.build import preparing
from tare.flow.build.build import Built
from tare.flow.build.bytecode import step
from tare.flow.build.bytecode.names import Names
from tare.flow.build.bytecode.step import Below
from tare.flow.build.plan import make_plan
from tare.flow.request import Request
from tare.oci.config import RunConfig
from tare.oci.image import Image
from tare.report.build import build_json, build_text

SITE = "/opt/venv/lib/python3.13/site-packages"
CACHED = f"{SITE}/sample/__pycache__/__init__.cpython-313.pyc"
STANDARD = "/usr/lib/python3.13/__pycache__/json.cpython-313.pyc"
DATA = b"\xf3\x0d\r\n\1\0\0\0" + bytes(8) + b"code"

Build = Callable[..., tuple[Built, CountedWorld]]


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def answer(modules: dict[str, int]) -> bytes:
    """Return what the program prints when it has compiled *modules*, given by where their bytecode goes and their nodes."""
    text, again = b"", {}
    for cached, nodes in modules.items():
        directory, _, name = cached.replace("/__pycache__", "").rpartition("/")
        path = f"{directory}/{name.partition('.')[0]}.py"
        text += line(state="compiled", path=path, cached=cached, size=len(DATA)) + DATA
        again[path] = (hashlib.sha256(DATA).hexdigest(), nodes)
    return text + line(state="end") + line(again=again)


class Answering(LocalEngine):
    """An engine whose containers compile two modules, and start faster with them."""

    def __init__(self, modules: dict[str, int] | None = None) -> None:
        super().__init__(Path("/nonexistent"))
        self._answer = answer(modules if modules is not None else {CACHED: 9, STANDARD: 5})

    def run(self, image: Image, options: RunOptions) -> int:
        assert options.entrypoint is not None
        work = options.entrypoint[3] == "work"
        has = any(Path(mount.source, CACHED[1:].replace("__pycache__/", "")).exists() for mount in options.mounts)
        self._output = self._answer if work else b"0.5" if has else b"1.25"
        return super().run(image, options)


@pytest.fixture
def compiling(place: Place) -> Callable[..., tuple[Built, CountedWorld]]:
    """Build the project with bytecode, by an engine that answers."""

    def run(wish: object = "auto", engine: LocalEngine | None = None, **changes: Any) -> tuple[Built, CountedWorld]:
        engine = engine or Answering()
        world = CountedWorld(place.cache, place.environment, engines=lambda: (engine,))
        return made(world, place.app, ask(place.base(), bytecode=wish, **changes)), world

    return run


def test_bytecode_is_a_layer_between_the_dependencies_and_the_project(project: Place, compiling: Build) -> None:
    built, _ = compiling()

    assert [layer.kind for layer in built.layers][-3:] == ["wheels", "bytecode", "project"]
    layer = built.image.layers[-2]
    assert layer.descriptor == built.layers[-2].descriptor
    with layer.open() as stream:
        found = entries(stream.read())
    files = {path: (info.mode, info.mtime, info.size) for path, info in found.items() if info.isfile()}
    assert files == {path[1:]: (0o644, 315532800, 20) for path in (CACHED, STANDARD)}


def test_a_build_tells_what_it_gained(project: Place, compiling: Build) -> None:
    built, _ = compiling()

    text = build_text([built], seconds=1.0, now=0.0)
    assert text.splitlines()[-1] == "bytecode: 2 modules, 40 B, start 1.2 s -> 500 ms (measured in local, 3 runs)"
    document = json.loads(build_json(built.image, [built], reference="x", seconds={}))
    assert document["layers"][-2]["why"] == "bytecode of what the start imports"
    assert document["bytecode"] == {
        "wish": "auto",
        "modules": 2,
        "unpacked": 40,
        "there": 0,
        "beyond": 0,
        "unequal": [],
        "broken": [],
        "start": {"before": 1.25, "after": 0.5, "runs": 3, "engine": "local"},
    }


def test_a_second_build_starts_no_container(project: Place, compiling: Build) -> None:
    first, _ = compiling()
    engine = Answering()
    second, world = compiling(engine=engine)

    assert (second.image.digest, second.bytecode, engine.runs) == (first.image.digest, first.bytecode, [])
    assert (dict(world.uses), second.reused) == ({}, 3)


def test_a_changed_line_that_imports_nothing_else_starts_no_container(project: Place, compiling: Build) -> None:
    first, _ = compiling()
    project.write({"main.py": "print(2)\n"})
    engine = Answering()
    second, _ = compiling(engine=engine)
    assert (engine.runs, second.layers[-2]) == ([], first.layers[-2])

    project.write({"main.py": "import json\n"})
    compiling(engine=engine)
    assert next(run.entrypoint[3:] for run in engine.runs if run.entrypoint) == ("work", "auto", "", "json")


def test_a_blob_that_is_gone_is_made_again(project: Place, compiling: Build) -> None:
    first, world = compiling()
    world.cache.path(first.layers[-2].descriptor.digest).unlink()
    second, _ = compiling()

    assert second.image.digest == first.image.digest


def test_a_budget_takes_what_saves_most(project: Place, compiling: Build) -> None:
    built, _ = compiling(20)

    assert built.bytecode is not None
    assert (built.bytecode.modules, built.bytecode.size, built.bytecode.beyond) == (1, 20, 1)
    assert build_text([built], seconds=1.0, now=0.0).splitlines()[-1] == (
        "bytecode: 1 module left out, since the budget has no room for more"
    )


def test_no_module_makes_no_layer(project: Place, compiling: Build, build: Build) -> None:
    built, _ = compiling(engine=Answering({}))

    plain, _ = build()
    assert [layer.kind for layer in built.layers][-2:] == ["wheels", "project"]
    assert built.image.digest == plain.image.digest


def test_the_next_engine_is_tried(project: Place, place: Place) -> None:
    world = CountedWorld(
        place.cache, place.environment, engines=lambda: (LocalEngine(Path("/nonexistent"), code=1), Answering())
    )
    built = made(world, place.app, ask(place.base(), bytecode="auto"))

    assert built.bytecode is not None
    assert built.bytecode.modules == 2


def test_without_an_engine_there_is_an_error_and_no_other_image(project: Place, place: Place) -> None:
    world = CountedWorld(place.cache, place.environment)

    with pytest.raises(MachineError) as caught:
        made(world, place.app, ask(place.base(), bytecode=20_000_000))

    assert caught.value.message == (
        "`--bytecode budget:20000000` needs the image's own interpreter, and nothing here runs it"
    )
    assert caught.value.causes == ("there is no engine",)


def test_a_plan_has_the_layer(project: Place, place: Place) -> None:
    world = CountedWorld(place.cache, place.environment)
    with world.cache.in_use():
        plan = make_plan(world, project_at(world, place.app), ask(place.base(), bytecode="all")).plan

    assert [(layer.kind, layer.why) for layer in plan.layers][-2] == (
        "bytecode", "bytecode of every module; which modules these are is known when it is built",
    )  # fmt: skip


OTHER = {
    "run": lambda below: below._replace(run=RunConfig(env=("PYTHONOPTIMIZE=1",))),
    "names": lambda below: below._replace(names=Names(modules=("json",), script="")),
    "script": lambda below: below._replace(names=Names(modules=(), script="serve")),
    "prepared": lambda below: below._replace(prepared=msgspec.structs.replace(below.prepared, layers=())),
}


@pytest.mark.parametrize("what", [*OTHER, "wish", "single member", "time"])
def test_everything_that_bytecode_follows_from_is_in_its_key(project: Place, place: Place, what: str) -> None:
    world = CountedWorld(place.cache, place.environment)
    request = ask(place.base(), bytecode="auto")
    with world.cache.in_use():
        prepared, base, _ = preparing.prepare(world, project_at(world, place.app), request)
    below = Below(prepared, base, RunConfig(), Names(modules=(), script=""))
    before = step._key(world, request, below)
    assert step._key(world, request, below) == before

    def changed() -> object:
        if what == "time":
            later = CountedWorld(place.cache, {**place.environment, "SOURCE_DATE_EPOCH": "1"})
            return step._key(later, request, below)
        if what in OTHER:
            return step._key(world, request, OTHER[what](below))
        other: dict[str, Request] = {
            "wish": msgspec.structs.replace(request, bytecode=7),
            "single member": msgspec.structs.replace(request, single_member=True),
        }
        return step._key(world, other[what], below)

    assert changed() != before
