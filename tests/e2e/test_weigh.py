"""`tare weigh` against what skopeo reads and umoci extracts."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from make.bases import Layer
from weighing import image_of

from tare.measure.contents import read_image
from tare.measure.weigh import weigh_image
from tare.stores.layout_writer import LayoutDestination

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed"),
    pytest.mark.skipif(shutil.which("umoci") is None, reason="umoci is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="umoci unpacks owners, which needs root"),
]

LAYERS: tuple[Layer, ...] = (
    {"usr/lib/": None, "usr/lib/a": b"1" * 1000, "lib": "usr/lib", "d/x": b"2" * 50, "d/y": b"3", "hard": "=usr/lib/a"},
    {"usr/lib/a": b"4" * 10, "d/.wh..wh..opq": b"", "d/z": b"5" * 7, "gone": b"6" * 99, "e/f/g": b"7"},
    {".wh.gone": b"", "e/.wh.f": b"", "d/z": b"8" * 70, "again": "=d/z"},
)


def extracted(root: Path) -> int:
    """Return the bytes of regular files, one with several names counted once."""
    found = [os.lstat(Path(parent, name)) for parent, _, names in os.walk(root) for name in names]
    return sum({(each.st_dev, each.st_ino): each.st_size for each in found if stat.S_ISREG(each.st_mode)}.values())


def run(*command: str) -> bytes:
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_sizes_are_those_that_other_tools_find(tmp_path: Path) -> None:
    image = image_of(*LAYERS)
    LayoutDestination(tmp_path / "layout", ("x",)).write(image)
    sizes = weigh_image(read_image(image, what="an image"), image).sizes

    layers = json.loads(run("skopeo", "inspect", "--raw", f"oci:{tmp_path / 'layout'}:x"))["layers"]
    run("umoci", "unpack", "--image", f"{tmp_path / 'layout'}:x", str(tmp_path / "unpacked"))
    assert sizes.pull == sum(layer["size"] for layer in layers)
    assert sizes.rootfs == extracted(tmp_path / "unpacked" / "rootfs") == 1000 + 10 + 70
