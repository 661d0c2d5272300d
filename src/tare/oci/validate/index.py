"""Image indexes: the list of manifests, and what it says of each.

https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md
"""

from __future__ import annotations

from typing import Final

import msgspec

from tare.oci.platform import Platform
from tare.oci.validate import annotation, descriptors, platforms, shape
from tare.oci.validate.descriptors import Stated
from tare.oci.validate.documents import Object
from tare.oci.validate.fields import Fields
from tare.oci.validate.findings import Report, shown

_ATTESTATION: Final = "attestation-manifest"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One manifest that an index lists."""

    stated: Stated
    platform: Platform | None

    @property
    def attestation(self) -> bool:
        """Whether it is a statement about another entry, and no image."""
        about = self.stated.annotations.get(annotation.ROLE) == _ATTESTATION
        return about or (self.platform is not None and platforms.is_unknown(self.platform))


def check(value: Object, where: str, report: Report, *, layout: bool = False) -> list[Entry]:
    """Check an index and return the entries that can be followed. *layout* says that it is a layout's `index.json`."""
    fields = Fields(value, where, "", report, code="I004")
    fields.known(shape.FIELDS)
    fields.string("mediaType")
    check_artifact_type(fields)
    annotation.check(fields)
    check_subject(fields)
    found = [_entry(item) for item in fields.objects("manifests", required=True, code="D001") if item is not None]
    entries = [entry for entry in found if entry is not None]
    if value.get("manifests") == []:
        fields.fault("manifests", "expected an image, found an empty list", "I009")
    _check_attestations(entries)
    if not layout:
        _check_platforms(entries)
    return entries


def check_subject(fields: Fields) -> Stated | None:
    """Check the descriptor of what a manifest or an index is about."""
    subject = fields.object("subject", code="D001")
    return None if subject is None else descriptors.check(subject)


def check_artifact_type(fields: Fields) -> str | None:
    """Check the type of an artifact, and return it."""
    artifact_type = fields.string("artifactType")
    if artifact_type is not None:
        descriptors.check_media_type(fields, "artifactType", artifact_type, "D002")
    return artifact_type


def _entry(fields: Fields) -> Entry | None:
    inner = fields.object("platform", code="P009")
    platform = None
    if inner is not None:
        inner.known(platforms.FIELDS)
        platform = platforms.read(inner)
    stated = descriptors.check(fields)
    return None if stated is None else Entry(stated=stated, platform=platform)


def _check_platforms(entries: list[Entry]) -> None:
    """Find images that cannot be told apart, or that say nothing of what they run on."""
    seen: dict[Platform, Stated] = {}
    for entry in entries:
        fields = entry.stated.fields
        if entry.attestation or fields.has("artifactType") or shape.of_type(entry.stated.media_type) != "manifest":
            continue
        if entry.platform is None:
            fields.fault("platform", "expected a platform, found nothing: readers cannot choose", "P010")
            continue
        platform = entry.platform.normalized()
        if seen.setdefault(platform, entry.stated).digest != entry.stated.digest:
            message = f"expected one image for {shown(str(platform))}, found another after {seen[platform].digest}"
            fields.fault("platform", message, "I008")


def _check_attestations(entries: list[Entry]) -> None:
    """Find statements about images that are not there."""
    digests = {entry.stated.digest for entry in entries}
    for entry in entries:
        about = entry.stated.annotations.get(annotation.ATTESTED)
        if about is not None and about not in digests:
            message = f"expected the digest of an entry, found `{shown(about)}`"
            entry.stated.fields.fault(f"annotations.{annotation.ATTESTED}", message, "I010")
