"""From names, versions and hashes to a PEP 751 lock: uv says where the files are, the input says which are right.

Two traps, both met (uv 0.13): given a wrong `--hash`, `uv pip compile` succeeds and writes the hashes that the index
offers; and it resolves anew. So it is asked with `--no-deps`, about names and versions alone, and of its answer only
the files stay whose hash the input names. Markers do not go through uv either: they are kept as the input has them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

import msgspec
from packaging.pylock import Pylock
from packaging.version import InvalidVersion, Version

from tare.errors import IntegrityError, ProjectError, TareError, TargetError
from tare.projects.locks.interface import Request
from tare.projects.uv import Uv

_OLDEST_MINOR = 8
"""The first CPython 3.N that is asked about, to tell a file for another series from one that is not offered."""


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """One distribution of a lock that is not a PEP 751 lock."""

    name: str
    """Normalized."""

    version: str | None = None
    """Exact. `None` for one that comes from a directory, an archive or a repository."""

    marker: str | None = None
    """Of a lock: it may ask for `extras` and `dependency_groups`."""

    hashes: frozenset[str] = frozenset()
    """SHA-256 in lower-case hexadecimal, of the files that the lock allows. Empty: it names none."""

    package: dict[str, Any] | None = None
    """What a PEP 751 lock has for it besides name and marker, when the input said all of it already."""

    reference: str | None = None
    """What uv is to be asked instead of a version: a direct reference (PEP 508) whose metadata nobody has yet."""

    def line(self) -> str:
        """Return it as a line of a requirements file."""
        return self.reference or f"{self.name}=={self.version}"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of pins has in common."""

    origin: str
    """The name of the lockfile, for messages."""

    directory: str
    """Where relative paths start; uv runs there and reads the settings that it finds there."""

    options: tuple[str, ...] = ()
    """Lines of a requirements file that say where files are: indexes, and directories of files."""

    arguments: tuple[str, ...] = ()
    """The same for uv, of what it takes as arguments only."""

    requires_python: str | None = None

    extras: tuple[str, ...] = ()
    """The extras that the markers may ask for."""

    groups: tuple[str, ...] = ()


def locked(held: Sequence[Pin], source: Source, request: Request, uv: Uv) -> Pylock:
    """Return the PEP 751 lock of *held*, for every Linux platform with CPython `request.python`."""
    found: list[dict[str, Any]] = []
    missing: list[tuple[Pin, list[dict[str, Any]]]] = []
    for round_ in _rounds(held):
        answers = _ask(round_, source, request.python, uv)
        for pin in round_:
            answer = answers[pin.name]
            package = _allowed(answer, pin.hashes)
            if package is None:
                missing.append((pin, _files(answer)))
            else:
                found.append(_package(pin, package))
    if missing:
        raise _mismatch(missing, source, request, uv)
    found += [_package(pin, pin.package) for pin in held if pin.package is not None]
    return assembled(found, source)


def assembled(packages: list[dict[str, Any]], source: Source) -> Pylock:
    """Return the lock that has *packages*."""
    document = {
        "lock-version": "1.0",
        "created-by": "tare",
        "requires-python": source.requires_python,
        "extras": list(source.extras),
        "dependency-groups": list(source.groups),
        "default-groups": [],
        "packages": sorted(packages, key=lambda package: (package["name"], package.get("version", ""))),
    }
    return Pylock.from_dict({key: value for key, value in document.items() if value is not None})


def _rounds(pins: Sequence[Pin]) -> list[list[Pin]]:
    """Split what uv is to be asked so that no question names a distribution twice: it would call that a conflict."""
    rounds: list[dict[str, Pin]] = []
    for pin in pins:
        if pin.package is not None:
            continue
        free = next((each for each in rounds if pin.name not in each), None)
        if free is None:
            free = {}
            rounds.append(free)
        free[pin.name] = pin
    return [list(each.values()) for each in rounds]


def _ask(pins: Sequence[Pin], source: Source, series: str, uv: Uv) -> dict[str, dict[str, Any]]:
    """Return what uv knows about each of *pins*, by name."""
    stdin = "\n".join((*source.options, *sorted(pin.line() for pin in pins), ""))
    answer = _answer(stdin, source, series, uv)
    found = {package["name"]: package for package in tomllib.loads(answer.decode()).get("packages", ())}
    for pin in pins:
        version = found.get(pin.name, {}).get("version")
        if pin.name not in found or (pin.version is not None and not _is(version, pin.version)):
            cause = f"asked for `{pin.line()}`, uv answered with {f'version `{version}`' if version else 'nothing'}"
            raise ProjectError(f"cannot find what `{source.origin}` names", causes=(cause,))
    return found


