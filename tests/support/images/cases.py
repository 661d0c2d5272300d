"""What a case is: a name, changes to a sound image, and every rule that the result breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from images.parts import Edit, Image, Json, RawEdit, Store, digest

Change = Callable[[Image], object]


@dataclass(frozen=True)
class Case:
    """One image, and what is to be found in it."""

    name: str
    """A sentence about the image."""

    codes: frozenset[str]
    """Every rule that it breaks, of any severity."""

    changes: tuple[Change, ...]

    def write(self, directory: Path) -> Path:
        image = Image()
        for change in self.changes:
            change(image)
        image.write(directory)
        return directory


def case(name: str, codes: str, *changes: Change) -> Case:
    return Case(name, frozenset(codes.split()), changes)


def config(edit: Edit) -> Change:
    return lambda image: image.config.append(edit)


def run(**values: Json) -> Change:
    """Set fields of the config's `config`."""
    return config(lambda document: document["config"].update(values))


def raw_config(edit: RawEdit) -> Change:
    return lambda image: image.raw_config.append(edit)


def manifest(edit: Edit) -> Change:
    return lambda image: image.manifest.append(edit)


def raw_manifest(edit: RawEdit) -> Change:
    return lambda image: image.raw_manifest.append(edit)


def index(edit: Edit) -> Change:
    return lambda image: image.index.append(edit)


def entry(**values: Json) -> Change:
    """Set fields of the descriptor in `index.json`; None takes one away."""
    return index(lambda document: put(document["manifests"][0], values))


def raw_index(edit: RawEdit) -> Change:
    return lambda image: image.raw_index.append(edit)


def disk(edit: Callable[[Path], object]) -> Change:
    return lambda image: image.disk.append(edit)


def layers(edit: Callable[[list[Any]], object]) -> Change:
    return lambda image: edit(image.layers)


def top(*entries: bytes) -> Change:
    """Replace the entries of the second layer."""
    return lambda image: image.top(*entries)


def replaced(old: bytes, new: bytes) -> RawEdit:
    """Replace text that must be there once."""

    def edit(raw: bytes) -> bytes:
        assert raw.count(old) == 1, (old, raw)
        return raw.replace(old, new)

    return edit


def first(text: bytes) -> RawEdit:
    """Put *text* before the first name of a document."""
    return lambda raw: b"{" + text + raw.removeprefix(b"{")


def put(document: Json, values: dict[str, Json]) -> None:
    for key, value in values.items():
        if value is None:
            document.pop(key, None)
        else:
            document[key] = value


def add_entry(document: Json, data: bytes, **values: Json) -> None:
    """List *data* as one more entry of an index."""
    document["manifests"].append({"digest": digest(data), "size": len(data), **values})


def blob_of(directory: Path, of: str) -> Path:
    """Return the path of a blob in a layout that was written."""
    return Store(directory).path(of)
