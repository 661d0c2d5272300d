"""`tare slim`: whole outputs, documents, and images that are written."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from command import Place
from make.bases import Layer
from make.images import image as make
from schemas import faults, published
from weighing import SITE, estargz, image_of, plain, zstd, zstd_chunked

from tare.flow.slim.image import read
from tare.oci.image import Blob
from tare.stores.layout import LayoutSource
from tare.stores.layout_writer import LayoutDestination

FIRST = {
    "var/lib/apt/lists/all": b"x" * 3000,
    "old": b"1" * 500,
    f"{SITE}/p/__init__.py": b"",
    f"{SITE}/p/tests/__init__.py": b"",
    f"{SITE}/p/tests/test_p.py": b"def test_p(): pass\n" * 100,
    f"{SITE}/idle.py": b"1",
    "usr/lib/python3.13/ensurepip/pip.whl": b"2" * 400,
    "etc/os-release": b"ID=debian\n",
}
SECOND = {".wh.old": b"", "app/main.py": b"print()\n"}


@pytest.fixture
def image(place: Place) -> str:
    LayoutDestination(place.root / "image").write(image_of(FIRST, SECOND))
    return f"oci:{place.root / 'image'}"


def test_people_read_what_would_go_and_nothing_is_written(place: Place, image: str) -> None:
    before = sorted(place.root.rglob("*"))
    code, out, err = place("slim", image)

    assert (code, err) == (0, "")
    assert re.fullmatch(
        "SIZE to pull before, [0-9]+ B after; unpacked 5.8 kB before, 19 B after\n", out[: out.index("\n") + 1]
    )
    assert out[out.index("\n") + 1 :] == (
        "\n"
        "  3.0 kB  TS204 safe  Caches and lists of package managers: 1 file left out\n"
        "            /var/lib/apt/lists/\n"
        "  1.9 kB  TS101 safe  Tests of distributions: 2 files left out\n"
        f"            /{SITE}/p/\n"
        "   500 B  TS001 safe  Files that a later layer replaces or removes\n"
        "   400 B  TS201 safe  Parts of the standard library that no service uses: 1 file left out\n"
        "            /usr/lib/python3.13/ensurepip/\n"
        "\n"
        "no longer there:\n"
        "  TS201: `python -m venv` then needs `--without-pip`, and `help()` has no texts on topics (`--keep TS201` keeps it)\n"
    )
    assert [each for each in sorted(place.root.rglob("*")) if place.cache not in (each, *each.parents)] == before


def test_the_slim_image_is_written_named_and_never_slimmed_further(place: Place, image: str) -> None:
    slim = f"oci:{place.root / 'slim'}"
    document = place.document("slim", image, "-o", slim, "-t", "app:slim")
    again = place.document("slim", f"{slim}:app:slim", "-o", f"oci:{place.root / 'again'}")
    weighed = place.document("weigh", f"{slim}:app:slim")

    assert faults(published("tare.slim.1"), document) == []
    assert document["dead"] == 500
    assert document["unpacked"] == {"before": 5819, "after": 19}
    assert weighed["sizes"]["unpacked"] == 19
    assert [(each["code"], each["bytes"], each["level"]) for each in document["rules"]] == [
        ("TS204", 3000, "safe"),
        ("TS101", 1900, "safe"),
        ("TS201", 400, "safe"),
    ]
    assert again["image"]["digest"] == again["from"]["digest"] == document["image"]["digest"]
    assert (again["rules"], again["dead"]) == ([], 0)


def test_bytes_that_go_have_left_every_layer(place: Place, image: str) -> None:
    place.document("slim", image, "-o", f"oci:{place.root / 'slim'}")
    found = read(LayoutSource(place.root / "slim", None).read(None))

    assert [len(found.dead), *found.live] == [
        0,
        "app/main.py",
        "etc/os-release",
        f"{SITE}/idle.py",
        f"{SITE}/p/__init__.py",
    ]


def test_what_is_kept_stays(place: Place, image: str) -> None:
    document = place.document(
        "slim", image, "--keep", "TS204", "--keep", f"/{SITE}/p/tests/test_p.py", "--keep", "TS001"
    )

    assert [(each["code"], each["paths"]) for each in document["rules"]] == [
        ("TS201", ["/usr/lib/python3.13/ensurepip/pip.whl"]),
        ("TS101", [f"/{SITE}/p/tests/__init__.py"]),
    ]
    assert document["dead"] == 0


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("TS1001", "Did you mean `--keep TS101`?\nhint: "),
        ("TS101,TS102", ""),
        ("ts9", ""),
    ],
)
def test_a_rule_that_there_is_not_cannot_be_kept(place: Place, image: str, word: str, hint: str) -> None:
    text = f"error: `--keep {word}` names no rule\n\nhint: {hint}`docs/slim.md` has the rules; repeat `--keep` for several\n"

    assert place("slim", image, "--keep", word) == (2, "", text)


GCONV = "usr/lib/x86_64-linux-gnu/gconv/IBM037.so"
GLIB = b"\x7fELF" + bytes(90) + b"\0g_iconv_open\0"
"""What the names in GLib end with: its linker lets one name be the end of another."""


@pytest.mark.parametrize(
    ("layer", "gone"),
    [
        ({"usr/lib/x86_64-linux-gnu/libglib-2.0.so.0": GLIB.replace(b"iconv", b"idle_")}, [GCONV]),
        ({"usr/lib/x86_64-linux-gnu/libglib-2.0.so.0": GLIB}, []),
        ({"usr/libexec/converter": GLIB, "usr/libexec/the-same": "=usr/libexec/converter"}, []),
        ({"usr/lib/x86_64-linux-gnu/libstdc++.so.6": GLIB}, [GCONV]),
        ({"usr/share/converter.txt": GLIB[4:]}, [GCONV]),
    ],
)
def test_character_conversion_stays_where_any_program_or_library_uses_it(
    place: Place, layer: Layer, gone: list[str]
) -> None:
    LayoutDestination(place.root / "image").write(image_of({**layer, GCONV: b"1" * 99}))
    rules = place.document("slim", f"oci:{place.root / 'image'}")["rules"]

    assert [path for each in rules for path in each["paths"]] == [f"/{path}" for path in gone]


def test_a_file_with_several_names_goes_when_all_of_them_may(place: Place) -> None:
    """As uv installs: what lies in the environment is a link to what lies in its cache."""
    cache = "root/.cache/uv/archive-v0/x/p"
    layer: Layer = {
        f"{cache}/__init__.py": b"1" * 20,
        f"{cache}/tests/test_p.py": b"2" * 30,
        f"{SITE}/p/__init__.py": f"={cache}/__init__.py",
        f"{SITE}/p/tests/test_p.py": f"={cache}/tests/test_p.py",
    }
    LayoutDestination(place.root / "image").write(image_of(layer))
    document = place.document("slim", f"oci:{place.root / 'image'}", "-o", f"oci:{place.root / 'slim'}")
    left = read(LayoutSource(place.root / "slim").read()).live

    assert [(each["code"], each["bytes"], each["paths"]) for each in document["rules"]] == [
        ("TS204", 30, [f"/{cache}/tests/test_p.py"]),
        ("TS101", 0, [f"/{SITE}/p/tests/test_p.py"]),
    ]
    assert sorted(left) == [f"{cache}/__init__.py", f"{SITE}/p/__init__.py"]


def test_what_a_later_layer_links_to_stays_where_it_is(place: Place) -> None:
    lists = "var/lib/apt/lists"
    image = image_of(
        {f"{lists}/a": b"1" * 9, f"{lists}/b": b"2"}, {f"{lists}/c": f"={lists}/a"}, {f"{lists}/.wh.a": b""}
    )
    LayoutDestination(place.root / "image").write(image)
    document = place.document("slim", f"oci:{place.root / 'image'}", "-o", f"oci:{place.root / 'slim'}")

    assert [each["paths"] for each in document["rules"]] == [[f"/{lists}/b"]]
    assert sorted(read(LayoutSource(place.root / "slim").read()).live) == [f"{lists}/c"]


def test_a_layer_keeps_its_compression(place: Place) -> None:
    LayoutDestination(place.root / "zstd").write(make(zstd(FIRST), zstd(SECOND)))
    place.document("slim", f"oci:{place.root / 'zstd'}", "--level", "more", "-o", f"oci:{place.root / 'slim'}")
    image = LayoutSource(place.root / "slim", None).read(None)

    assert [layer.descriptor.media_type for layer in image.layers] == [
        "application/vnd.oci.image.layer.v1.tar+zstd"
    ] * 2


def test_an_image_without_python_is_slimmed_and_not_proved(place: Place) -> None:
    LayoutDestination(place.root / "plain").write(image_of({"bin/sh": b"#!", "usr/share/man/man1/sh.1": b"text" * 9}))
    name = f"oci:{place.root / 'plain'}"

    assert [each["code"] for each in place.document("slim", name)["rules"]] == ["TS203"]
    code, out, err = place("slim", name, "--prove", "--engine", "chroot")
    assert (code, out, err) == (
        2,
        "",
        "error: the image has no Python, so that nothing can be proved\n\nhint: Leave `--prove` out\n",
    )


def test_a_build_that_leaves_nothing_out_has_nothing_to_prove(place: Place) -> None:
    place.write({"main.py": "print()\n", "pyproject.toml": '[project]\nname = "app"\nversion = "1"\n'})

    assert place.build("--prove") == (
        2,
        "",
        "error: `--prove` and `--check` are about what `--slim` leaves out\n\nhint: Add `--slim`\n",
    )


def test_a_whiteout_goes_with_what_it_hides_and_nothing_comes_back(place: Place) -> None:
    below: Layer = {
        "a": b"1" * 99,
        "b": "=a",
        "kept/x": b"2",
        "d/f": b"3" * 50,
        "d/g": b"4",
        "etc/os-release": b"ID=x\n",
    }
    LayoutDestination(place.root / "image").write(
        image_of(below, {".wh.a": b"", ".wh.b": b"", "d/.wh..wh..opq": b"", "d/new": b"5"}, {".wh.kept": b""})
    )
    once = place.document("slim", f"oci:{place.root / 'image'}", "-o", f"oci:{place.root / 'once'}")
    again = place.document("slim", f"oci:{place.root / 'once'}")
    entries = read(LayoutSource(place.root / "once").read()).entries

    assert once["dead"] == 99 + 1 + 50 + 1
    assert again["image"]["digest"] == once["image"]["digest"]
    assert sorted(read(LayoutSource(place.root / "once").read()).live) == ["d/new", "etc/os-release"]
    assert not {path for layer in entries for path, kind, _ in layer if kind != "directory"} & {
        "a",
        "b",
        ".wh.a",
        ".wh.b",
    }


@pytest.mark.parametrize("pack", [plain, zstd, zstd_chunked, estargz])
def test_layers_of_every_compression_lose_the_same_files(
    place: Place, pack: Callable[[Layer], tuple[Blob, str]]
) -> None:
    LayoutDestination(place.root / "image").write(make(pack(FIRST), pack(SECOND)))
    document = place.document("slim", f"oci:{place.root / 'image'}", "-o", f"oci:{place.root / 'slim'}")
    left = read(LayoutSource(place.root / "slim").read()).live

    assert [each["bytes"] for each in document["rules"]] == [3000, 1900, 400]
    assert sorted(set(left) - {"stargz.index.json"}) == [
        "app/main.py",
        "etc/os-release",
        f"{SITE}/idle.py",
        f"{SITE}/p/__init__.py",
    ]
    assert place("verify", f"oci:{place.root / 'slim'}").code == 0


def test_a_layer_that_leaves_the_image_is_refused_and_nothing_is_written(place: Place) -> None:
    LayoutDestination(place.root / "image").write(image_of({"../../etc/passwd": b"root::0:0::/:/bin/sh\n"}))
    code, out, err = place("slim", f"oci:{place.root / 'image'}", "-o", f"oci:{place.root / 'slim'}")

    assert (code, out) == (5, "")
    assert err == "error: a layer has a path that leaves the image\n  caused by: `../../etc/passwd`\n"
    assert not (place.root / "slim").exists()