def _answer(stdin: str, source: Source, series: str, uv: Uv) -> bytes:
    """Ask uv. It takes a distribution from the first index that has it, but that one need not have the version."""

    def ask(*strategy: str) -> bytes:
        return uv.compile(
            what=f"cannot find what `{source.origin}` names",
            directory=source.directory,
            python=series,
            stdin=stdin,
            args=("--no-deps", *strategy, *source.arguments, "-"),
        )

    try:
        return ask()
    except ProjectError:
        if not _has_several_indexes(source, uv):
            raise
        try:  # the version is exact and its hashes are checked here, so it may be from any of them
            return ask("--index-strategy", "unsafe-best-match")
        except TareError:
            pass
        raise  # what uv said first has more reasons


def _has_several_indexes(source: Source, uv: Uv) -> bool:
    named = any(option.startswith("--extra-index-url") for option in source.options)
    return named or any(name in uv.env for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL"))


def _is(found: str | None, wanted: str) -> bool:
    """Return whether *found* is the version *wanted*, which a local label may follow (PEP 440)."""
    try:
        have, want = Version(found or ""), Version(wanted)
    except InvalidVersion:
        return found == wanted
    return have == want or (want.local is None and Version(have.public) == want)


def _files(package: dict[str, Any]) -> list[dict[str, Any]]:
    single = [package[key] for key in ("sdist", "archive") if key in package]
    return [*package.get("wheels", ()), *single]


def _allowed(package: dict[str, Any], hashes: frozenset[str]) -> dict[str, Any] | None:
    """Return *package* with only the files that have one of *hashes*, or `None` when none has."""
    if not hashes or "vcs" in package or "directory" in package:
        return package
    kept = dict(package)
    for key in ("sdist", "archive"):
        if key in kept and _sha256(kept[key]) not in hashes:
            del kept[key]
    if "wheels" in kept:
        kept["wheels"] = [wheel for wheel in kept["wheels"] if _sha256(wheel) in hashes]
    return kept if _files(kept) else None


def _sha256(file: dict[str, Any]) -> str:
    return str(file.get("hashes", {}).get("sha256", "")).lower()


def _package(pin: Pin, values: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in values.items() if key not in {"marker", "requires-python"}}
    return {"name": pin.name, **kept, **({"marker": pin.marker} if pin.marker else {})}


def _mismatch(
    missing: Sequence[tuple[Pin, list[dict[str, Any]]]], source: Source, request: Request, uv: Uv
) -> TareError:
    """Return the error for pins without one allowed file: they are for another series, or they are not what was locked."""
    elsewhere = {pin.name: _series_with(pin, source, request, uv) for pin, _ in missing}
    wrong = [(pin, files) for pin, files in missing if not elsewhere[pin.name]]
    if not wrong:
        causes = tuple(f"`{pin.line()}`: the hashes are of files for {elsewhere[pin.name]}" for pin, _ in missing)
        return TargetError(f"`{source.origin}` names no file for CPython {request.python}", causes=causes)
    return IntegrityError(
        f"the files that `{source.origin}` names are not the ones that are offered",
        causes=tuple(_difference(pin, files) for pin, files in wrong),
        hints=("If that is expected, write the lockfile anew",),
    )


def _difference(pin: Pin, offered: Sequence[dict[str, Any]]) -> str:
    named = ", ".join(f"sha256:{value[:12]}…" for value in sorted(pin.hashes)[:3])
    files = ", ".join(f"sha256:{_sha256(file)[:12]}… ({_filename(file)})" for file in offered[:3])
    more = [f" and {len(values) - 3} more" if len(values) > 3 else "" for values in (pin.hashes, offered)]
    return f"`{pin.line()}`: expected {named}{more[0]}, got {files}{more[1]}"


def _filename(file: dict[str, Any]) -> str:
    return str(file.get("name") or file.get("url") or file.get("path")).rpartition("/")[2]


def _series_with(pin: Pin, source: Source, request: Request, uv: Uv) -> str | None:
    """Return an older series for which an allowed file is offered; uv leaves those out for `request.python`."""
    major, minor = (int(part) for part in request.python.split(".")[:2])
    for older in range(minor - 1, _OLDEST_MINOR - 1, -1):
        try:
            answer = _ask((pin,), source, f"{major}.{older}", uv)[pin.name]
        except TareError:
            return None
        if _allowed(answer, pin.hashes):
            return f"CPython {major}.{older}"
    return None
