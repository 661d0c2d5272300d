"""Digests: the only names that content has.

https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

import msgspec

from tare.errors import IntegrityError

PATTERN = r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})\Z"
"""The two registered algorithms, with a lower-case encoding: nothing else ever becomes a path or a URL."""

Digest = Annotated[str, msgspec.Meta(pattern=PATTERN)]
"""An `algorithm:encoded` digest. Decoding a document checks the pattern; text from elsewhere goes through `parse`."""

_matches = re.compile(PATTERN).match


def parse(text: str) -> Digest:
    """Return *text* as a digest, or raise `IntegrityError`.

    >>> parse("sha256:" + "0" * 64)[:10]
    'sha256:000'
    """
    if not is_digest(text):
        raise IntegrityError(
            f"`{text[:80]}` is not a digest",
            causes=("expected `sha256:` and 64, or `sha512:` and 128, lower-case hexadecimal digits",),
        )
    return text


def is_digest(text: str) -> bool:
    """Tell whether *text* is a digest that tare can check."""
    return _matches(text) is not None


def sha256(data: bytes | memoryview) -> Digest:
    """Return the SHA-256 digest of *data*.

    >>> sha256(b"")
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    return "sha256:" + hashlib.sha256(data).hexdigest()


def algorithm(digest: Digest) -> str:
    """Return the algorithm's name, as `hashlib.new` knows it."""
    return digest.partition(":")[0]


def encoded(digest: Digest) -> str:
    """Return the hexadecimal part."""
    return digest.partition(":")[2]
