"""`RUN --mount=…`: fields with commas between them, quoted as CSV.

https://docs.docker.com/reference/dockerfile/#run---mount
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tare.dockerfile.parse.document import Mount
from tare.dockerfile.parse.problems import Problems
from tare.dockerfile.parse.words import Flag

_KINDS: Final = ("bind", "cache", "tmpfs", "secret", "ssh")
_SHARING: Final = ("shared", "private", "locked")
_SWITCHES: Final = ("readonly", "ro", "readwrite", "rw", "required")
_KEYS: Final = (
    *(
        "type",
        "from",
        "source",
        "src",
        "target",
        "dst",
        "destination",
        "id",
        "sharing",
        "size",
        "mode",
        "uid",
        "gid",
        "env",
    ),
    *_SWITCHES,
)


def read_mounts(flags: Iterable[Flag], problems: Problems) -> tuple[Mount, ...]:
    """Return the mounts of *flags*; what BuildKit would refuse is a problem."""
    return tuple(_read(flag, problems) for flag in flags)


def _read(flag: Flag, problems: Problems) -> Mount:
    found: dict[str, str] = {}
    for field in _fields(flag.value or ""):
        key, equals, value = field.partition("=")
        key = key.lower()
        if key not in _KEYS:
            problems.add("D012", flag.span, f"a mount has no field `{key[:40]}`")
        elif not equals and key not in _SWITCHES:
            problems.add("D012", flag.span, f"the mount's field `{key}` has no value")
        found[key] = value if equals else "true"
    kind = found.get("type", "bind").lower()
    mount = Mount(
        kind=kind,
        target=found.get("target") or found.get("dst") or found.get("destination") or "",
        source=found.get("source") or found.get("src") or "",
        origin=found.get("from", ""),
        flag=flag,
    )
    for message in _mistakes(kind, found, mount):
        problems.add("D012", flag.span, message)
    return mount


def _fields(text: str) -> list[str]:
    """Split at commas that are not quoted."""
    if '"' not in text:
        return text.split(",")
    import csv

    try:
        return next(csv.reader([text], strict=True))
    except (csv.Error, StopIteration):
        return text.split(",")


def _mistakes(kind: str, found: dict[str, str], mount: Mount) -> list[str]:  # noqa: C901 - one for each field
    if "$" in kind:
        return []
    if kind not in _KINDS:
        return [f"there is no mount of type `{kind[:40]}`; there are {', '.join(f'`{each}`' for each in _KINDS)}"]
    wrong = []
    if "$" in mount.origin:
        wrong.append("`from` of a mount takes no variable; name a stage with `FROM … AS` instead")
    if kind == "secret":
        if mount.origin:
            wrong.append("a mount of a secret has no `from`")
        if not (mount.source or mount.target or found.get("id") or found.get("env")):
            wrong.append("a mount of a secret needs an `id`")
    if "required" in found and kind not in {"secret", "ssh"}:
        wrong.append(f"`required` is for secrets, not for a mount of type `{kind}`")
    if "sharing" in found and kind != "cache":
        wrong.append(f"`sharing` is for caches, not for a mount of type `{kind}`")
    elif "sharing" in found and found["sharing"].lower() not in _SHARING and "$" not in found["sharing"]:
        wrong.append(f"`sharing` is {', '.join(f'`{each}`' for each in _SHARING)}, not `{found['sharing'][:40]}`")
    if kind in {"bind", "tmpfs"}:
        wrong += [f"`{key}` is not for a mount of type `{kind}`" for key in ("mode", "uid", "gid") if key in found]
    if kind in {"cache", "tmpfs", "bind"} and not mount.target:
        wrong.append(f"a mount of type `{kind}` needs a `target`")
    return wrong
