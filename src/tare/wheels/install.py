"""Where a wheel's files land, and which files an installer adds: a pure function of the wheel and the scheme.

https://packaging.python.org/en/latest/specifications/binary-distribution-format/#installing-a-wheel-distribution-1-0-py32-none-any-whl
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterator
from typing import Final

from tare.errors import HostileInputError
from tare.wheels.directory import Member
from tare.wheels.entry_points import console_scripts, script
from tare.wheels.record import SIGNATURES
from tare.wheels.scheme import InstalledFile, Provenance, Scheme
from tare.wheels.wheel import Wheel

MAX_SCRIPT: Final = 8 * 1024 * 1024
"""Bytes of a script whose first line has to be changed."""

_SCHEMES: Final = ("purelib", "platlib", "headers", "scripts", "data")


def install(wheel: Wheel, scheme: Scheme, provenance: Provenance) -> tuple[InstalledFile, ...]:
    """Return the files of *wheel* as they lie in an environment, sorted by path.

    Bytecode that the wheel ships is left out: its interpreter and its time stamps are not the image's.
    """
    files = [file for member in wheel.archive.members if (file := _place(wheel, scheme, member)) is not None]
    files += _generated(wheel, scheme, provenance)
    _refuse_conflicts(wheel, files)
    record_path = f"{scheme.site_packages}/{wheel.dist_info}/RECORD"
    data = _record(wheel, scheme, files, record_path)
    files.append(InstalledFile(record_path, 0o644, len(data), data))
    return tuple(sorted(files, key=lambda file: file.path))


def _place(wheel: Wheel, scheme: Scheme, member: Member) -> InstalledFile | None:
    """Return where *member* lands, or None if it does not."""
    name = member.name
    head, _, rest = name.partition("/")
    if head == wheel.dist_info and rest in {"RECORD", *SIGNATURES}:  # It is written anew, which no signature survives.
        return None
    if name.endswith(".pyc") and "/__pycache__/" in f"/{name}":
        return None
    mode = 0o755 if member.executable else 0o644
    if head != wheel.data_dir:
        return InstalledFile(f"{scheme.site_packages}/{name}", mode, member.size, member)
    key, _, path = rest.partition("/")
    if key not in _SCHEMES or not path:
        raise HostileInputError(f"refusing {wheel.what}", causes=(f"`{name}` is for the unknown scheme `{key}`",))
    landed = f"{scheme.directory(key, wheel.name)}/{path}"
    if key != "scripts":
        return InstalledFile(landed, mode, member.size, member)
    changed = _rewritten(wheel, scheme, member)
    if changed is None:
        return InstalledFile(landed, 0o755, member.size, member)
    return InstalledFile(landed, 0o755, len(changed), changed)


def _rewritten(wheel: Wheel, scheme: Scheme, member: Member) -> bytes | None:
    """Return a script with its placeholder `#!python` or `#!pythonw` replaced, or None if it has none."""
    first = next(wheel.archive.inflate(member), b"")
    if not first.startswith(b"#!python"):
        return None
    if member.size > MAX_SCRIPT:
        raise HostileInputError(
            f"refusing {wheel.what}", causes=(f"the script `{member.name}` has {member.size} bytes",)
        )
    content = b"".join(wheel.content(member))
    line, newline, rest = content.partition(b"\n")
    _, space, arguments = line.rstrip(b"\r").partition(b" ")
    return b"#!" + scheme.interpreter.encode() + space + arguments + newline + rest


def _generated(wheel: Wheel, scheme: Scheme, provenance: Provenance) -> Iterator[InstalledFile]:
    for name, target in console_scripts(wheel.entry_points, what=wheel.what):
        data = script(target, interpreter=scheme.interpreter)
        yield InstalledFile(f"{scheme.scripts}/{name}", 0o755, len(data), data)
    present = {member.name for member in wheel.archive.members}
    for name in ("INSTALLER", "REQUESTED", "direct_url.json"):
        if f"{wheel.dist_info}/{name}" in present:
            raise HostileInputError(
                f"refusing {wheel.what}", causes=(f"it has `{wheel.dist_info}/{name}`, which only an installer writes",)
            )
    extra = {"INSTALLER": b"tare\n"}
    if provenance.requested:
        extra["REQUESTED"] = b""
    if provenance.direct_url:
        extra["direct_url.json"] = provenance.direct_url
    for name, data in extra.items():
        yield InstalledFile(f"{scheme.site_packages}/{wheel.dist_info}/{name}", 0o644, len(data), data)


def _refuse_conflicts(wheel: Wheel, files: list[InstalledFile]) -> None:
    """Two files of one wheel that land at one path, or one below the other, would be decided by their order."""
    paths: set[str] = set()
    for file in files:
        if file.path in paths:
            raise HostileInputError(f"refusing {wheel.what}", causes=(f"two of its files land at `/{file.path}`",))
        paths.add(file.path)
    directories: set[str] = set()
    for path in paths:
        while (cut := path.rfind("/")) > 0 and (path := path[:cut]) not in directories:
            directories.add(path)
    both = sorted(paths & directories)
    if both:
        raise HostileInputError(f"refusing {wheel.what}", causes=(f"`/{both[0]}` would be a file and a directory",))


def _record(wheel: Wheel, scheme: Scheme, files: list[InstalledFile], record_path: str) -> bytes:
    """Return RECORD as installed: paths from site-packages, sorted, and itself without a hash."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    rows = [(_relative(record_path, scheme), "", "")]
    for file in files:
        if isinstance(file.source, bytes):
            stated = "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(file.source).digest()).rstrip(b"=").decode()
        else:
            recorded = wheel.record[file.source.name]
            stated = f"{recorded.algorithm}={recorded.hash}"
        rows.append((_relative(file.path, scheme), stated, str(file.size)))
    writer.writerows(sorted(rows))
    return text.getvalue().encode()


def _relative(path: str, scheme: Scheme) -> str:
    site_packages = scheme.site_packages + "/"
    if path.startswith(site_packages):
        return path[len(site_packages) :]
    return "../../../" + path.removeprefix(scheme.prefix + "/")
