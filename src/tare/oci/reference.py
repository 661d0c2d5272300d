"""References: `[REGISTRY[:PORT]/]REPOSITORY[:TAG][@DIGEST]`.

The grammar is the one of https://github.com/distribution/reference, with Docker's rule for what is a registry: the
part before the first slash, when it has a dot or a colon or is `localhost`.
"""

from __future__ import annotations

import re

import msgspec

from tare.errors import UsageError
from tare.oci import digest as digests
from tare.oci.digest import Digest

DEFAULT_REGISTRY = "docker.io"

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_repository = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_registry = re.compile(rf"(?:\[[0-9a-fA-F:]+\]|{_LABEL}(?:\.{_LABEL})*)(?::[0-9]{{1,5}})?")
_tag = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_image_id = re.compile(r"[0-9a-f]{64}")


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """The name of an image in a registry."""

    registry: str
    """Host and port, `docker.io` for Docker Hub."""

    repository: str
    """The path within the registry; official images of Docker Hub are under `library/`."""

    tag: str | None = None

    digest: Digest | None = None

    def __str__(self) -> str:
        text = f"{self.registry}/{self.repository}"
        if self.tag:
            text += f":{self.tag}"
        if self.digest:
            text += f"@{self.digest}"
        return text

    @property
    def familiar(self) -> str:
        """The name as Docker prints it, without what goes without saying."""
        text = str(self)
        if self.registry == DEFAULT_REGISTRY:
            text = text.removeprefix(f"{DEFAULT_REGISTRY}/").removeprefix("library/")
        return text

    @property
    def tag_or_latest(self) -> str:
        return self.tag or "latest"


def parse(text: str) -> Reference:
    """Read a reference as Docker does.

    >>> str(parse("python:3.13-slim"))
    'docker.io/library/python:3.13-slim'
    >>> parse("localhost:5000/app").registry
    'localhost:5000'
    """
    name, at, digest = text.partition("@")
    registry, rest = _split_registry(name)
    repository, colon, tag = rest.partition(":")
    if registry in {"index.docker.io", "registry-1.docker.io"}:
        registry = DEFAULT_REGISTRY
    problem = _problem(registry, repository, tag if colon else None, digest if at else None)
    if problem is None and _image_id.fullmatch(text):
        problem = "64 hexadecimal digits are an image's ID, which registries do not know"
    if problem:
        meant = text.replace(repository, repository.lower(), 1) if "lower case" in problem else ""
        scheme, separator, rest = text.partition("://")
        if separator and scheme in {"docker", "http", "https"}:
            meant = rest
        hints = (f"Did you mean `{meant}`?",) if meant else ()
        raise UsageError(f"`{text}` is not an image reference", causes=(problem,), hints=hints)
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(
        registry=registry, repository=repository, tag=tag if colon else None, digest=digest if at else None
    )


def _split_registry(text: str) -> tuple[str, str]:
    head, slash, tail = text.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost" or head != head.lower()):
        return head, tail
    return DEFAULT_REGISTRY, text


def _problem(registry: str, repository: str, tag: str | None, digest: str | None) -> str | None:
    if _registry.fullmatch(registry) is None:
        return f"`{registry}` is not the name of a registry"
    if repository != repository.lower():
        return "a repository name is lower case"
    if _repository.fullmatch(repository) is None or len(repository) > 255:
        return f"`{repository}` is not the name of a repository"
    if tag is not None and _tag.fullmatch(tag) is None:
        return f"`{tag}` is not a tag"
    if digest is not None and not digests.is_digest(digest):
        return f"`{digest}` is not a digest"
    return None
