"""Names of images, spelled as skopeo spells them: a transport, a colon, and what the transport understands.

https://github.com/containers/image/blob/main/docs/containers-transports.5.md
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

import msgspec

from tare.errors import UsageError
from tare.oci import digest as digests
from tare.oci import reference as references
from tare.oci.reference import Reference

TRANSPORTS: Final = ("oci:", "docker-archive:", "docker-daemon:", "docker://", "deb:")
ELSEWHERE: Final = frozenset({"containers-storage", "dir", "oci-archive", "ostree", "sif", "tarball", "docker-image"})
"""Transports of other tools, which would otherwise be read as the name of a repository."""

# The grammar of `org.opencontainers.image.ref.name`:
# https://github.com/opencontainers/image-spec/blob/main/annotations.md
_layout_tag = re.compile(r"[A-Za-z0-9]+(?:(?:[-._:@+/]|--)[A-Za-z0-9]+)*")
_suite = re.compile(r"[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*")
_drive = re.compile(r"[A-Za-z]:[\\/]")
_image_id = re.compile(r"[0-9a-f]{64}")


class LayoutName(msgspec.Struct, frozen=True, kw_only=True):
    """`oci:DIR[:TAG]`: an image in a layout directory."""

    directory: str

    tag: str | None = None
    """The value of the annotation `org.opencontainers.image.ref.name`."""

    def __str__(self) -> str:
        return f"oci:{self.directory}" + (f":{self.tag}" if self.tag else "")


class ArchiveName(msgspec.Struct, frozen=True, kw_only=True):
    """`docker-archive:FILE[:REF]`: a file as `docker save` writes it. `-` is standard input or output."""

    file: str
    reference: Reference | None = None

    def __str__(self) -> str:
        return f"docker-archive:{self.file}" + (f":{self.reference.familiar}" if self.reference else "")


class DaemonName(msgspec.Struct, frozen=True, kw_only=True):
    """`docker-daemon:REF`: an image that a Docker Engine holds."""

    reference: Reference | None = None
    """None when the image is named by its ID."""

    image_id: str | None = None
    """`sha256:` and 64 hexadecimal digits."""

    @property
    def text(self) -> str:
        """The name as the engine's API takes it."""
        if self.image_id or not self.reference:
            return self.image_id or ""
        tag = "" if self.reference.tag or self.reference.digest else ":latest"
        return self.reference.familiar + tag

    def __str__(self) -> str:
        return f"docker-daemon:{self.text}"


class RegistryName(msgspec.Struct, frozen=True, kw_only=True):
    """`docker://REF`, or a bare reference: an image in a registry."""

    reference: Reference

    def __str__(self) -> str:
        return f"docker://{self.reference}"


class SuiteName(msgspec.Struct, frozen=True, kw_only=True):
    """`deb:SUITE`: a base that is assembled from the packages of a Debian suite."""

    suite: str

    def __str__(self) -> str:
        return f"deb:{self.suite}"


ImageName: TypeAlias = LayoutName | ArchiveName | DaemonName | RegistryName | SuiteName


def parse(text: str) -> ImageName:
    """Read the name of an image.

    >>> parse("oci:dist:app").tag
    'app'
    >>> str(parse("python:3.13-slim"))
    'docker://docker.io/library/python:3.13-slim'
    """
    transport, colon, rest = text.partition(":")
    if not text:
        raise UsageError("the name of an image is empty", hints=(_SPELLINGS,))
    if not colon or transport not in _READERS:
        return _bare(text, transport if colon else "")
    if transport != "docker" and not rest:
        raise _wrong(text, f"nothing follows `{transport}:`")
    if transport != "docker" and rest.startswith("//"):
        raise _wrong(text, f"`{transport}:` is not followed by `//`", f"Did you mean `{transport}:{rest.lstrip('/')}`?")
    return _READERS[transport](text, rest)


