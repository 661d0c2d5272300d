"""Which engine runs an image: the one that was asked for, or the first that works here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from tare.engines.interface import Engine, RunOptions
from tare.errors import MachineError, UsageError
from tare.oci.image import Image


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An engine, and why it was taken."""

    engine: Engine

    why: str
    """One sentence for the person who runs the command."""


def choose(engines: Sequence[Engine], name: str | None = None) -> Choice:
    """Return the engine called *name*, or the first of *engines* that is available."""
    names = [engine.name for engine in engines]
    if name is not None and name not in names:
        raise UsageError(f"there is no engine `{name}`", hints=(f"Choose one of {', '.join(names)}",))
    reasons: list[str] = []
    for engine in engines:
        if name is not None and engine.name != name:
            continue
        reason = engine.available()
        if reason is None:
            return Choice(engine=engine, why=_why(engine.name, name, reasons))
        reasons.append(f"{engine.name}: {reason}")
    message = f"the engine `{name}` cannot be used here" if name else "there is nothing here that runs containers"
    raise MachineError(message, causes=tuple(reasons), hints=("Start Docker, or install podman",))


def run_with_first(
    engines: Sequence[Engine], name: str | None, image: Image, options: RunOptions, *, say: Callable[[str], None]
) -> int:
    """Run *image* with the engine called *name*, or the first that starts it, and return the exit code.

    *say* hears which one is used, and why another one was not.
    """
    left = tuple(engines)
    failure: MachineError | None = None
    while True:
        try:
            choice = choose(left, name)
        except MachineError:
            if failure is not None:
                raise failure from None
            raise
        say(choice.why)
        try:
            return choice.engine.run(image, options)
        except MachineError as error:
            if name is not None:
                raise
            failure = failure or error
            reason = "; ".join((error.message, *error.causes))
            say(f"{choice.engine.name} starts no container ({reason}), so the next engine is tried")
            left = left[left.index(choice.engine) + 1 :]


def _why(chosen: str, asked_for: str | None, reasons: Sequence[str]) -> str:
    if asked_for:
        return f"running with {chosen}, as asked for"
    if not reasons:
        return f"running with {chosen}"
    return f"running with {chosen}, since others cannot be used ({'; '.join(reasons)})"
