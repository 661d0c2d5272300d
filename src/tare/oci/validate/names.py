"""Names of entries: what is wrong with one by itself.

https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#distributable-format
"""

from __future__ import annotations

from typing import Final

from tare.oci.validate.archive import Member
from tare.oci.validate.findings import Report

WHITEOUT: Final = b".wh."
OPAQUE: Final = b".wh..wh..opq"
METADATA: Final = b".wh..wh."
"""How the names of AUFS's own files begin; engines leave them out."""

_MOST_PATH: Final = 4096
_MOST_NAME: Final = 255
_SET_ID: Final = 0o6000
_CAPABILITY: Final = b"SCHILY.xattr.security.capability"
_OVERLAY: Final = (b"SCHILY.xattr.trusted.overlay.", b"SCHILY.xattr.user.overlay.")


def split(member: Member, report: Report) -> list[bytes] | None:
    """Return the names on the path of *member*; empty for the root itself, None if it cannot be applied."""
    path = member.path
    if not path:
        report.entry("L203", path, "expected a name, found none")
        return None
    if b"\0" in path:
        report.entry("L205", path, "expected no NUL")
        return None
    if path.startswith(b"/"):
        report.entry("L201", path, "expected a relative path")
    parts = [part for part in path.split(b"/") if part not in {b"", b"."}]
    if b".." in parts:
        report.entry("L202", path, "expected no `..`")
        return None
    longest = max(map(len, parts), default=0)
    if len(path) > _MOST_PATH or longest > _MOST_NAME:
        message = f"expected at most {_MOST_PATH} bytes, {_MOST_NAME} a name, found {len(path)} and {longest}"
        report.entry("L206", path, message)
        return None
    if not path.isascii() or not path.isalnum():
        _check_text(path, report)
    return parts


def _check_text(path: bytes, report: Report) -> None:
    try:
        text = path.decode()
    except UnicodeDecodeError:
        report.entry("L208", path, "expected UTF-8")
        return
    if not text.isprintable():
        report.entry("L209", path, "expected no control characters")


def check_attributes(member: Member, report: Report) -> None:
    """Check what an entry is, apart from its name."""
    if member.kind in {"character", "block"}:
        numbers = f"{member.device[0]}:{member.device[1]}"
        hint = ", overlayfs's own whiteout" if (member.kind, *member.device) == ("character", 0, 0) else ""
        report.entry("L210", member.path, f"expected no device, found the {member.kind} device {numbers}{hint}")
    elif member.kind == "fifo":
        report.entry("L213", member.path, "a FIFO, which some tools leave out")
    elif member.mode & _SET_ID and member.kind == "file":
        report.entry("L211", member.path, f"runs with its owner's or group's rights: mode {member.mode:04o}")
    for key in member.keys:
        if key == _CAPABILITY:
            report.entry("L212", member.path, "has capabilities in `security.capability`")
        elif key.startswith(_OVERLAY):
            report.entry("L214", member.path, "has an attribute of overlayfs, which changes what the layer means")
