"""What a document is: an index, a manifest, or something that two readers take for different things.

CVE-2021-41190: a document that is both is read as one by one tool and as the other by the next.
"""

from __future__ import annotations

from typing import Final, Literal

from tare.oci import media_types
from tare.oci.validate.documents import Object, kind, place
from tare.oci.validate.findings import Report, shown

Shape = Literal["index", "manifest"]

FIELDS: Final = frozenset(
    {
        "schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations",
        "fsLayers", "history", "signatures",
    }
)  # fmt: skip
_MANIFEST_ONLY: Final = ("config", "layers", "fsLayers")
DOCUMENTS: Final = media_types.INDEXES | media_types.MANIFESTS
SCHEMA_1: Final = frozenset({media_types.DOCKER_MANIFEST_V1, media_types.DOCKER_MANIFEST_V1_SIGNED})


def of_type(media_type: str) -> Shape | None:
    """Return what a document of *media_type* is; None if it is neither."""
    if media_type in media_types.INDEXES:
        return "index"
    return "manifest" if media_type in media_types.MANIFESTS else None


def of(value: Object, promised: str, where: str, report: Report) -> Shape | None:
    """Return what *value* is read as, and check that all readers agree; None for schema 1.

    *promised* is the media type that the descriptor, or the registry's answer, has for it; it may be empty.
    """
    version = value.get("schemaVersion")
    if (version == 1 and version is not True) or "fsLayers" in value:
        report.add("M014", where, "expected schema version 2, found Docker's schema 1")
        return None
    stated = _media_type(value, promised, where, report)
    shape = of_type(promised) or of_type(stated) or ("index" if "manifests" in value else "manifest")
    foreign = [name for name in (_MANIFEST_ONLY if shape == "index" else ("manifests",)) if name in value]
    if foreign:
        code = "I003" if shape == "index" else "M003"
        report.add(code, where, f"expected the fields of {_a(shape)}, found also `{'`, `'.join(foreign)}`")
    _check_version(value, shape, where, report)
    return shape


def _media_type(value: Object, promised: str, where: str, report: Report) -> str:
    """Return what the document says of itself, checked against what was promised."""
    stated = value.get("mediaType", "")
    if not isinstance(stated, str):
        return ""  # The reader of the fields tells that.
    if stated and promised and stated != promised:
        code = "I002" if of_type(promised) == "index" else "M002"
        report.add(code, place(where, "mediaType"), f"expected `{shown(promised)}`, found `{shown(stated)}`")
    elif stated and stated not in DOCUMENTS:
        code = "I002" if "manifests" in value else "M002"
        report.add(code, place(where, "mediaType"), f"expected an index or a manifest, found `{shown(stated)}`")
    return stated


def _check_version(value: Object, shape: Shape, where: str, report: Report) -> None:
    version = value.get("schemaVersion")
    if version != 2 or isinstance(version, float):
        found = shown(str(version)) if isinstance(version, int) else kind(version)
        found = found if "schemaVersion" in value else "nothing"
        report.add("I001" if shape == "index" else "M001", place(where, "schemaVersion"), f"expected 2, found {found}")


def _a(shape: Shape) -> str:
    return "an index" if shape == "index" else "a manifest"
