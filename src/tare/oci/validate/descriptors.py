"""Descriptors: the fields that every one of them has, and whether content is what they promise.

https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Final

import msgspec

from tare.errors import IntegrityError
from tare.oci import digest as digests
from tare.oci.validate import annotation
from tare.oci.validate.documents import place
from tare.oci.validate.fields import Fields
from tare.oci.validate.findings import shown
from tare.oci.validate.source import Wanted

FIELDS: Final = frozenset({"mediaType", "digest", "size", "urls", "annotations", "data", "artifactType", "platform"})
_MAX_SIZE: Final = 2**63 - 1
_GRAMMAR: Final = re.compile(r"([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)")
_REGISTERED: Final = frozenset({"sha256", "sha512"})
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9!#$&\-^_.+]{0,126}"
_MEDIA_TYPE: Final = re.compile(rf"{_NAME}/{_NAME}")
_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """What a descriptor says, as far as it can be believed: digest and size are well formed."""

    fields: Fields

    media_type: str
    """Empty if there is none."""

    digest: digests.Digest

    size: int

    annotations: dict[str, str]

    @property
    def where(self) -> str:
        """The place of the descriptor."""
        return place(self.fields.where, self.fields.path)

    def wanted(self, *, manifest: bool = False) -> Wanted:
        """Return what to ask a source for."""
        return Wanted(digest=self.digest, size=self.size, media_type=self.media_type, manifest=manifest)


def check(fields: Fields) -> Stated | None:
    """Check everything that *fields* says of itself; None if there is nothing to look for."""
    fields.known(FIELDS)
    media_type = fields.string("mediaType", required=True)
    if media_type is not None:
        check_media_type(fields, "mediaType", media_type, "D002")
    artifact_type = fields.string("artifactType")
    if artifact_type is not None:
        check_media_type(fields, "artifactType", artifact_type, "D002")
    digest = _digest(fields)
    size = _size(fields)
    _check_urls(fields)
    notes = annotation.check(fields)
    if digest is None or size is None:
        return None
    stated = Stated(fields=fields, media_type=media_type or "", digest=digest, size=size, annotations=notes)
    _check_data(stated)
    return stated


def check_media_type(fields: Fields, name: str, value: str, code: str) -> None:
    """Check *value* against RFC 6838."""
    if _MEDIA_TYPE.fullmatch(value) is None:
        fields.fault(name, f"expected `type/subtype` of RFC 6838, found `{shown(value)}`", code)


def problem_of(digest: str) -> tuple[str, str] | None:
    """Return the rule that *digest* breaks and how, or None."""
    match = _GRAMMAR.fullmatch(digest)
    if match is None:
        return "D003", f"expected `algorithm:encoded`, found `{shown(digest)}`"
    if match[1] not in _REGISTERED:
        return "D004", f"expected sha256 or sha512, found `{shown(match[1])}`, which cannot be verified"
    try:
        digests.parse(digest)
    except IntegrityError:
        length = 64 if match[1] == "sha256" else 128
        return "D003", f"expected {length} lower-case hexadecimal digits, found `{shown(match[2])}`"
    return None


def _digest(fields: Fields) -> digests.Digest | None:
    digest = fields.string("digest", required=True)
    if digest is None:
        return None
    problem = problem_of(digest)
    if problem is not None:
        fields.fault("digest", problem[1], problem[0])
        return None
    return digest


def _size(fields: Fields) -> int | None:
    size = fields.integer("size", required=True)
    if size is not None and not 0 <= size <= _MAX_SIZE:
        fields.fault("size", f"expected 0 to 2^63-1 bytes, found {shown(str(size))}", "D005")
        return None
    return size


def _check_urls(fields: Fields) -> None:
    for index, url in enumerate(fields.strings("urls") or ()):
        match = _URI.fullmatch(url)
        if match is None:
            fields.fault(f"urls[{index}]", f"expected a URI of RFC 3986, found `{shown(url)}`", "D011")
        elif match[1].lower() not in {"http", "https"}:
            fields.fault(f"urls[{index}]", f"expected http or https, found `{shown(match[1])}`", "D012")


def _check_data(stated: Stated) -> None:
    text = stated.fields.string("data")
    if text is None:
        return
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        stated.fields.fault("data", f"expected base 64: {error}", "D010")
        return
    if len(data) != stated.size:
        stated.fields.fault("data", f"expected {stated.size} bytes, found {len(data)}", "D010")
    elif (found := digest_of(data, stated.digest)) != stated.digest:
        stated.fields.fault("data", f"expected {stated.digest}, found {found}", "D010")


def digest_of(data: bytes, like: digests.Digest) -> digests.Digest:
    """Return the digest of *data* by the algorithm of *like*."""
    algorithm = digests.algorithm(like)
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
