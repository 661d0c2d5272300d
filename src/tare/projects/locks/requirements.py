"""Requirements files: hashed ones are locks; the others are resolved, as an installer would."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any

from packaging.markers import Marker
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from tare.errors import ProjectError
from tare.projects import files, markers
from tare.projects.discovery import Lock
from tare.projects.locks import direct, pinned, pins, pylock, requirements_file
from tare.projects.locks.interface import Request, Resolution
from tare.projects.locks.pins import Pin, Source
from tare.projects.locks.requirements_file import Contents, Entry
from tare.projects.names import check_known, normalize
from tare.projects.project import Project
from tare.projects.uv import Uv
from tare.projects.watched import listing, pages

_revision = re.compile(r"^(?P<url>(?P<kind>[a-z]+)\+.+?)(?:@(?P<revision>[^@/#]+))?(?:#(?P<fragment>.*))?$")


def resolve(lock: Lock, project: Project, request: Request, uv: Uv) -> Resolution:
    """Turn the file into a lock; with hashes it is one, and uv only says where the files are."""
    check_known("extra", request.extras, (), lock.name)
    check_known("group", request.groups, (), lock.name)
    contents = requirements_file.parse(lock.path, uv.env)
    if contents.require_hashes or any(entry.hashes for entry in contents.entries):
        return _hashed(lock, project, contents, request, uv)
    if not contents.entries:
        return _empty(lock, project, contents)
    return _unhashed(lock, project, contents, request, uv)


def _empty(lock: Lock, project: Project, contents: Contents) -> Resolution:
    return Resolution(
        pylock=pins.assembled([], Source(origin=lock.name, directory=project.root)),
        origin=lock.name,
        directory=project.root,
        pinned=True,
        hashed=True,
        inputs=contents.paths,
    )


def _hashed(lock: Lock, project: Project, contents: Contents, request: Request, uv: Uv) -> Resolution:
    found = _pins(lock, project, contents.entries)
    source = Source(origin=lock.name, directory=project.root, options=contents.options, arguments=contents.arguments)
    moving = tuple(f"`{pin.line()}` is not at a fixed commit" for pin in found if _moves(pin))
    inputs = (*contents.paths, *_manifests(project, contents.entries))
    return pinned.resolution(found, source, request, uv, inputs=inputs, warnings=moving)


def _moves(pin: Pin) -> bool:
    return pin.reference is not None and "+" in pin.reference.partition("://")[0]


def _pins(lock: Lock, project: Project, entries: Iterable[Entry]) -> list[Pin]:
    """Return the pins of a file with hashes; what has none there is an error, as it is for pip."""
    found: list[Pin] = []
    problems: list[str] = []
    for entry in entries:
        hashes = frozenset(value for algorithm, value in entry.hashes if algorithm == "sha256")
        if entry.reference is not None:
            found.append(_direct(project, entry, hashes))
        elif entry.version is None:
            problems.append(f"{entry.place}: `{entry.text}` names no exact version")
        elif not hashes:
            others = ", ".join(sorted({algorithm for algorithm, _ in entry.hashes}))
            problems.append(
                f"{entry.place}: `{entry.text}` has no sha256 hash" + (f", only {others}" if others else "")
            )
        elif entry.requirement is not None:
            marker = str(entry.requirement.marker) if entry.requirement.marker else None
            name = normalize(entry.requirement.name)
            found.append(Pin(name=name, version=entry.version, marker=marker, hashes=hashes))
    if problems:
        raise ProjectError(
            f"`{lock.name}` has hashes, and requirements that are not pinned by one",
            causes=tuple(problems[:20]),
            hints=("Write it anew with hashes for all, or for none",),
        )
    return found


def _direct(project: Project, entry: Entry, hashes: frozenset[str]) -> Pin:
    """Return the pin of a requirement that names a path or a URL."""
    reference = entry.reference or ""
    requirement = entry.requirement
    marker = str(requirement.marker) if requirement and requirement.marker else None
    package, bare = _package(project, reference, hashes, editable=entry.editable)
    name = requirement.name if requirement else _name(project, entry, bare)
    if (
        package is None
        and "://" not in bare
        and "+" not in bare
        and not os.path.exists(os.path.join(project.root, bare))
    ):
        raise ProjectError(f"`{entry.place}` cannot be read", causes=(f"there is no `{bare}`",))
    asked = None if package is not None else f"{name} @ {_url(project, reference)}"
    return Pin(name=normalize(name), marker=marker, hashes=hashes, package=package, reference=asked)


def _package(
    project: Project, reference: str, hashes: frozenset[str], *, editable: bool
) -> tuple[dict[str, Any] | None, str]:
    """Return what a lock has for *reference*, when it says enough, and the path or URL alone."""
    match = _revision.match(reference)
    if match is not None:
        fields = _fields(match["fragment"])
        if match["revision"] is None or not direct.is_commit(match["revision"]):
            return None, match["url"]
        return direct.vcs(
            match["url"], match["revision"], kind=match["kind"], subdirectory=fields.get("subdirectory")
        ), match["url"]
    bare, _, fragment = reference.partition("#")
    if bare.startswith("file://"):
        from urllib.request import url2pathname  # which loads an HTTP client: 20 ms

        bare = url2pathname(bare.removeprefix("file://"))
    fields = _fields(fragment)
    known = hashes or ({fields["sha256"].lower()} if "sha256" in fields else frozenset[str]())
    if "://" in bare:
        return direct.archive(bare, known, subdirectory=fields.get("subdirectory")), bare
    below = fields.get("subdirectory")
    return direct.local(bare, known, editable=editable, base=project.root, subdirectory=below), bare


def _fields(fragment: str | None) -> dict[str, str]:
    pairs = (part.partition("=") for part in (fragment or "").split("&"))
    return {name: value for name, equals, value in pairs if equals}


def _url(project: Project, reference: str) -> str:
    return reference if "://" in reference else f"file://{os.path.join(project.root, reference)}"


def _name(project: Project, entry: Entry, bare: str) -> str:
    """Return the name of what stands in a file without one."""
    egg = re.search(r"#(?:.*&)?egg=([A-Za-z0-9._-]+)", entry.text)
    if egg is not None:
        return egg[1]
    manifest = os.path.join(project.root, bare, "pyproject.toml")
    if "://" not in bare and os.path.isfile(manifest):
        document = files.toml(manifest)
        name = document.get("project", {}).get("name") or document.get("tool", {}).get("poetry", {}).get("name")
        if isinstance(name, str):
            return name
    try:
        return parse_wheel_filename(bare.rpartition("/")[2])[0]
    except InvalidWheelFilename:
        raise ProjectError(
            f"`{entry.place}` cannot be read", causes=(f"nothing says the name of `{bare}`",),
            hints=("Write it as `NAME @ URL`",),
        ) from None  # fmt: skip


def _unhashed(lock: Lock, project: Project, contents: Contents, request: Request, uv: Uv) -> Resolution:
    """Resolve the file as an installer would: what it does not name is chosen now."""
    manifests = _manifests(project, contents.entries)
    answer = uv.compile(
        what=f"cannot resolve `{lock.name}`",
        directory=project.root,
        python=request.python,
        args=(*contents.arguments, os.path.join(os.curdir, os.path.relpath(lock.path, project.root))),
        inputs=[
            *(files.read_bytes(path) for path in (*contents.paths, *manifests)),
            *(listing(place).encode("utf-8", "surrogateescape") for place in pages(project, uv.env)),
        ],
    )
    resolved = pylock.parse(tomllib.loads(answer.decode()), lock.name)
    loose = [entry for entry in contents.entries if not _is_fixed(entry) and _may_hold(entry, request.python)]
    named = {normalize(entry.requirement.name) for entry in contents.entries if entry.requirement}
    unnamed = [package.name for package in resolved.packages if package.name not in named and not package.is_direct]
    return Resolution(
        pylock=resolved,
        origin=lock.name,
        directory=project.root,
        pinned=not loose and not unnamed,
        hashed=False,
        inputs=(*contents.paths, *manifests),
        warnings=(_warning(lock.name, loose, unnamed),),
    )


def _is_fixed(entry: Entry) -> bool:
    if entry.reference is None:
        return entry.version is not None
    match = _revision.match(entry.reference)
    return match is None or direct.is_commit(match["revision"] or "")


def _may_hold(entry: Entry, series: str) -> bool:
    marker = entry.requirement.marker if entry.requirement else None
    return marker is None or markers.possible(Marker(str(marker)), series)


def _warning(name: str, loose: Sequence[Entry], unnamed: Sequence[str]) -> str:
    if loose:
        return f"the build is not pinned: `{name}` leaves open which version of {_some([e.text for e in loose])}"
    if unnamed:
        return f"the build is not pinned: `{name}` does not name {_some(unnamed)}, which it needs"
    return f"the build is not pinned by hash: `{name}` has none"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _manifests(project: Project, entries: Iterable[Entry]) -> list[str]:
    """Return the manifests of source trees that *entries* name: their dependencies are input too."""
    references = [entry.reference for entry in entries if entry.reference and "://" not in entry.reference]
    paths = (os.path.normpath(os.path.join(project.root, each, "pyproject.toml")) for each in references)
    return [path for path in paths if os.path.isfile(path)]
