"""What differs between two images that should be the same: fields and entries, not two digests."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from itertools import zip_longest
from pathlib import Path
from typing import Any

from layouts import blob, index_of

FEW = 20
"""Lines that are shown of one thing."""

FIELDS = ("type", "mode", "uid", "gid", "uname", "gname", "size", "mtime", "linkname", "pax_headers")

Entry = dict[str, object]


def explain(one: Path, other: Path) -> str:
    """Return how the images of two layouts differ; empty if they do not."""
    first, second = (index_of(layout)["manifests"][0]["digest"] for layout in (one, other))
    if first == second:
        return ""
    manifests = [json.loads(blob(layout, digest)) for layout, digest in ((one, first), (other, second))]
    configs = [
        json.loads(blob(layout, manifest["config"]["digest"]))
        for layout, manifest in zip((one, other), manifests, strict=True)
    ]
    lines = [*_documents("manifest", *manifests), *_documents("configuration", *configs)]
    ids = [config["rootfs"]["diff_ids"] for config in configs]
    layers = zip_longest(manifests[0]["layers"], manifests[1]["layers"], *ids)
    for number, (left, right, left_id, right_id) in enumerate(layers):
        if left is None or right is None:
            lines.append(f"layer {number}: only in the {'second' if left is None else 'first'} image")
        elif left["digest"] != right["digest"]:
            places = (one, left["digest"]), (other, right["digest"])
            found = _entries(*places) if left_id != right_id else _bytes(*places)
            lines += [f"layer {number}: {line}" for line in _few(list(found))]
    return "\n".join(lines)


def _documents(what: str, one: Any, other: Any) -> list[str]:  # documents
    """Return the lines in which two documents differ."""
    left, right = (json.dumps(document, indent=1, sort_keys=True).splitlines() for document in (one, other))
    changes = [
        line for line in unified_diff(left, right, n=0, lineterm="") if not line.startswith(("---", "+++", "@@"))
    ]
    return [f"{what}: {line}" for line in _few(changes)]


Place = tuple[Path, str]
"""A layout and the digest of one of its blobs."""


def _bytes(one: Place, other: Place) -> Iterator[str]:
    """Tell where two layers of the same contents begin to differ: then the compressor did."""
    left, right = blob(*one), blob(*other)
    at = next(
        (number for number, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]),
        min(len(left), len(right)),
    )
    yield f"the same diff ID; compressed to {len(left)} and {len(right)} bytes, different from byte {at} on"


def _entries(one: Place, other: Place) -> Iterator[str]:
    """Tell which entries of two layers differ, and in what."""
    left, right = dict(_read(*one)), dict(_read(*other))
    for name in sorted(left.keys() | right.keys()):
        if name not in left or name not in right:
            yield f"`{name}` is only in the {'first' if name in left else 'second'}"
            continue
        for field, value in left[name].items():
            if value != right[name][field]:
                yield f"`{name}`: {field} {_shown(field, value)} / {_shown(field, right[name][field])}"
    if left.keys() == right.keys() and list(left) != list(right):
        at = next(number for number, names in enumerate(zip(left, right, strict=True)) if names[0] != names[1])
        yield f"the order differs from entry {at} on: `{list(left)[at]}` / `{list(right)[at]}`"


def _read(layout: Path, digest: str) -> Iterator[tuple[str, Entry]]:
    path = layout / "blobs" / digest.replace(":", "/")
    with tarfile.open(path) as archive:  # which finds out by itself whether it is compressed
        for info in archive:
            content = archive.extractfile(info) if info.isreg() else None
            digest_of = hashlib.sha256(content.read()).hexdigest()[:16] if content else ""
            yield info.name, {**{field: getattr(info, field) for field in FIELDS}, "content": digest_of}


def _shown(field: str, value: object) -> str:
    return f"{value:04o}" if field == "mode" and isinstance(value, int) else repr(value)


def _few(lines: Sequence[str]) -> list[str]:
    return [*lines[:FEW], f"… and {len(lines) - FEW} more"] if len(lines) > FEW else list(lines)
