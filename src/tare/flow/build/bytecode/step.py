"""The step of a build that makes bytecode: a layer between the dependencies and the project, remembered by itself."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from tare import __version__
from tare.build.layers import Writing, write_layers
from tare.engines.interface import Mount
from tare.errors import MachineError
from tare.flow.build.bytecode.choice import within
from tare.flow.build.bytecode.names import Names
from tare.flow.build.bytecode.result import Bytecode, Start
from tare.flow.build.bytecode.work import Module, Trial, compiled, seconds
from tare.flow.build.prepared import Prepared, ready
from tare.flow.request import Request
from tare.flow.world import World, held
from tare.oci.compression import CODER
from tare.oci.config import ImageConfig, RootFS, RunConfig
from tare.oci.digest import Digest, sha256
from tare.oci.image import Blob, Image, make_image
from tare.plan.plan import PlannedFile, PlannedLayer
from tare.projects.bytecode import Wish, told
from tare.stores.cache import key_of

_FORMAT: Final = 1
_RUNS: Final = 3
_PLACE: Final = "/tare-bytecode"

WHY: Final = {
    "auto": "bytecode of what the start imports",
    "budget": "bytecode of what the start imports, as far as the budget goes",
    "all": "bytecode of every module",
}
"""The reason of the layer, by mode."""


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the bytecode of an image follows from."""

    format: int
    version: str
    coder: str
    program: Digest
    diff_ids: tuple[Digest, ...]
    """Of base and dependencies."""

    environment: dict[str, str]
    names: Names
    wish: Wish
    single_member: bool
    epoch: int


def mode_of(wish: Wish) -> Literal["auto", "budget", "all"]:
    """Return what *wish* takes: of what the start imports, some or all, or everything."""
    return "budget" if isinstance(wish, int) else "all" if wish == "all" else "auto"


class Below(NamedTuple):
    """What an image is without the project's own layer, and how it is run."""

    prepared: Prepared
    base: Sequence[Blob]
    run: RunConfig
    names: Names


def make_bytecode(world: World, request: Request, below: Below) -> tuple[Bytecode, bool]:
    """Return the bytecode that *request* wishes for base and dependencies, and whether it was known."""
    key = key_of(_key(world, request, below))
    known = world.cache.recall("bytecode", key, Bytecode)
    if known is not None and (known.layer is None or world.cache.find(known.layer.descriptor) is not None):
        return known, True
    made = _with_first(world, request, below)
    world.cache.remember("bytecode", key, msgspec.json.encode(made))
    return made, False


def _key(world: World, request: Request, below: Below) -> _Key:
    return _Key(
        format=_FORMAT,
        version=__version__,
        coder=CODER,
        program=sha256(files("tare.bench.programs").joinpath("bytecode.py").read_bytes()),
        diff_ids=_diff_ids(below.prepared),
        environment=below.run.environment(),
        names=below.names,
        wish=request.bytecode,
        single_member=request.single_member,
        epoch=world.epoch,
    )


def _diff_ids(prepared: Prepared) -> tuple[Digest, ...]:
    return (*prepared.config.rootfs.diff_ids, *(layer.diff_id for layer in prepared.layers))


def _image(world: World, below: Below) -> Image:
    """Return base and dependencies as an image, to be run as the project's."""
    prepared = below.prepared
    config = ImageConfig(
        architecture=prepared.platform.architecture,
        os=prepared.platform.os,
        variant=prepared.platform.variant,
        config=below.run,
        rootfs=RootFS(type="layers", diff_ids=_diff_ids(prepared)),
    )
    return make_image(config, (*below.base, *(held(world, layer.descriptor) for layer in prepared.layers)), {})


def _with_first(world: World, request: Request, below: Below) -> Bytecode:
    """Return what the first engine makes that runs the image; the one that needs no daemon is tried first."""
    image = _image(world, below)
    interpreter = f"/{below.prepared.scheme.scripts}/python"
    reasons = []
    for engine in sorted(world.engines(), key=lambda each: each.name != "chroot"):
        reason = engine.available()
        if reason is None:
            try:
                with engine.held(image):
                    return _made(world, request, below, Trial(engine=engine, image=image, interpreter=interpreter))
            except MachineError as error:
                reason = "; ".join((error.message, *error.causes))
        reasons.append(f"{engine.name}: {reason}")
    raise MachineError(
        f"`--bytecode {told(request.bytecode)}` needs the image's own interpreter, and nothing here runs it",
        causes=tuple(reasons) or ("there is no engine",),
        hints=(
            f"For a foreign platform, install an emulator (`qemu-user-static`) for {image.platform}",
            "Leave bytecode out with `--bytecode none`",
        ),
    )


def _made(world: World, request: Request, below: Below, trial: Trial) -> Bytecode:
    names = below.names
    mode = mode_of(request.bytecode)
    with world.step("compile modules"):
        found = compiled(trial, mode, names.script, names.modules)
    chosen = within(found.modules, request.bytecode) if isinstance(request.bytecode, int) else found.modules
    layer = None
    if chosen:
        with world.step("write layers"):
            planned = PlannedLayer(kind="bytecode", why=WHY[mode], files=_files(chosen)).on(below.prepared.ground)
            writing = Writing(mtime=world.epoch, single_member=request.single_member)
            (outcome,) = write_layers(world.cache, [planned], {}, writing)
        layer = ready(outcome.layer, kind="bytecode", why=planned.why)
    with world.step("measure the start"):
        start = _start(trial, names, chosen, found.there)
    return Bytecode(
        wish=request.bytecode,
        layer=layer,
        modules=len(chosen),
        size=sum(len(each.data) for each in chosen),
        there=len(found.there),
        broken=found.broken,
        unequal=found.unequal,
        beyond=len(found.modules) - len(chosen),
        start=start,
    )


def _files(modules: Sequence[Module]) -> tuple[PlannedFile, ...]:
    files = (PlannedFile(each.cached, 0o644, len(each.data), each.data) for each in modules)
    return tuple(sorted(files, key=lambda each: each.path))


def _start(trial: Trial, names: Names, modules: Sequence[Module], there: Sequence[Module]) -> Start:
    """Measure the imports with and without bytecode, by turns, each in a fresh container.

    The bytecode is shown to the interpreter as its cache (`PYTHONPYCACHEPREFIX`), so that no second image is unpacked.
    Where the base has some bytecode of its own, that is in the cache of both.
    """
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)  # noqa: S103  # whoever the image's user is reads it
        without = _cache(Path(scratch, "without"), there)
        with_all = _cache(Path(scratch, "with"), (*there, *modules))
        before, after = [], []
        for _ in range(_RUNS):
            before.append(seconds(trial, names.script, names.modules, without))
            after.append(seconds(trial, names.script, names.modules, with_all))
    return Start(
        before=round(statistics.median(before), 4),
        after=round(statistics.median(after), 4),
        runs=_RUNS,
        engine=trial.engine.name,
    )


def _cache(place: Path, modules: Sequence[Module]) -> Mount:
    """Write bytecode where an interpreter looks for it that is told a directory for all of it."""
    place.mkdir()
    for each in modules:
        ending = each.cached.rpartition("/")[2].partition(".")[2]
        path = place / f"{each.path.removesuffix('.py')}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each.data)
    return Mount(source=place, target=_PLACE)
