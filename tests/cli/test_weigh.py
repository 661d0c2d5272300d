"""`tare weigh`: whole outputs, documents and gates."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from command import Place
from make.images import image as make
from schemas import faults, published
from weighing import FILES, distribution, plain, sample

from tare.stores.archive_writer import ArchiveDestination
from tare.stores.layout_writer import LayoutDestination


@pytest.fixture
def image(place: Place) -> str:
    LayoutDestination(place.root / "image").write(sample())
    return f"oci:{place.root / 'image'}"


def test_people_read_where_the_bytes_are(place: Place, image: str) -> None:
    code, out, err = place("weigh", image)

    assert (code, err) == (0, "")
    path = Path(__file__).parent / "golden" / "weigh-sample.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(out, encoding="utf-8")
    assert out == path.read_text(encoding="utf-8")


def test_a_document_has_all_of_it(place: Place, image: str) -> None:
    document = place.document("weigh", image)

    assert faults(published("tare.weigh.1"), document) == []
    metadata = sum(len(data) for path, data in distribution("p", "1.0", FILES).items() if ".dist-info" in path)
    sizes = document["sizes"]
    assert (sizes["unpacked"], sizes["rootfs"], sizes["waste"]) == (20020 + metadata, 17020 + metadata, 3000)
    assert sizes["store"] == sizes["pull"] + sizes["unpacked"]
    assert sizes["pull"] == sum(layer["size"] for layer in document["layers"])
    assert [(layer["waste"], layer["instruction"]) for layer in document["layers"]] == [
        (3000, "ADD file:12 in /"),
        (0, "RUN rm -rf /var/lib/apt/lists/*"),
    ]
    assert document["distributions"][0] == {
        "name": "p",
        "version": "1.0",
        "ecosystem": "python",
        "unpacked": 17000 + metadata,
        "files": 5,
    }
    assert [(each["code"], each["bytes"], each["safety"]) for each in document["findings"]] == [
        ("TW301", 6000, "safe"),
        ("TW002", 3000, "safe"),
        ("TW604", 0, "note"),
    ]
    assert document["savings"] == 9000


def test_markdown_is_made_of_tables(place: Place, image: str) -> None:
    code, out, _ = place("weigh", image, "--markdown")

    assert code == 0
    assert out.startswith("## oci:TMP/image\n\n| to pull | unpacked | root file system | dead |\n|--:|--:|--:|--:|\n")
    assert (
        "| `TW301` Tests of distributions | safe | 6.0 kB | `tare slim`, and `tare build --slim`, leave them out |"
        in out
    )
    assert "| 1 | " in out


@pytest.mark.parametrize("option", ["--max-pull", "--max-unpacked", "--max-waste"])
def test_a_gate_fails_after_the_answer(place: Place, image: str, option: str) -> None:
    code, out, err = place("weigh", image, "--json", option, "100")

    assert code == 1
    assert json.loads(out)["schema"] == "tare.weigh/1"
    assert err.startswith(f"error: `{image.replace(str(place.root), 'TMP')}` is too large\n  caused by: it has ")
    assert f"`{option}` allows 100\n" in err


def test_gates_that_hold_are_silent(place: Place, image: str) -> None:
    gates = ("--max-pull", "64kB", "--max-unpacked", "1 MiB", "--max-waste", "3kB")

    assert place("weigh", image, *gates)[::2] == (0, "")


def test_a_size_that_is_none_is_refused(place: Place, image: str) -> None:
    code, _, err = place("weigh", image, "--max-pull", "much")

    assert (code, "`much` is not a size; write `200MB`, `1.5GB` or a number of bytes" in err) == (2, True)


def test_what_is_pulled_of_a_saved_image_is_unknown(place: Place) -> None:
    ArchiveDestination(place.root / "x.tar", (), mtime=0).write(make(plain({"a": b"1" * 10})))
    name = f"docker-archive:{place.root / 'x.tar'}"
    document = place.document("weigh", name)

    assert (document["sizes"]["pull"], document["sizes"]["store"]) == (None, None)
    assert document["notes"][0] == "what is pulled is not known: the layers lie here without compression"
    assert place("weigh", name, "--max-pull", "1MB").code == 2


def test_a_directory_is_weighed_by_its_path(place: Place) -> None:
    place.write({"main.py": "print(1)\n"})
    code, out, err = place("weigh", ".")

    assert (code, err) == (0, "")
    assert out.startswith(".\n\n9 B  in all\n")


def test_a_layout_is_found_by_its_path(place: Place, image: str) -> None:
    by_path = place.document("weigh", image.removeprefix("oci:"))

    assert by_path["image"]["digest"] == place.document("weigh", image)["image"]["digest"]


def test_a_file_is_not_a_directory(place: Place) -> None:
    place.write({"saved.tar": ""})

    assert place("weigh", "./saved.tar") == (
        2,
        "",
        "error: `./saved.tar` is a file\n\n"
        "hint: Write `docker-archive:./saved.tar` if `docker save` wrote it; unpack any other into a directory\n",
    )


def test_a_base_that_is_assembled_is_not_weighed(place: Place) -> None:
    assert place("weigh", "deb:trixie") == (
        2,
        "",
        "error: `deb:trixie` is a base that is assembled when it is needed\n\nhint: Weigh the image that was built\n",
    )


def test_a_directory_with_the_name_of_a_repository_is_hinted_at(place: Place) -> None:
    place.write({"venv/x": "1"})

    assert place("weigh", "venv", "--offline") == (
        4,
        "",
        "error: cannot reach a registry while offline\n\n"
        "hint: Write `./venv` for the directory of that name\n"
        "hint: Run the command again without `--offline`\n",
    )
