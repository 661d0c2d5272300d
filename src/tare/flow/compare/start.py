"""How an image starts: fresh containers timed from outside, and Python timed inside one."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from importlib.resources import files

import msgspec

from tare.bench.comparison import Start
from tare.engines.interface import Engine, RunOptions
from tare.errors import MachineError
from tare.flow.compare.serving import measure_serving
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
    engine: Engine, image: Image, interpreters: Sequence[str], modules: tuple[str, ...], rounds: int
) -> tuple[Start, Inside]:
    """Return how *image* starts with the first of *interpreters* that it has, and what that says of itself."""
    with engine.held(image):
        interpreter = _first(engine, image, interpreters)
        inside = _inside(engine, image, interpreter, modules, rounds)
        if inside.failed:
            raise MachineError("the project's imports fail in the image", causes=(inside.failed.splitlines()[-1],))
        containers = tuple(_container(engine, image, interpreter)[0] for _ in range(rounds))
        served = measure_serving(engine, image, rounds)
    start = Start(
        container=containers,
        interpreter=inside.interpreter,
        imports=inside.imports,
        first=inside.first,
        modules=inside.modules,
        memory=inside.memory,
        serving=served.seconds,
        unserved=served.why,
    )
    return start, inside


def _first(engine: Engine, image: Image, interpreters: Sequence[str]) -> str:
    for each in interpreters:
        if _container(engine, image, each)[1] == 0:
            return each
    names = ", ".join(f"`{each}`" for each in interpreters)
    raise MachineError("the image has no Python that starts", causes=(f"none of {names} ends well",))


def _inside(engine: Engine, image: Image, interpreter: str, modules: tuple[str, ...], rounds: int) -> Inside:
    program = files("tare.bench.programs").joinpath("start.py").read_text(encoding="utf-8")
    with tempfile.TemporaryFile() as output:
        arguments = (interpreter, "-c", program, str(rounds), *modules)
        code = engine.run(image, RunOptions(entrypoint=arguments, stdout=output.fileno(), timeout=_LIMIT))
        output.seek(0)
        text = output.read(1 << 20)
    if code:
        raise MachineError("the program that times the start failed in the image", causes=(f"exit code {code}",))
    return decoder(Inside).decode(text)


def _container(engine: Engine, image: Image, interpreter: str) -> tuple[float, int]:
    """Run a fresh container in which Python does nothing; return its seconds and its exit code."""
    options = RunOptions(entrypoint=(interpreter, "-I", "-S", "-c", "pass"), timeout=_LIMIT)
    started = time.monotonic()
    code = engine.run(image, options)
    return time.monotonic() - started, code