def parse_output(text: str) -> ImageName:
    """Read the name of a place to write to, which is no word alone: a forgotten or misspelt transport sends nothing away.

    >>> parse_output("ghcr.io/me/app").reference.registry
    'ghcr.io'
    """
    name = parse(text)
    if not isinstance(name, RegistryName) or "/" in text:
        return name
    transport, colon, rest = text.partition(":")
    hint = f"Write `oci:{text}` for a directory, or `docker-archive:{text}` for a file"
    if colon:
        meant = _close(transport, _READERS, 0.6)
        hint = f"Did you mean `{meant}:{rest}`?" if meant else _SPELLINGS
    raise UsageError(
        f"`{text}` does not say where the image goes",
        causes=(f"without a transport it is `{name.reference}`, where only Docker's own images are",),
        hints=(hint,),
    )


_SPELLINGS: Final = "Write `oci:DIR[:TAG]`, `docker-archive:FILE`, `docker-daemon:REF`, `docker://REF` or `deb:SUITE`"


def _wrong(text: str, cause: str, hint: str = _SPELLINGS) -> UsageError:
    return UsageError(f"`{text}` is not the name of an image", causes=(cause,), hints=(hint,))


def _bare(text: str, transport: str) -> ImageName:
    if transport in ELSEWHERE:
        raise _wrong(text, f"tare does not read the transport `{transport}:`")
    if meant := _nearest(transport):
        raise _wrong(
            text, f"`{transport}:` is not a transport", f"Did you mean `{meant}:{text[len(transport) + 1 :]}`?"
        )
    if text.startswith((".", "/", "~")) or "\\" in text or text.endswith((".tar", ".tar.gz", ".tgz")):
        kind = "docker-archive" if ".tar" in text or text.endswith(".tgz") else "oci"
        raise _wrong(text, "it looks like a path", f"Did you mean `{kind}:{text}`?")
    return RegistryName(reference=references.parse(text))


def _nearest(transport: str) -> str | None:
    """Return the transport that was meant, if it is one of those that no repository is likely to be called like."""
    return _close(transport, [name for name in _READERS if "-" in name], 0.8) if "-" in transport else None


def _close(word: str, names: Iterable[str], cutoff: float) -> str | None:
    import difflib  # 3 ms

    return next(iter(difflib.get_close_matches(word, list(names), 1, cutoff)), None)


def _split(rest: str) -> tuple[str, str | None]:
    """Split at the first colon that is not the one of a Windows drive."""
    drive = rest[:2] if _drive.match(rest) else ""
    path, colon, tail = rest[len(drive) :].partition(":")
    return drive + path, tail if colon else None


def _layout(text: str, rest: str) -> LayoutName:
    directory, tag = _split(rest)
    if not directory:
        raise _wrong(text, "it has no directory", "Write it as `oci:DIR` or `oci:DIR:TAG`")
    if tag is not None and _layout_tag.fullmatch(tag) is None:
        raise _wrong(text, f"`{tag}` is not a tag of a layout", "Write it as `oci:DIR` or `oci:DIR:TAG`")
    return LayoutName(directory=directory, tag=tag)


def _archive(text: str, rest: str) -> ArchiveName:
    file, reference = _split(rest)
    if not file or reference == "":
        raise _wrong(text, "it has no file, or nothing after its last colon", "Write it as `docker-archive:FILE`")
    return ArchiveName(file=file, reference=references.parse(reference) if reference else None)


def _daemon(_text: str, rest: str) -> DaemonName:
    if rest.startswith("sha256:"):
        return DaemonName(image_id=digests.parse(rest))
    if _image_id.fullmatch(rest):
        return DaemonName(image_id=f"sha256:{rest}")
    return DaemonName(reference=references.parse(rest))


def _registry(text: str, rest: str) -> RegistryName:
    if not rest.startswith("//"):  # An image may be called `docker`: it has tags, as `docker:27-dind`.
        return RegistryName(reference=references.parse(text))
    if rest == "//":
        raise _wrong(text, "nothing follows `docker://`")
    return RegistryName(reference=references.parse(rest[2:]))


def _deb(text: str, rest: str) -> SuiteName:
    if _suite.fullmatch(rest) is None:
        raise _wrong(text, f"`{rest}` is not the name of a suite", "Write it as `deb:trixie`")
    return SuiteName(suite=rest)


_READERS: Final[dict[str, Callable[[str, str], ImageName]]] = {
    "oci": _layout,
    "docker-archive": _archive,
    "docker-daemon": _daemon,
    "docker": _registry,
    "deb": _deb,
}
