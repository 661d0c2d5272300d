"""Whether an image is sound: every rule of the image specification that can be checked, from the bytes.

    source + root ──► documents ──► descriptors ──► config ──► layers ──► tree of names ──► verdict

Nothing is extracted, nothing is believed, and nothing raises: an image that cannot be opened is a finding too. The
rules are the table in `rules.toml`; `docs/verify.md` has them for people.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from tare.oci import digest as digests
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.validate import descriptors
from tare.oci.validate.directory import LayoutCheck
from tare.oci.validate.findings import Checked, Finding, Report, Verdict, verdict
from tare.oci.validate.limits import Limits
from tare.oci.validate.source import BlobSource, LayoutBlobs, Wanted
from tare.oci.validate.table import Rule, rule, rules
from tare.oci.validate.walk import Walk

__all__ = [
    "BlobSource",
    "Checked",
    "Finding",
    "LayoutBlobs",
    "Limits",
    "Rule",
    "Verdict",
    "Wanted",
    "image",
    "layout",
    "layout_source",
    "rule",
    "rules",
    "unopened",
]


def image(
    source: BlobSource,
    root: Descriptor | bytes,
    *,
    media_type: str = "",
    digest: Digest | None = None,
    where: str | None = None,
    limits: Limits | None = None,
    workers: int = 1,
    ignore: Collection[str] = (),
) -> Verdict:
    """Check the image, or the images, below *root*, whose content *source* has.

    *root* is the descriptor of an index or a manifest, or its bytes; *media_type* is what the bytes were announced
    as, and *digest* what they were asked for by, if they were; *where* is what findings call them. Layers are read by
    *workers* threads. Rules in *ignore* are not told.
    """
    bounds = limits or Limits()
    report = Report("image", most=bounds.findings, ignore=ignore)
    walk = Walk(source, report, limits=bounds, workers=workers)
    if isinstance(root, bytes):
        place = where or f"document {digests.sha256(root)}"
        if digest is not None and (found := descriptors.digest_of(root, digest)) != digest:
            report.add("D007", place, f"expected {digest}, found {found}")
        walk.document(root, place, media_type)
    else:
        walk.root(msgspec.json.encode(root), where or "root")
    return verdict(report, walk.checked)


def layout(
    directory: Path,
    *,
    tag: str | None = None,
    limits: Limits | None = None,
    workers: int = 1,
    ignore: Collection[str] = (),
) -> Verdict:
    """Check the OCI image layout *directory*: all of it, or only the image under *tag*."""
    bounds = limits or Limits()
    report = Report("layout", most=bounds.findings, ignore=ignore)
    walk = Walk(layout_source(directory), report, limits=bounds, workers=workers)
    LayoutCheck(directory, report, bounds).run(walk, tag)
    return verdict(report, walk.checked)


def layout_source(directory: Path) -> BlobSource:
    """Return the blobs of the OCI image layout *directory*."""
    return LayoutBlobs(directory)


def unopened(where: str, message: str) -> Verdict:
    """Return the verdict on an image that cannot even be opened: *message* says why, *where* names it."""
    report = Report(where)
    report.add("O001", where, message)
    return verdict(report, Checked())
