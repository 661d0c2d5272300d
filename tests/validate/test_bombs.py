"""What is built to be read for ever ends, with a finding that says why."""

from __future__ import annotations

import resource
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from images import tars
from images.cases import case
from images.parts import INDEX, Image, Layer
from images.unsound_documents import an_index, described

from tare.oci import validate
from tare.oci.validate import Limits, Verdict

SMALL = Limits(suspicious_size=100_000, bomb_size=1_000_000, entries=1_000, steps=100_000, total=5_000_000)


def codes(verdict: Verdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


def check(tmp_path: Path, *entries: bytes, compression: str = "gzip", limits: Limits = SMALL) -> Verdict:
    """Check an image with one layer of *entries*, with one thread and with two."""
    image = Image()
    image.layers[:] = [Layer(tars.archive(*entries), compression)]
    image.write(tmp_path / "layout")
    verdict = validate.layout(tmp_path / "layout", limits=limits)
    assert validate.layout(tmp_path / "layout", limits=limits, workers=2) == verdict
    return verdict


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_layer_of_zeros_is_suspicious(tmp_path: Path, compression: str) -> None:
    verdict = check(tmp_path, tars.file("zeros", bytes(500_000)), compression=compression)
    assert verdict.valid
    assert codes(verdict) == ["L006"]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_layer_of_very_many_zeros_is_a_bomb(tmp_path: Path, compression: str) -> None:
    verdict = check(tmp_path, tars.file("zeros", bytes(4_000_000)), compression=compression)
    assert codes(verdict) == ["L006", "L007"]
    assert verdict.checked.unpacked < 3_000_000


def test_a_layer_that_is_not_compressed_is_no_bomb(tmp_path: Path) -> None:
    verdict = check(tmp_path, tars.file("zeros", bytes(4_000_000)), compression="none")
    assert codes(verdict) == []


def test_layers_that_are_too_large_together_are_a_bomb(tmp_path: Path) -> None:
    lower = tars.file("lower", bytes(range(256)) * 3_600)
    upper = tars.file("upper", bytes(range(256)) * 3_600)
    limits = Limits(total=1_500_000)
    assert codes(check(tmp_path / "one", upper, limits=limits)) == []
    image = Image()
    image.layers[:] = [Layer(tars.archive(lower)), Layer(tars.archive(upper))]
    image.write(tmp_path / "two")
    for workers in (1, 2):  # With two, either layer may be the one that is too much.
        assert codes(validate.layout(tmp_path / "two", limits=limits, workers=workers)) == ["L007"]


def test_more_entries_than_fit_are_not_checked(tmp_path: Path) -> None:
    verdict = check(tmp_path, *[tars.file(f"srv/{number}") for number in range(2_000)], compression="none")
    assert codes(verdict) == ["L340"]


def test_the_deepest_path_passes(tmp_path: Path) -> None:
    entry = tars.pax({b"path": b"d/" * 2047 + b"f"}, tars.file("x"))
    assert codes(check(tmp_path, entry, compression="none")) == []


def test_links_that_multiply_are_given_up(tmp_path: Path) -> None:
    """Each link goes through the one before it 100 times: the last one costs 100^5 steps."""
    links = [tars.directory("l0")]
    for number in range(1, 6):
        target = b"/".join([b"l%d/.." % (number - 1)] * 100 + [b"l0"])
        links.append(tars.gnu_long(tars.symlink(f"l{number}", "x"), link=target))
    verdict = check(tmp_path, *links, *[tars.file(f"l5/{number}") for number in range(20)], compression="none")
    assert set(codes(verdict)) <= {"L302", "L303", "L340"}
    assert codes(verdict)


def test_long_links_that_every_entry_goes_through_are_given_up(tmp_path: Path) -> None:
    link = tars.gnu_long(tars.symlink("x", "x"), link=b"./" * 200 + b"srv")
    entries = [tars.directory("srv"), link, *[tars.file(f"x/{number}") for number in range(900)]]
    verdict = check(tmp_path, *entries, compression="none", limits=Limits(steps=100_000))
    assert set(codes(verdict)) == {"L302", "L340"}


def test_opaque_whiteouts_at_every_level_cost_what_is_hidden_once(tmp_path: Path) -> None:
    deep = [b"/".join([b"d"] * level) for level in range(1, 300)]
    files = [tars.pax({b"path": deep[-1] + b"/f%d" % number}, tars.file("x")) for number in range(600)]
    markers = [tars.pax({b"path": path + b"/.wh..wh..opq"}, tars.file("x")) for path in reversed(deep)]
    verdict = check(tmp_path, *files, *markers, compression="none", limits=Limits())
    assert set(codes(verdict)) == {"L323", "L327"}


def test_a_rule_that_is_broken_a_thousand_times_is_told_twenty_times_and_once_more(tmp_path: Path) -> None:
    verdict = check(tmp_path, *[tars.file(f"/srv/{number}") for number in range(900)], compression="none")
    assert codes(verdict) == ["L201"] * 21
    assert verdict.findings[-1].where.startswith("layer[0] sha256:")
    assert verdict.findings[-1].message == "the same 880 times more"


def test_documents_that_name_too_many_others_are_given_up(tmp_path: Path) -> None:
    image = Image()
    inner = [an_index(annotations={"com.example.n": str(number)}) for number in range(20)]
    image.blobs += inner
    image.index.append(lambda i: i["manifests"].extend(described(data, mediaType=INDEX) for data in inner))
    image.write(tmp_path / "layout")
    verdict = validate.layout(tmp_path / "layout", limits=Limits(documents=10))
    assert {code for code in codes(verdict) if code != "I009"} == {"I007"}


def test_indexes_that_name_the_same_ones_are_read_once(tmp_path: Path) -> None:
    """Seven levels of indexes, each of which names the one below it a thousand times."""
    image = Image()
    data = an_index()
    for _ in range(6):
        image.blobs.append(data)
        data = an_index(*[described(data, mediaType=INDEX)] * 1_000)
    image.blobs.append(data)
    image.index.append(lambda i: i["manifests"].append(described(data, mediaType=INDEX)))
    image.write(tmp_path / "layout")
    verdict = validate.layout(tmp_path / "layout")
    assert codes(verdict) == ["I009"]
    assert verdict.checked.documents == 10


def compressed_zeros(compression: str) -> Iterator[bytes]:
    """Yield a layer of one file of ten GiB."""
    coder: Any = zstandard.ZstdCompressor(level=1).compressobj()
    if compression == "gzip":
        coder = zlib.compressobj(1, zlib.DEFLATED, 31)
    yield coder.compress(tars.header(b"zeros", size=10 * 1024**3 // 2))
    zeros = bytes(2**20)
    for _ in range(10 * 1024):
        yield coder.compress(zeros)
    yield coder.flush()


@pytest.mark.slow
@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_ten_gibibytes_of_zeros_end_at_four_in_little_memory(tmp_path: Path, compression: str) -> None:
    data = b"".join(compressed_zeros(compression))
    image = Image()
    image.layers[:] = [Layer(b"", compression, stored=data)]
    image.write(tmp_path / "layout")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    verdict = validate.layout(tmp_path / "layout")
    assert codes(verdict) == ["L006", "L007"]
    assert verdict.checked.unpacked < 4.01 * 1024**3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024


def test_documents_of_four_mebibytes_are_read_in_time(tmp_path: Path) -> None:
    """Whatever is in them: quotes that do not end, brackets, names, numbers."""
    size = 4 * 1024 * 1024 - 2_000
    for number, text in enumerate(
        (
            b'"' + b'\\"' * (size // 2),
            b"[" * size,
            b'{"a":' * (size // 5),
            b'{"a":0,"a":0,' + b'"b":1,' * (size // 6),
            b"9" * size,
        )
    ):
        layout = tmp_path / str(number)
        case("", "", lambda image, text=text: image.raw_config.append(lambda _: text)).write(layout)  # type: ignore[misc]
        assert not validate.layout(layout).valid
