"""What a slim image says of itself, beside its files."""

from __future__ import annotations

import base64
import json

from weighing import image_of
from worlds import MakeWorld

from tare.flow.slim.image import slim_image
from tare.oci.image import read_image


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
