"""What a slim image says of itself, beside its files."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from weighing import image_of
from worlds import MakeWorld

from tare.errors import HostileInputError, IntegrityError
from tare.flow.slim.image import read, slim_image
from tare.oci.image import MemoryBlob, read_image
from tare.stores.layout import LayoutSource
from tare.stores.layout_writer import LayoutDestination


def test_what_descriptors_say_of_other_bytes_goes(make_world: MakeWorld) -> None:
    plain = image_of({"var/lib/apt/lists/a": b"1", "x": b"2"}, {"y": b"3"})
    manifest = json.loads(plain.raw)
    manifest["config"]["data"] = base64.b64encode(plain.raw_config).decode()
    for layer in manifest["layers"]:
        layer |= {"annotations": {"of": "these bytes"}, "urls": ["https://example.org/layer"]}
    manifest["annotations"] = {"title": "kept"}
    image = read_image(json.dumps(manifest).encode(), plain.raw_config, plain.layers, what="an image")

    slim = json.loads(slim_image(make_world(), image, "safe").image.raw)

    assert [sorted(each) for each in (slim["config"], *slim["layers"])] == [
        ["digest", "mediaType", "size"],
        ["digest", "mediaType", "size"],
        ["annotations", "digest", "mediaType", "size", "urls"],
    ]
    assert slim["annotations"] == {"title": "kept"}


@pytest.mark.parametrize(
    ("bound", "message"),
    [("MAX_NAMES", "the paths of the image are too long"), ("MAX_UNPACKED", "the image has more than 100 bytes")],
)
def test_an_image_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch, bound: str, message: str) -> None:
    monkeypatch.setattr(f"tare.flow.slim.reading.{bound}", 100)

    with pytest.raises(HostileInputError, match=message):
        read(image_of({f"{'n' * 30}{number}": b"1" * 30 for number in range(4)}))


def test_a_layer_that_is_not_what_its_digest_says_is_an_error(tmp_path: Path, make_world: MakeWorld) -> None:
    LayoutDestination(tmp_path / "layout").write(image_of({"var/lib/apt/lists/a": b"1"}))
    other = image_of({"var/lib/apt/lists/a": b"2"})
    image = LayoutSource(tmp_path / "layout").read()
    (layer,) = other.layers
    assert isinstance(layer, MemoryBlob)
    path = tmp_path / "layout" / "blobs" / image.layers[0].descriptor.digest.replace(":", "/")
    path.chmod(0o644)
    path.write_bytes(layer.data)

    with pytest.raises(IntegrityError, match="is damaged"):
        slim_image(make_world(), image, "safe")
