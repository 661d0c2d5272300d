"""Base images, as far as their names tell what they are: `images.toml`, applied to a reference."""

from __future__ import annotations

import datetime as dt
import functools
import re
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import msgspec

from tare.dockerfile.model.tables import table

_version = re.compile(r"([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-?(a|b|rc)([0-9]*))?")
_python_tag = re.compile(r"python([0-9]+)(?:\.([0-9]+))?(?:\.[0-9]+)?")


class Libc(NamedTuple):
    """A C library, as a tag tells it."""

    family: str
    version: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.family} {self.version[0]}.{self.version[1]}"


class BaseImage(msgspec.Struct, frozen=True, kw_only=True):
    """What the name of an image says."""

    text: str
    """As the Dockerfile has it, with variables replaced."""

    repository: str
    """Without a mirror's prefix: `python`, `ghcr.io/astral-sh/uv`."""

    tag: str
    """Empty when there is none."""

    digest: str
    kind: str = ""
    """`python`, `uv`, `debian`, `ubuntu`, `alpine`, `distroless`; empty for an image that the table does not have."""

    series: tuple[int, int] | None = None
    """Of its Python."""

    patch: int | None = None
    names_series: bool = False
    """Whether the tag says the series, rather than the table."""

    suite: str = ""
    names_suite: bool = False
    variant: str = ""
    """`slim`, `alpine` or `full` of the images of `python` and uv."""

    interpreter: str = ""
    """The absolute path of its Python; empty when it has none."""

    windows: bool = False

    @property
    def libc(self) -> Libc | None:
        """Its C library, when the suite is known."""
        row = suites().get(self.suite)
        if row is None:
            return None
        family, _, version = row["libc"].partition(" ")
        major, minor = version.split(".")
        return Libc(family, (int(major), int(minor)))

    @property
    def os(self) -> str:
        """`debian`, `ubuntu` or `alpine`; empty when it is not known."""
        row = suites().get(self.suite)
        return str(row["os"]) if row else ""

    @property
    def floats(self) -> bool:
        """Whether the same name may stand for another image tomorrow."""
        return not self.digest


def data() -> dict[str, Any]:
    """Return the table."""
    return table("model/images.toml")


def suites() -> dict[str, dict[str, Any]]:
    """Return the suites by name."""
    found: dict[str, dict[str, Any]] = data()["suites"]
    return found


def series_end(series: tuple[int, int]) -> dt.date | None:
    """Return the last day of a Python series; None when it is not known."""
    found = data()["series"]["ends"].get("{}.{}".format(*series))
    return found if isinstance(found, dt.date) else None


@functools.cache
def base_image(text: str) -> BaseImage:
    """Return what *text*, a reference, says.

    >>> base_image("python:3.13-slim-bookworm").suite
    'bookworm'
    """
    name, _, digest = text.partition("@")
    head, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        head, tag = name, ""
    repository = _plain(head)
    row = next((row for row in data()["images"] if row["repository"] == repository), None)
    image = BaseImage(text=text, repository=repository, tag=tag, digest=digest)
    if row is None:
        return image
    image = msgspec.structs.replace(image, kind=row["kind"])
    if row["kind"] == "python":
        return _python(image, row)
    if row["kind"] == "uv":
        return _uv(image, row)
    if row["kind"] == "distroless":
        series = _series(row["series"]) if "series" in row else None
        return msgspec.structs.replace(
            image, suite=row["suite"], names_suite=True, series=series, names_series=bool(series),
            interpreter=row.get("interpreter", ""),
        )  # fmt: skip
    return _system(image, row)


def _plain(repository: str) -> str:
    for prefix in data()["mirrors"]["prefixes"]:
        if repository.startswith(prefix):
            return repository.removeprefix(prefix)
    return repository


def _series(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


def _suite_of(parts: list[str]) -> str:
    return next((part for part in parts if part in suites() or part.startswith("alpine3.")), "")


def _python(image: BaseImage, row: dict[str, Any]) -> BaseImage:
    """Read `3.13.1-slim-bookworm`, `3-alpine`, `latest`."""
    defaults = data()["defaults"]
    parts = (image.tag or "latest").split("-")
    match = _version.fullmatch(parts[0])
    minor = match[2] if match else None
    series = (int(match[1]), int(minor)) if match and minor else _series(defaults["series"])
    if match and not minor and match[1] != "3":
        series = (2, 7)
    suite = _suite_of(parts)
    variant = "alpine" if any(part.startswith("alpine") for part in parts) else "slim" if "slim" in parts else "full"
    return msgspec.structs.replace(
        image,
        series=series,
        patch=int(match[3]) if match and match[3] else None,
        names_series=bool(minor),
        suite=suite or defaults["alpine" if variant == "alpine" else "debian"],
        names_suite=bool(suite),
        variant=variant,
        interpreter=row["interpreter"],
        windows=any(part.startswith(("windowsservercore", "nanoserver")) for part in parts),
    )


def _uv(image: BaseImage, row: dict[str, Any]) -> BaseImage:
    """Read `python3.13-trixie-slim`, `0.12.5-python3.13-alpine`, `debian-slim`, `0.12.5`."""
    defaults = data()["defaults"]
    parts = image.tag.split("-")
    python = next((match for part in parts if (match := _python_tag.fullmatch(part))), None)
    suite = _suite_of(parts)
    is_alpine = any(part.startswith("alpine") for part in parts)
    is_debian = bool(suite or python or "debian" in parts) and not is_alpine
    if not (is_alpine or is_debian):
        return image  # only the binary, on nothing
    return msgspec.structs.replace(
        image,
        series=(int(python[1]), int(python[2])) if python and python[2] else None,
        names_series=bool(python and python[2]),
        suite=suite or defaults["alpine" if is_alpine else "debian"],
        names_suite=bool(suite),
        variant="alpine" if is_alpine else "slim" if "slim" in parts else "full",
        interpreter=row["interpreter"] if python else "",
    )


def _system(image: BaseImage, row: dict[str, Any]) -> BaseImage:
    """Read `debian:bookworm-slim`, `ubuntu:24.04`, `alpine:3.22.1`."""
    first = image.tag.partition("-")[0]
    release = ".".join(first.split(".")[:2])
    suite = next(
        (
            name
            for name, each in suites().items()
            if each["os"] == row["kind"] and (name == first or each["release"] in {first, first.split(".")[0], release})
        ),
        "",
    )
    return msgspec.structs.replace(
        image, suite=suite, names_suite=bool(suite), variant="slim" if "slim" in image.tag else ""
    )


def same_python(first: str, second: str) -> bool:
    """Return whether two paths may be one interpreter: the names in one directory are links to each other.

    >>> same_python("/usr/local/bin/python", "/usr/local/bin/python3.13")
    True
    """
    one, other = PurePosixPath(first), PurePosixPath(second)
    return one.parent == other.parent and all(path.name.startswith("python") for path in (one, other))
