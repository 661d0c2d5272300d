"""Bytecode made by the interpreter of an image, in a container of it; what came of that is read strictly.

Each module is compiled twice, by processes that have compiled nothing else, and in another order: what `marshal`
writes depends on what else refers to an object. What does not come out equal is left out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.resources import files
from typing import BinaryIO, Final, Literal, TypeVar

import msgspec

from tare.engines.interface import Engine, Mount, RunOptions
from tare.errors import IntegrityError, MachineError
from tare.oci.digest import sha256
from tare.oci.image import Image
from tare.oci.structs import decoder

LIMIT: Final = 1800.0
"""Seconds for all modules of one image."""

_LONGEST_LINE: Final = 64 * 1024 * 1024
_LARGEST: Final = 256 * 1024 * 1024
"""Bytes of one module's bytecode."""


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """A module with its bytecode."""

    path: str
    """Of its source: from the image's root, without a leading slash."""

    cached: str
    """Where the interpreter looks for its bytecode."""

    data: bytes
    weight: int
    """Nodes of its syntax tree, which the time that compiling takes follows (`docs/bytecode.md`); 0 if not counted."""


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """What an interpreter made."""

    modules: tuple[Module, ...]
    """Sorted by path."""

    there: tuple[Module, ...]
    """Those that have bytecode already."""

    broken: tuple[str, ...]
    unequal: tuple[str, ...]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How programs are run in an image."""

    engine: Engine
    image: Image
    interpreter: str


class _Record(msgspec.Struct, frozen=True):
    state: Literal["compiled", "there", "broken", "end"]
    path: str = ""
    cached: str = ""
    size: int = 0


_Kind = TypeVar("_Kind")


class _Again(msgspec.Struct, frozen=True):
    again: dict[str, tuple[str, int]]


def compiled(trial: Trial, mode: Literal["auto", "budget", "all"], script: str, names: Sequence[str]) -> Compiled:
    """Return the bytecode of what *names* and *script* import, or of every module of the image."""
    with tempfile.TemporaryFile() as output:
        _run(trial, ("work", mode, script, *names), output)
        output.seek(0)
        return _read(output)


def seconds(trial: Trial, script: str, names: Sequence[str], bytecode: Mount | None = None) -> float:
    """Return how long interpreter and imports take in a fresh container, with *bytecode* as the interpreter's cache."""
    with tempfile.TemporaryFile() as output:
        _run(trial, ("start", script, *names), output, bytecode)
        output.seek(0)
        text = output.read(100)
    try:
        return float(text)
    except ValueError:
        raise MachineError(
            "the program that imports modules told no time", causes=(f"it printed {text[:40]!r}",)
        ) from None


def _run(trial: Trial, arguments: Sequence[str], output: BinaryIO, bytecode: Mount | None = None) -> None:
    program = files("tare.bench.programs").joinpath("bytecode.py").read_text(encoding="utf-8")
    options = RunOptions(
        entrypoint=(trial.interpreter, "-c", program, *arguments),
        env={"PYTHONHASHSEED": "0", **({"PYTHONPYCACHEPREFIX": bytecode.target} if bytecode else {})},
        mounts=(bytecode,) if bytecode else (),
        workdir="/",
        stdout=output.fileno(),
        network=False,
        timeout=LIMIT,
    )
    code = trial.engine.run(trial.image, options)
    if code:
        raise MachineError(
            f"the interpreter `{trial.interpreter}` of the image did not compile modules",
            causes=(f"exit code {code}, with {trial.engine.name}",),
        )


def _read(stream: BinaryIO) -> Compiled:
    """Read what the program printed; see there."""
    found: dict[str, tuple[str, bytes]] = {}
    there, broken = [], []
    while (record := _decoded(_Record, _line(stream))).state != "end":
        if record.state == "there":
            data = _bytes(stream, record)
            there.append(Module(path=_inside(record.path), cached=_inside(record.cached), data=data, weight=0))
        elif record.state == "broken":
            broken.append(_inside(record.path))
        else:
            found[record.path] = (_inside(record.cached), _bytecode(stream, record))
    again = _decoded(_Again, _line(stream)).again
    same = [path for path, (_, data) in found.items() if again.get(path, ("",))[0] == sha256(data)[7:]]
    modules = [
        Module(path=_inside(path), cached=found[path][0], data=found[path][1], weight=again[path][1]) for path in same
    ]
    return Compiled(
        modules=tuple(sorted(modules, key=lambda each: each.path)),
        there=tuple(there),
        broken=tuple(sorted(broken)),
        unequal=tuple(sorted(_inside(path) for path in found.keys() - set(same))),
    )


def _decoded(kind: type[_Kind], line: bytes) -> _Kind:
    try:
        return decoder(kind).decode(line)
    except msgspec.MsgspecError as error:
        raise IntegrityError("what was compiled in the image is not understood", causes=(str(error),)) from None


def _line(stream: BinaryIO) -> bytes:
    line = stream.readline(_LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise IntegrityError("what was compiled in the image ends in the middle")
    return line


def _bytecode(stream: BinaryIO, record: _Record) -> bytes:
    """Read bytecode of PEP 552 that no interpreter compares with its source."""
    data = _bytes(stream, record)
    if data[2:8] != b"\r\n\1\0\0\0":
        raise IntegrityError(f"what was compiled of `{record.path}` is no unchecked bytecode")
    return data


def _bytes(stream: BinaryIO, record: _Record) -> bytes:
    data = stream.read(record.size) if 16 < record.size <= _LARGEST else b""
    if len(data) != record.size or not record.cached.endswith(".pyc"):
        raise IntegrityError(
            f"what was compiled of `{record.path}` is not whole",
            causes=(f"{len(data)} of {record.size} bytes for `{record.cached}`",),
        )
    return data


def _inside(path: str) -> str:
    """Return an absolute path of the image as one from its root, or refuse it."""
    parts = path.split("/")
    if parts[0] or len(parts) < 2 or any(part in {"", ".", ".."} or "\0" in part for part in parts[1:]):
        raise IntegrityError("a module of the image has a path that leads nowhere", causes=(f"`{path}`",))
    return path[1:]
