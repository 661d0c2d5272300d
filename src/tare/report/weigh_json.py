"""What an image weighs, as a document (`docs/weigh.md`)."""

from __future__ import annotations

import msgspec

from tare.measure.weighed import Part, Weighed
from tare.report.documents import dumped

SCHEMA = "tare.weigh/1"


def weigh_json(weighed: Weighed, *, name: str) -> str:
    """Return the document."""
    document = {
        "schema": SCHEMA,
        "image": {"reference": name, "digest": weighed.digest, "platform": weighed.platform},
        "sizes": msgspec.to_builtins(weighed.sizes),
        "layers": [{**msgspec.to_builtins(layer), "waste": layer.unpacked - layer.rootfs} for layer in weighed.layers],
        "distributions": msgspec.to_builtins(weighed.distributions),
        "unattributed": weighed.unattributed,
        "site_packages": {"bytes": weighed.site_packages[0], "unattributed": weighed.site_packages[1]},
        "kinds": [{"kind": part.name, "bytes": part.bytes, "files": part.files} for part in weighed.kinds],
        "directories": [_part(part) for part in weighed.directories],
        "files": [{"path": part.name, "bytes": part.bytes} for part in weighed.largest],
        "findings": [msgspec.to_builtins(finding) for finding in weighed.findings],
        "savings": weighed.savings,
        "notes": list(weighed.notes),
    }
    return dumped(document)


def _part(part: Part) -> dict[str, object]:
    return {"path": part.name, "bytes": part.bytes, "files": part.files}
