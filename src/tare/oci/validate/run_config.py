"""The defaults of a container: what a runtime would refuse is an error here.

https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from tare.oci.validate.documents import Json, Object, kind
from tare.oci.validate.fields import Fields
from tare.oci.validate.findings import shown

_FIELDS: Final = frozenset(
    {
        "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal",
        "ArgsEscaped", "Memory", "MemorySwap", "CpuShares", "Healthcheck",
    }
)  # fmt: skip
_PORT: Final = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/(?:tcp|udp|sctp))?", re.ASCII | re.IGNORECASE)
_USER: Final = re.compile(r"[^:\s\0]+(?::[^:\s\0]+)?")
_SIGNALS: Final = frozenset(
    {
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "IOT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
        "ALRM", "TERM", "STKFLT", "CHLD", "CLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
        "VTALRM", "PROF", "WINCH", "IO", "POLL", "PWR", "SYS", "UNUSED", "RTMIN", "RTMAX",
    }
)  # fmt: skip
_REAL_TIME: Final = re.compile(r"RTMIN\+(?:[0-9]|1[0-5])|RTMAX-(?:[0-9]|1[0-4])", re.ASCII)
_MAX_ID: Final = 2**31 - 1
_WINDOWS_PATH: Final = re.compile(r"[A-Za-z]:.*|[\\/].*", re.DOTALL)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What a container of the image starts with."""

    command: tuple[str, ...] = ()
    """Entrypoint and Cmd together."""

    path: str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    """Where a command without a slash is looked for; Docker's default if the image sets none."""

    working_dir: str = "/"

    user: str = ""
    """`user` or `user:group`, by names or numbers; empty for root."""


def check(fields: Fields | None, *, windows: bool) -> Run:
    """Check the `config` of an image configuration."""
    if fields is None:
        return Run()
    fields.known(_FIELDS)
    user = _user(fields, windows=windows)
    _check_ports(fields)
    _check_volumes(fields, windows=windows)
    _check_signal(fields)
    fields.string_map("Labels", "C017")
    if fields.has("Healthcheck"):
        fields.fault("Healthcheck", "the field is reserved for Docker; other engines ignore it", "C016")
    entrypoint, command = (_argv(fields, name) for name in ("Entrypoint", "Cmd"))
    path = _environment(fields).get("PATH") or Run().path
    working_dir = _working_dir(fields, windows=windows)
    return Run(command=(*entrypoint, *command), path=path, working_dir=working_dir, user=user)


def _argv(fields: Fields, name: str) -> list[str]:
    items = fields.strings(name) or []
    for index, item in enumerate(items):
        if "\0" in item:
            fields.fault(f"{name}[{index}]", f"expected no NUL, found `{shown(item)}`", "C019")
    return items


def _environment(fields: Fields) -> dict[str, str]:
    found: dict[str, str] = {}
    for index, item in enumerate(fields.strings("Env") or ()):
        name, equals, value = item.partition("=")
        if not name or not equals or "\0" in item:
            fields.fault(f"Env[{index}]", f"expected `NAME=value`, found `{shown(item)}`", "C007")
        elif name in found:
            fields.fault(f"Env[{index}]", f"expected `{shown(name)}` once, found it again", "C008")
        found[name] = value
    return found


def _user(fields: Fields, *, windows: bool) -> str:
    user = fields.string("User")
    if not user or windows:
        return ""
    if _USER.fullmatch(user) is None:
        fields.fault("User", f"expected `user` or `user:group`, found `{shown(user)}`", "C014")
        return ""
    for part in user.split(":"):
        if part.isascii() and part.isdigit() and (len(part) > 10 or int(part) > _MAX_ID):
            fields.fault("User", f"expected an ID of at most {_MAX_ID}, found {shown(part)}", "C014")
    return user


def _check_ports(fields: Fields) -> None:
    for key in _set(fields, "ExposedPorts"):
        match = _PORT.fullmatch(key)
        if match is None or not 1 <= int(match[1]) <= int(match[2] or match[1]) <= 65535:
            fields.fault(f"ExposedPorts.{shown(key)}", "expected `port`, `port/tcp` or `port/udp`, 1 to 65535", "C009")


def _check_volumes(fields: Fields, *, windows: bool) -> None:
    for key in _set(fields, "Volumes"):
        name = f"Volumes.{shown(key)}"
        if "\0" in key or not _is_absolute(key, windows=windows):
            fields.fault(name, "expected an absolute path", "C011")
        elif not windows and (".." in key.split("/") or not key.strip("/")):
            fields.fault(name, "expected a directory below the root, without `..`", "C011")


def _set(fields: Fields, name: str) -> list[str]:
    """Return the keys of an object that stands for a set, and whose values are empty objects."""
    inner = fields.object(name)
    if inner is None:
        return []
    for key, value in inner.value.items():
        if not _is_empty(value):
            inner.fault(shown(key), f"expected an empty object, found {kind(value)}", "C010")
    return list(inner.value)


def _is_empty(value: Json) -> bool:
    return value is None or isinstance(value, Object)


def _check_signal(fields: Fields) -> None:
    text = fields.string("StopSignal")
    if not text:
        return
    name = text.upper().removeprefix("SIG")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    if not (name in _SIGNALS or _REAL_TIME.fullmatch(name) or 1 <= number <= 64):
        fields.fault("StopSignal", f"expected a signal such as `SIGTERM` or `15`, found `{shown(text)}`", "C018")


def _working_dir(fields: Fields, *, windows: bool) -> str:
    text = fields.string("WorkingDir")
    if not text:
        return "/"
    if "\0" in text or not _is_absolute(text, windows=windows):
        fields.fault("WorkingDir", f"expected an absolute path, found `{shown(text)}`", "C012")
        return "/"
    if not windows and leads_into_proc(text):
        message = (
            f"expected a directory of the image, found `{shown(text)}`: a way to the host's files (CVE-2024-21626)"
        )
        fields.fault("WorkingDir", message, "C013")
        return "/"
    return text


def leads_into_proc(path: str) -> bool:
    """Tell whether *path* goes through `/proc`, before or after its `..` are taken.

    >>> leads_into_proc("//proc/self/fd/7"), leads_into_proc("/x/../proc/1/cwd"), leads_into_proc("/procedures")
    (True, True, False)
    """
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
        if parts[:1] == ["proc"]:
            return True
    return False


def _is_absolute(path: str, *, windows: bool) -> bool:
    return bool(_WINDOWS_PATH.fullmatch(path)) if windows else path.startswith("/")
