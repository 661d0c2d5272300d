"""How an image starts: fresh containers timed from outside, and Python timed inside one."""

from __future__ import annotations

import contextlib
import tempfile
import time
from importlib.resources import files

import msgspec

from tare.bench.comparison import Start
from tare.engines.interface import Engine, RunOptions
from tare.errors import MachineError
from tare.oci.image import Image
from tare.oci.structs import decoder

_LIMIT = 300.0
"""Seconds after which a container is ended that should have done its part."""


class Inside(msgspec.Struct, frozen=True, kw_only=True):
    """What the program prints that is run in the image; seconds and bytes."""

    modules: tuple[str, ...]
    failed: str
    """What Python said when the imports failed."""
    first: float
    interpreter: tuple[float, ...]
    imports: tuple[float, ...]
    memory: int
    python: str
    bytecode: bool | None
    uid: int


def measure_start(
    engine: Engine, image: Image, interpreter: tuple[str, ...], modules: tuple[str, ...], rounds: int
) -> tuple[Start, Inside]:
    """Return how *image* starts, and what its own Python says of itself."""
    hold = getattr(engine, "held", None)  # An engine without a daemon has nothing to hold.
    with hold(image) if hold is not None else contextlib.nullcontext():
        return _measured(engine, image, interpreter, modules, rounds)


def _measured(
    engine: Engine, image: Image, interpreter: tuple[str, ...], modules: tuple[str, ...], rounds: int
) -> tuple[Start, Inside]:
    inside = _inside(engine, image, interpreter, modules, rounds)
    if inside.failed:
        raise MachineError("the project's imports fail in the image", causes=(inside.failed.splitlines()[-1],))
    start = Start(
        container=tuple(_container(engine, image, interpreter) for _ in range(rounds)),
        interpreter=inside.interpreter,
        imports=inside.imports,
        first=inside.first,
        modules=inside.modules,
        memory=inside.memory,
    )
    return start, inside


def _inside(
    engine: Engine, image: Image, interpreter: tuple[str, ...], modules: tuple[str, ...], rounds: int
) -> Inside:
    program = files("tare.bench.programs").joinpath("start.py").read_text(encoding="utf-8")
    with tempfile.TemporaryFile() as output:
        arguments = (*interpreter, "-c", program, str(rounds), *modules)
        code = engine.run(image, RunOptions(entrypoint=arguments, stdout=output.fileno(), timeout=_LIMIT))
        output.seek(0)
        text = output.read(1 << 20)
    if code:
        raise MachineError("the program that times the start failed in the image", causes=(f"exit code {code}",))
    return decoder(Inside).decode(text)


def _container(engine: Engine, image: Image, interpreter: tuple[str, ...]) -> float:
    started = time.monotonic()
    code = engine.run(image, RunOptions(entrypoint=(*interpreter, "-I", "-S", "-c", "pass"), timeout=_LIMIT))
    if code:
        raise MachineError("a container in which Python does nothing failed", causes=(f"exit code {code}",))
    return time.monotonic() - started
