"""Layers, read: what a container sees, and which layer each byte is from."""

from __future__ import annotations

import gzip
import hashlib

import pytest
from make.bases import Layer, write_layer
from make.images import image, raw_layer
from weighing import WAYS, blob_of, estargz, read, weighed

from tare.errors import HostileInputError, IntegrityError
from tare.measure.contents import read_image
from tare.oci import media_types
from tare.oci.descriptor import Descriptor
from tare.oci.image import MemoryBlob

LAYER: Layer = {"a/b": b"x" * 3000, "a/c": b"", "a/d": "b", "big": bytes(range(256)) * 5000}


@pytest.mark.parametrize("way", WAYS)
def test_every_compression_gives_the_same_files(way: str) -> None:
    contents = read_image(image(WAYS[way](LAYER)), what="an image")

    assert [(item.path, item.size, item.file.digest) for item in contents.live] == [
        ("a/b", 3000, hashlib.sha256(b"x" * 3000).digest()),
        ("a/c", 0, b""),
        ("big", 1_280_000, hashlib.sha256(bytes(range(256)) * 5000).digest()),
    ]
    assert (contents.unpacked, contents.rootfs) == (1_283_000, 1_283_000)


def test_a_layer_for_lazy_pulling_has_its_table_as_a_file() -> None:
    contents = read_image(image(estargz({"a": b"1234"})), what="an image")

    assert [item.path for item in contents.live] == ["a", "stargz.index.json"]


def test_each_byte_belongs_to_the_layer_that_brought_it() -> None:
    found = weighed({"a": b"1" * 10, "b": b"2" * 20, "d/x": b"3" * 5}, {"a": b"4" * 7, ".wh.b": b"", "c": b"5"})

    assert [(layer.unpacked, layer.rootfs, layer.files) for layer in found.layers] == [(35, 5, 3), (8, 8, 2)]
    assert (found.sizes.unpacked, found.sizes.rootfs, found.sizes.waste) == (43, 13, 30)


def test_an_opaque_directory_makes_what_is_below_dead() -> None:
    found = weighed({"d/a": b"1" * 10, "d/b": b"2" * 20, "e": b"3"}, {"d/.wh..wh..opq": b"", "d/a": b"4"})

    assert [(layer.unpacked, layer.rootfs) for layer in found.layers] == [(31, 1), (1, 1)]


def test_all_names_of_a_file_are_counted_once() -> None:
    found = weighed({"a": b"1" * 10, "b": "=a", "c": "=a"}, {".wh.a": b""})

    assert (found.sizes.unpacked, found.sizes.rootfs, found.sizes.waste) == (10, 10, 0)
    assert [(part.name, part.bytes) for part in found.largest] == [("/b", 10)]


def test_what_a_directory_link_leads_to_is_written_through() -> None:
    contents = read({"usr/lib/": None, "lib": "usr/lib"}, {"lib/x": b"1"})

    assert [item.path for item in contents.live] == ["usr/lib/x"]


def test_a_layer_that_was_changed_is_an_error() -> None:
    data = gzip.compress(write_layer({"a": b"1"}), mtime=0)
    descriptor = Descriptor(media_type=media_types.LAYER_GZIP, digest="sha256:" + "0" * 64, size=len(data))
    made = image((MemoryBlob(descriptor=descriptor, data=data), "sha256:" + "1" * 64))

    with pytest.raises(IntegrityError, match="is damaged"):
        read_image(made, what="an image")


@pytest.mark.parametrize("cut", [10, 40, 60])
def test_a_layer_that_ends_early_is_an_error(cut: int) -> None:
    data = gzip.compress(write_layer({"a": bytes(range(200))}), mtime=0)[:cut]

    with pytest.raises(IntegrityError):
        read_image(image((blob_of(data, media_types.LAYER_GZIP), "sha256:" + "1" * 64)), what="an image")


def test_a_path_that_leaves_the_image_is_an_error() -> None:
    with pytest.raises(HostileInputError, match="a layer has a path that leaves the image"):
        read({"a/../../etc/passwd": b"x"})


def test_names_without_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tare.measure.taking.MAX_NAMES", 100)

    with pytest.raises(HostileInputError, match="the paths of an image are too long"):
        read({f"{'n' * 30}{number}": b"" for number in range(4)})


def test_a_layer_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tare.measure.contents.MAX_UNPACKED", 1_000_000)

    with pytest.raises(HostileInputError, match="a layer has more than 1,000,000 bytes"):
        read({"zeros": bytes(4_000_000)})


def test_databases_that_are_too_large_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tare.measure.taking.MAX_KEPT", 100)

    found = weighed({"var/lib/dpkg/status": b"Package: a\nVersion: 1\nStatus: install ok installed\n" * 9})

    assert found.notes[0] == "`var/lib/dpkg/status`, a database of packages, is too large to be read"


def test_an_image_without_layers_weighs_nothing() -> None:
    found = weighed()

    assert (found.sizes.pull, found.sizes.unpacked, found.sizes.store) == (0, 0, 0)


def test_a_layer_with_nothing_in_it_is_a_layer() -> None:
    made = image(raw_layer(write_layer({})))

    assert [layer.entries for layer in read_image(made, what="an image").layers] == [0]
