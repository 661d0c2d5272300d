"""Names that a hostile image has: bytes that are no text, and text that moves a terminal's cursor."""

from __future__ import annotations

import json

from make.images import image, member, raw_layer, tar_of
from weighing import distribution

from tare.measure.contents import read_image
from tare.measure.diff import Weighing, diff
from tare.measure.weigh import weigh_image
from tare.oci.image import Image
from tare.report.diff import diff_json, diff_markdown, diff_text
from tare.report.weigh import weigh_markdown, weigh_text
from tare.report.weigh_json import weigh_json

CLEAR = "\x1b[2J"


def hostile(size: int) -> Image:
    """Return an image with such names everywhere that a name can be."""
    files = distribution("p", "1", {"p/tests/test_a.py": b"1" * 5000})
    files |= {
        path.replace("p-1.dist-info", "q-1.dist-info"): data.replace(b"Name: p", b"Name: p" + CLEAR.encode())
        for path, data in files.items()
        if path.endswith("METADATA")
    }
    members = [member(path, data) for path, data in files.items()]
    members += [
        member("srv/\udcff\udcfe" + CLEAR, b"x" * size),
        member("usr/share/doc/a|b<script>", b"y" * size),
        member("usr/lib/python3.13/site-packages/q-1.dist-info/x" + CLEAR, b"z" * size),
    ]
    return image(raw_layer(tar_of(*members)), labels={f"k{CLEAR}": f"v{CLEAR}{size}"}, user=CLEAR)


def test_what_people_read_moves_no_cursor_and_can_be_written() -> None:
    one, other = hostile(5000), hostile(6000)
    read = read_image(one, what="an image")
    weighed = weigh_image(read, one)
    found = diff(
        Weighing(f"a{CLEAR}", one, read), Weighing("b", other, read_image(other, what="an image")), semantic=False
    )

    texts = (
        weigh_text(weighed, name=f"x{CLEAR}", top=None),
        weigh_markdown(weighed, name=f"x{CLEAR}"),
        diff_text(found, top=None),
        diff_markdown(found),
    )
    for text in texts:
        text.encode()
        assert "\x1b" not in text
        assert "<script>" not in text or text == texts[0] or text == texts[2]


def test_documents_have_every_name() -> None:
    one = hostile(5000)
    read = read_image(one, what="an image")
    document = json.loads(weigh_json(weigh_image(read, one), name="x"))
    empty = image(raw_layer(tar_of()))
    other = Weighing("y", empty, read_image(empty, what="an image"))
    changes = json.loads(diff_json(diff(Weighing("x", one, read), other, semantic=True)))

    assert [each["path"] for each in document["files"] if "udcff" in each["path"]] == [f"/srv/\\udcff\\udcfe{CLEAR}"]
    assert f"/srv/\\udcff\\udcfe{CLEAR}" in [each["path"] for each in changes["files"]]
