"""What a check can be asked for, and what it says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest
from images.cases import case, entry
from images.parts import INDEX, MANIFEST, TAG, Image, Store, digest
from images.sound import attested, platform
from images.unsound_documents import an_index, described
from images.unsound_layouts import blob_with, largest

from tare.errors import NetworkError
from tare.oci import validate
from tare.oci.descriptor import Descriptor
from tare.oci.validate import BlobSource, Checked, Finding, Verdict, Wanted

GONE = digest(b"gone")


class Memory:
    """A source that holds everything, and remembers what it was asked for."""

    def __init__(self, layout: Path) -> None:
        self.blobs = {f"sha256:{path.name}": path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}
        self.asked: list[Wanted] = []

    def open(self, wanted: Wanted) -> BinaryIO:
        self.asked.append(wanted)
        if wanted.digest not in self.blobs:
            raise FileNotFoundError(wanted.digest)
        return io.BytesIO(self.blobs[wanted.digest])


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    Image().write(tmp_path / "layout")
    return tmp_path / "layout"


def root_of(layout: Path) -> Descriptor:
    found = json.loads((layout / "index.json").read_bytes())["manifests"][0]
    return Descriptor(media_type=found["mediaType"], digest=found["digest"], size=found["size"])


def test_a_sound_image_is_valid_and_the_verdict_says_how_much_it_rests_on(layout: Path) -> None:
    assert validate.layout(layout) == Verdict(
        valid=True, findings=(), checked=Checked(documents=3, layers=2, entries=20, unpacked=15_360)
    )


def test_a_verdict_is_a_document(layout: Path) -> None:
    largest(layout).write_bytes(b"")
    manifest = json.loads(blob_with(layout, b'"layers":[').read_bytes())
    name, size = manifest["layers"][0]["digest"], manifest["layers"][0]["size"]
    assert json.loads(msgspec.json.encode(validate.layout(layout))) == {
        "valid": False,
        "findings": [
            {
                "code": "L003",
                "severity": "error",
                "where": f"layer[0] {name}",
                "message": "expected the end of gzip member 1, found the end of the data",
            },
            {
                "code": "D006",
                "severity": "error",
                "where": f"layer[0] {name}",
                "message": f"expected {size} bytes, found 0",
            },
        ],
        "checked": {"documents": 3, "layers": 2, "entries": 4, "unpacked": 4096},
    }


def test_a_directory_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    verdict = validate.layout(tmp_path / "nothing")
    assert not verdict.valid
    assert [finding.code for finding in verdict.findings] == ["O001"]


def test_an_image_that_cannot_be_opened_is_a_finding() -> None:
    assert validate.unopened("docker://r.example/app:1", "the registry says that there is no `app`") == Verdict(
        valid=False,
        findings=(
            Finding(
                code="O001",
                severity="error",
                where="docker://r.example/app:1",
                message="the registry says that there is no `app`",
            ),
        ),
        checked=Checked(),
    )


def test_one_tag_of_a_layout_is_checked_alone(tmp_path: Path) -> None:
    other = {"mediaType": MANIFEST, "digest": GONE, "size": 1, "annotations": {TAG: "2.0"}}
    layout = case("", "", lambda image: image.index.append(lambda i: i["manifests"].append(other))).write(
        tmp_path / "l"
    )
    (layout / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"not that")
    assert validate.layout(layout, tag="1.0").valid
    assert [finding.code for finding in validate.layout(layout, tag="2.0").findings] == ["D008"]
    assert [finding.code for finding in validate.layout(layout).findings] == ["D008", "O008"]


def test_a_tag_that_is_not_there_is_a_finding(layout: Path) -> None:
    assert validate.layout(layout, tag="3.0").findings == (
        Finding(
            code="O010",
            severity="error",
            where="index.json",
            message="expected an entry with the tag `3.0`, found none",
        ),
    )


def test_an_image_of_any_source_is_checked_from_its_descriptor(layout: Path) -> None:
    source = Memory(layout)
    verdict = validate.image(source, root_of(layout))
    assert (verdict.valid, verdict.findings) == (True, ())
    assert [(wanted.manifest, wanted.digest in source.blobs) for wanted in source.asked] == [
        (True, True), (False, True), (False, True), (False, True),
    ]  # fmt: skip


def test_a_descriptor_that_is_none_is_a_finding(layout: Path) -> None:
    root = Descriptor(media_type=MANIFEST, digest="sha256:../../etc/passwd", size=-1)
    verdict = validate.image(Memory(layout), root)
    assert [(found.code, found.where) for found in verdict.findings] == [("D003", "root digest"), ("D005", "root size")]


def test_an_image_of_any_source_is_checked_from_its_bytes(layout: Path) -> None:
    source = Memory(layout)
    raw = source.blobs[root_of(layout).digest]
    assert validate.image(source, raw, media_type=MANIFEST).valid
    assert [finding.code for finding in validate.image(source, raw, media_type=INDEX).findings] == [
        "I002", "I003", "I004",
    ]  # fmt: skip
    assert validate.image(source, b"<html>", where="docker://r.example/app").findings == (
        Finding(
            code="J002",
            severity="error",
            where="docker://r.example/app",
            message="expected JSON: Expecting value: line 1 column 1 (char 0)",
        ),
    )


def test_a_layout_is_a_source(layout: Path) -> None:
    source: BlobSource = validate.layout_source(layout)
    verdict = validate.image(source, root_of(layout))
    assert verdict.valid


class Breaking(Memory):
    """A source whose streams fail in their middle."""

    def __init__(self, layout: Path, error: Exception, *, after: int) -> None:
        super().__init__(layout)
        self._error = error
        self._after = after

    def open(self, wanted: Wanted) -> BinaryIO:
        return _Broken(super().open(wanted).read(self._after), self._error)


class _Broken(io.BytesIO):
    def __init__(self, data: bytes, error: Exception) -> None:
        super().__init__(data)
        self._error = error

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data:
            raise self._error
        return data


@pytest.mark.parametrize(
    "error",
    [OSError(5, "Input/output error"), NetworkError("the blob cannot be read", causes=("reset",)), EOFError("x")],
)
@pytest.mark.parametrize("after", [0, 100, 700])
def test_a_source_that_fails_is_a_finding(layout: Path, error: Exception, after: int) -> None:
    verdict = validate.image(Breaking(layout, error, after=after), root_of(layout))
    assert not verdict.valid
    assert "D009" in {finding.code for finding in verdict.findings}


class Endless(Memory):
    """A source whose blobs do not end."""

    def open(self, wanted: Wanted) -> BinaryIO:
        return _Endless(super().open(wanted).read())


class _Endless(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert size >= 0
        return super().read(size) or bytes(min(size, 1000))


def test_a_source_that_does_not_end_is_left_where_the_size_ends(layout: Path) -> None:
    verdict = validate.image(Endless(layout), root_of(layout))
    assert {finding.code for finding in verdict.findings} == {"D006", "J004"}


def test_an_image_that_two_indexes_name_is_read_once(layout: Path) -> None:
    source = Memory(layout)
    image = msgspec.to_builtins(root_of(layout)) | {"platform": {"architecture": "amd64", "os": "linux"}}
    inner = [an_index(image, annotations={"com.example.n": str(number)}) for number in range(3)]
    source.blobs.update({digest(data): data for data in inner})
    outer = an_index(*(described(data, mediaType=INDEX) for data in inner))
    assert validate.image(source, outer).valid
    digests = [wanted.digest for wanted in source.asked]
    assert sorted(digests) == sorted(set(digests))


def test_a_second_descriptor_of_an_image_is_checked_by_itself(layout: Path) -> None:
    source = Memory(layout)
    image = msgspec.to_builtins(root_of(layout)) | {"platform": {"architecture": "amd64", "os": "linux"}}
    other = image | {"size": image["size"] + 1, "platform": {"architecture": "arm64", "os": "linux"}}
    assert [
        (found.code, found.where.rpartition(" ")[2])
        for found in validate.image(source, an_index(image, other)).findings
    ] == [
        ("D006", "manifests[1].size"),
        ("P003", "manifests[1].platform"),
    ]


def test_images_that_nobody_can_tell_apart_are_told(tmp_path: Path, layout: Path) -> None:
    source = Memory(layout)
    change = case("", "", platform("amd64")).write(tmp_path / "other")
    source.blobs |= Memory(change).blobs
    bare = [msgspec.to_builtins(root_of(path)) for path in (layout, change)]
    on = [one | {"platform": {"architecture": "amd64", "os": "linux"}} for one in bare]
    assert [found.code for found in validate.image(source, an_index(*on)).findings] == ["I008"]
    assert [found.code for found in validate.image(source, an_index(*bare)).findings] == ["P010", "P010"]


def test_an_index_with_a_statement_is_read_to_its_end(tmp_path: Path) -> None:
    layout = case("", "", attested).write(tmp_path / "l")
    statement = Store(layout).path(digest(b'{"_type":"https://in-toto.io/Statement/v1"}'))
    statement.write_bytes(b"forged")
    assert [finding.code for finding in validate.layout(layout).findings] == ["D006"]


def test_rules_can_be_ignored(tmp_path: Path) -> None:
    layout = case("", "", entry(platform={"architecture": "arm64", "os": "linux"})).write(tmp_path / "l")
    assert [finding.code for finding in validate.layout(layout).findings] == ["P003"]
    assert validate.layout(layout, ignore={"P003"}).valid
