"""Is a slim image still whole? Every module is imported in it, and what fails there is tried in the image as it was.

What was missed is put back: the smallest set of what was left out with which everything works again, found by halving a
sorted list, so that the same image always gets the same answer.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import BinaryIO, Final, TypeVar

import msgspec

from tare.engines.interface import Engine, Mount, RunOptions
from tare.errors import MachineError
from tare.oci.image import Image
from tare.oci.structs import decoder
from tare.plan.plan import Dropped
from tare.plan.slim import in_packages, table
from tare.wheels.kinds import inside

LIMIT: Final = 1800.0
"""Seconds for all imports of one image."""

_MAX_ANSWER: Final = 64 * 1024 * 1024
_LINE: Final = 2000
"""Bytes of the end of what a check says, of which the last line is told."""


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """Something that works in the image as it was, and not in the slim one."""

    what: str
    """A module, or the command of `--check`."""

    error: str


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What was put back, since something needs it."""

    code: str
    """The rule that had taken it."""

    paths: tuple[str, ...]


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was tried, and what came of it."""

    engine: str
    imported: int
    """Modules that can be imported in the slim image."""

    never: tuple[str, ...]
    """Modules that cannot be imported in either image: what was not proved of them is for the person to know."""

    left_out: int = 0
    """Modules that rules took whole, such as tests: there is nothing to import."""

    missed: tuple[Missed, ...]
    restored: tuple[Restored, ...]

    check: str | None
    """The command that was run in both."""

    unsound: tuple[Missed, ...] = ()
    """What still fails after everything that was left out was put back, or nothing."""


class _Answer(msgspec.Struct, frozen=True):
    modules: dict[str, str]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How images are tried."""

    engine: Engine
    interpreter: tuple[str, ...]
    check: str | None = None
    mounts: tuple[Mount, ...] = ()


def imports(trial: Trial, image: Image, modules: Sequence[str] = ()) -> dict[str, str]:
    """Return for each module of *image*, or each of *modules*, what went wrong; nothing where it was imported."""
    program = files("tare.bench.programs").joinpath("modules.py").read_text(encoding="utf-8")
    with tempfile.TemporaryFile() as output:
        options = RunOptions(
            entrypoint=(*trial.interpreter, "-c", program, *modules),
            stdout=output.fileno(),
            network=False,
            timeout=LIMIT,
        )
        code = trial.engine.run(image, options)
        output.seek(0)
        text = output.read(_MAX_ANSWER)
    if code:
        raise MachineError("the program that imports modules failed in the image", causes=(f"exit code {code}",))
    return decoder(_Answer).decode(text).modules


def failure(trial: Trial, image: Image) -> str:
    """Return what the command of the person ends with in *image*: its exit code and last line; nothing if it succeeds."""
    if trial.check is None:
        return ""
    with tempfile.TemporaryFile() as output:
        options = RunOptions(
            entrypoint=tuple(shlex.split(trial.check)),
            mounts=trial.mounts,
            stdout=output.fileno(),
            stderr=output.fileno(),
            timeout=LIMIT,
        )
        code = trial.engine.run(image, options)
        return f"exit code {code}{_last_line(output)}" if code else ""


def _last_line(output: BinaryIO) -> str:
    output.seek(max(0, output.seek(0, 2) - _LINE))
    lines = output.read(_LINE).decode("utf-8", "replace").split("\n")
    said = next((line for line in reversed(lines) if line.strip()), "")
    return f": {' '.join(said.split())}" if said else ""


def find_missed(trial: Trial, before: Image, after: Image) -> tuple[int, tuple[str, ...], tuple[Missed, ...]]:
    """Return how many modules of *after* can be imported, which cannot in either image, and what is missed."""
    with trial.engine.held(after):
        found = imports(trial, after)
        problem = failure(trial, after)
    failing = sorted(name for name, error in found.items() if error)
    known, before_too = _of_before(trial, before, failing, check=bool(problem))
    if before_too:
        raise MachineError(
            f"`{trial.check}` fails in the image as it was, too", causes=(before_too,), hints=("Mend the check first",)
        )
    missed = [Missed(what=name, error=found[name]) for name in failing if not known.get(name)]
    if trial.check is not None and problem:
        missed.append(Missed(what=trial.check, error=problem))
    never = tuple(name for name in failing if known.get(name))
    return len(found) - len(failing), never, tuple(missed)


def _of_before(trial: Trial, before: Image, failing: Sequence[str], *, check: bool) -> tuple[dict[str, str], str]:
    """Return what is wrong in the image as it was with the modules *failing*, and with the command where *check* asks."""
    if not failing and not check:
        return {}, ""
    with trial.engine.held(before):
        known = imports(trial, before, failing) if failing else {}
        return known, failure(trial, before) if check else ""


def modules_among(gone: Sequence[Dropped]) -> int:
    """Return how many modules are left out as a whole. What is shortened can be imported."""
    cutting = {rule.code for rule in table().rule if rule.cut}
    return sum(_is_module(each.path) and each.code not in cutting for each in gone)


def _is_module(path: str) -> bool:
    return path.endswith(".py") or (path.endswith(".so") and (in_packages(path) or "/lib-dynload/" in path))


def works(trial: Trial, image: Image, missed: Sequence[Missed]) -> bool:
    """Whether all of *missed* works in *image*."""
    modules = [each.what for each in missed if each.what != trial.check]
    with trial.engine.held(image):
        if modules and any(imports(trial, image, modules).values()):
            return False
        return len(modules) == len(missed) or not failure(trial, image)


def needed(dropped: Sequence[Dropped], works_with: Callable[[frozenset[str]], bool]) -> tuple[Restored, ...]:
    """Return the smallest part of *dropped*, by rule and package, with which everything works; all if nothing less does.

    *works_with* is asked with the paths that stay.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for each in dropped:
        groups.setdefault((each.code, inside(each.path).partition("/")[0]), []).append(each.path)
    order = sorted(groups)
    kept = _halved(order, lambda names: works_with(frozenset(path for name in names for path in groups[name])))
    single = [path for name in kept for path in groups[name]]
    code_of = {each.path: each.code for each in dropped}
    if 1 < len(single) <= _FINE:
        single = list(_halved(sorted(single), lambda paths: works_with(frozenset(paths))))
    by_code: dict[str, list[str]] = {}
    for path in sorted(single):
        by_code.setdefault(code_of[path], []).append(path)
    return tuple(Restored(code=code, paths=tuple(paths)) for code, paths in sorted(by_code.items()))


_Name = TypeVar("_Name")

_FINE: Final = 4096
"""Files among which the very ones are looked for."""


def _halved(names: Sequence[_Name], enough: Callable[[Sequence[_Name]], bool]) -> Sequence[_Name]:
    """Return a part of *names* of which none can be left out, by delta debugging (Zeller, 2002)."""
    parts = 2
    kept = list(names)
    while len(kept) > 1:
        size = -(-len(kept) // parts)
        pieces = [kept[start : start + size] for start in range(0, len(kept), size)]
        smaller = next((piece for piece in pieces if enough(piece)), None)
        if smaller is None:
            rests = ([name for name in kept if name not in piece] for piece in pieces) if parts > 2 else iter(())
            smaller = next((rest for rest in rests if enough(rest)), None)
            if smaller is None:
                if parts >= len(kept):
                    break
                parts = min(len(kept), parts * 2)
                continue
            parts = max(parts - 1, 2)
        else:
            parts = 2
        kept = list(smaller)
    return kept
