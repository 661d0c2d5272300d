"""OCI image layouts: what is written is read back, and what is wrong is said."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest
from make.errors import Told, told
from make.images import content, directory, image, in_files, layer, small

from tare.errors import HostileInputError, IntegrityError, MachineError, TareError, TargetError, UsageError
from tare.oci import media_types
from tare.oci.digest import encoded, sha256
from tare.oci.image import FileBlob, Image, ImageIndex, MemoryBlob, make_image, make_index
from tare.oci.platform import Platform
from tare.stores.layout import LayoutSource
from tare.stores.layout_writer import LayoutDestination

ARM = Platform(os="linux", architecture="arm64")
AMD = Platform(os="linux", architecture="amd64")


def blob(place: Path, digest: str) -> Path:
    return place / "blobs" / "sha256" / encoded(digest)


def files_in(place: Path) -> dict[str, tuple[int, int]]:
    """Return every file with its inode and time: what stays the same was not written again."""
    found = [path for path in place.rglob("*") if path.is_file()]
    return {str(path.relative_to(place)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def index_of(place: Path) -> object:
    return json.loads((place / "index.json").read_text())


def same(left: Image, right: Image) -> bool:
    return left.raw == right.raw and left.raw_config == right.raw_config and contents(left) == contents(right)


def contents(value: Image) -> list[bytes]:
    return [content(blob) for blob in value.layers]


def fails(source: LayoutSource, platform: Platform | None = None) -> Told:
    """Read everything and return what is said when that does not work."""
    with pytest.raises(TareError) as caught:
        contents(source.read(platform))
    return told(caught.value)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    value = small(user="65532", entrypoint=("/app",))
    LayoutDestination(tmp_path / "a", ("app",)).write(value)

    assert same(LayoutSource(tmp_path / "a", "app").read(), value)


@pytest.mark.parametrize("name", ["main.py", ".git"])
def test_a_directory_with_something_else_in_it_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UsageError) as caught:
        LayoutDestination(tmp_path).write(small())

    assert told(caught.value) == (
        UsageError,
        f"`{tmp_path}` is not empty, and no image layout",
        (f"it has no `oci-layout`, and has `{name}`",),
        ("Name a directory that is empty, or not there yet",),
    )
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_image_may_lie_beside_what_a_build_front_end_left(tmp_path: Path) -> None:
    (tmp_path / "app-1.0-py3-none-any.whl").write_bytes(b"")
    value = small()
    LayoutDestination(tmp_path).write(value)

    assert same(LayoutSource(tmp_path).read(), value)
    assert (tmp_path / "app-1.0-py3-none-any.whl").exists()


def test_layers_in_files_are_copied_whole(tmp_path: Path) -> None:
    value = in_files(small("x" * 3_000_000), tmp_path)
    LayoutDestination(tmp_path / "a").write(value)

    assert same(LayoutSource(tmp_path / "a").read(), value)


def test_a_layout_is_what_the_specification_shows(tmp_path: Path) -> None:
    value = small()
    LayoutDestination(tmp_path / "a", ("app",)).write(value)

    assert (tmp_path / "a/oci-layout").read_bytes() == b'{"imageLayoutVersion":"1.0.0"}'
    assert index_of(tmp_path / "a") == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": value.digest,
                "size": len(value.raw),
                "platform": {"architecture": "amd64", "os": "linux"},
                "annotations": {"org.opencontainers.image.ref.name": "app"},
            }
        ],
    }
    names = {encoded(one.descriptor.digest) for one in value.blobs} | {encoded(value.digest)}
    assert {path.name for path in (tmp_path / "a/blobs/sha256").iterdir()} == names


def test_two_layouts_of_one_image_are_the_same(tmp_path: Path) -> None:
    for name in ("a", "b"):
        LayoutDestination(tmp_path / name, ("one", "two")).write(small())

    left, right = ({name: (tmp_path / side / name).read_bytes() for name in files_in(tmp_path / side)} for side in "ab")
    assert left == right


def test_writing_again_what_is_there_touches_nothing(tmp_path: Path) -> None:
    destination = LayoutDestination(tmp_path, ("one", "two"))
    destination.write(small())
    before = files_in(tmp_path)

    assert destination.write(small()) == small().descriptor
    assert files_in(tmp_path) == before


def test_a_layer_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    LayoutDestination(tmp_path, ("app",)).write(small("before"))
    before = files_in(tmp_path)
    LayoutDestination(tmp_path, ("app",)).write(small("after"))

    below = f"blobs/sha256/{encoded(small().layers[0].descriptor.digest)}"
    assert files_in(tmp_path)[below] == before[below]
    assert same(LayoutSource(tmp_path, "app").read(), small("after"))


def test_other_tags_stay(tmp_path: Path) -> None:
    LayoutDestination(tmp_path, ("one",)).write(small("1"))
    LayoutDestination(tmp_path, ("two",)).write(small("2"))
    LayoutDestination(tmp_path, ("one",)).write(small("3"))

    assert same(LayoutSource(tmp_path, "one").read(), small("3"))
    assert same(LayoutSource(tmp_path, "two").read(), small("2"))


def test_without_a_tag_the_image_without_one_is_replaced(tmp_path: Path) -> None:
    LayoutDestination(tmp_path, ("kept",)).write(small("kept"))
    for text in ("1", "2"):
        LayoutDestination(tmp_path).write(small(text))

    entries = msgspec.json.decode((tmp_path / "index.json").read_bytes())["manifests"]
    assert [entry["digest"] for entry in entries] == [small("kept").digest, small("2").digest]


def test_what_others_wrote_into_the_index_stays(tmp_path: Path) -> None:
    LayoutDestination(tmp_path, ("one",)).write(small("1"))
    index = msgspec.json.decode((tmp_path / "index.json").read_bytes())
    index["annotations"] = {"theirs": "yes"}
    index["manifests"][0]["theirs"] = [1, 2]
    (tmp_path / "index.json").write_bytes(msgspec.json.encode(index))
    LayoutDestination(tmp_path, ("two",)).write(small("2"))

    after = msgspec.json.decode((tmp_path / "index.json").read_bytes())
    assert after["annotations"] == {"theirs": "yes"}
    assert after["manifests"][0] == index["manifests"][0]


def test_a_damaged_blob_that_no_index_vouches_for_is_written_again(tmp_path: Path) -> None:
    value = small()
    path = blob(tmp_path, value.layers[0].descriptor.digest)
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(value.layers[0].descriptor.size))
    LayoutDestination(tmp_path).write(value)

    assert same(LayoutSource(tmp_path).read(), value)


@pytest.mark.parametrize("spoil", ["removed", "cut"])
def test_a_blob_of_the_wrong_size_is_written_again(tmp_path: Path, spoil: str) -> None:
    value = small()
    LayoutDestination(tmp_path).write(value)
    path = blob(tmp_path, value.layers[1].descriptor.digest)
    if spoil == "removed":
        path.unlink()
    else:
        os.truncate(path, 5)
    LayoutDestination(tmp_path).write(value)

    assert same(LayoutSource(tmp_path).read(), value)


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "blobs/sha256").mkdir(parents=True)
    for name in (".tare-1-dead", "blobs/sha256/.tare-1-dead"):
        (tmp_path / name).write_bytes(b"half")
    LayoutDestination(tmp_path).write(small())

    assert not [name for name in files_in(tmp_path) if ".tare-" in name]


def test_an_index_is_read_by_platform(tmp_path: Path) -> None:
    amd, arm = small("amd"), image(layer([directory("arm")]), architecture="arm64")
    LayoutDestination(tmp_path, ("app",)).write(make_index((amd, arm), {}))
    source = LayoutSource(tmp_path, "app")

    assert same(source.read(AMD), amd)
    assert same(source.read(ARM), arm)
    whole = source.read_all()
    assert isinstance(whole, ImageIndex)
    assert [one.digest for one in whole.images] == [amd.digest, arm.digest]


def test_one_image_s_platforms_may_stand_in_the_index_itself(tmp_path: Path) -> None:
    amd, arm = small("amd"), image(layer([directory("arm")]), architecture="arm64")
    LayoutDestination(tmp_path).write(make_index((amd, arm), {}))
    (tmp_path / "index.json").write_bytes(make_index((amd, arm), {}).raw)

    assert same(LayoutSource(tmp_path).read(ARM), arm)


def test_an_index_within_an_index_is_read(tmp_path: Path) -> None:
    inner = make_index((small(), image(layer([]), architecture="arm64")), {})
    LayoutDestination(tmp_path).write(inner)
    outer = f'{{"schemaVersion":2,"manifests":[{msgspec.json.encode(inner.descriptor).decode()}]}}'.encode()
    blob(tmp_path, sha256(outer)).write_bytes(outer)
    entry = {"mediaType": media_types.INDEX, "digest": sha256(outer), "size": len(outer)}
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))

    assert same(LayoutSource(tmp_path).read(AMD), small())


def test_the_platform_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    LayoutDestination(tmp_path, ("one",)).write(small())
    arm7 = image(layer([]), architecture="arm")
    LayoutDestination(tmp_path, ("many",)).write(make_index((small(), arm7), {}))

    assert fails(LayoutSource(tmp_path, "one"), ARM) == (
        TargetError,
        f"`oci:{tmp_path}:one` has no image for linux/arm64",
        ("it is for linux/amd64",),
        (),
    )
    assert fails(LayoutSource(tmp_path, "many"), ARM) == (
        TargetError,
        f"`oci:{tmp_path}:many` has no image for linux/arm64",
        ("it offers linux/amd64, linux/arm/v7",),
        ("Choose one of these with `--platform`",),
    )


def test_what_is_no_layout_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("nothing", "file"):
        assert fails(LayoutSource(tmp_path / name)) == (
            UsageError,
            f"`{tmp_path / name}` is not an OCI layout",
            ("it has no `oci-layout`",),
            (),
        )


def test_a_missing_tag_is_said_with_those_that_are_there(tmp_path: Path) -> None:
    LayoutDestination(tmp_path, ("two",)).write(small())
    LayoutDestination(tmp_path, ("one",)).write(small(env=("OTHER=1",)))

    assert fails(LayoutSource(tmp_path, "three")) == (
        UsageError,
        f"`oci:{tmp_path}:three` does not exist",
        ("the layout has one, two",),
        (),
    )
    assert fails(LayoutSource(tmp_path)) == (
        UsageError,
        f"`oci:{tmp_path}` has 2 images",
        ("the layout has one, two",),
        (f"Choose one, for example `oci:{tmp_path}:one`",),
    )


def test_a_tag_that_is_there_twice_is_ambiguous(tmp_path: Path) -> None:
    LayoutDestination(tmp_path, ("app",)).write(small())
    index = msgspec.json.decode((tmp_path / "index.json").read_bytes())
    other = small(env=("OTHER=1",))
    LayoutDestination(tmp_path, ("other",)).write(other)
    index = msgspec.json.decode((tmp_path / "index.json").read_bytes())
    for entry in index["manifests"]:
        entry["annotations"]["org.opencontainers.image.ref.name"] = "app"
    (tmp_path / "index.json").write_bytes(msgspec.json.encode(index))

    assert fails(LayoutSource(tmp_path, "app")) == (
        HostileInputError,
        f"`oci:{tmp_path}:app` is ambiguous",
        ("2 entries have that tag",),
        (),
    )


@pytest.mark.parametrize("tag", [None, "app"])
def test_one_image_with_several_entries_is_one_image(tmp_path: Path, tag: str | None) -> None:
    LayoutDestination(tmp_path, ("app",)).write(small())
    index = msgspec.json.decode((tmp_path / "index.json").read_bytes())
    [entry] = index["manifests"]
    untagged = {name: value for name, value in entry.items() if name != "annotations"}
    index["manifests"] = [untagged, entry, entry]
    (tmp_path / "index.json").write_bytes(msgspec.json.encode(index))

    assert LayoutSource(tmp_path, tag).read().digest == small().digest


def test_every_blob_is_checked_when_it_is_read(tmp_path: Path) -> None:
    value = small()
    LayoutDestination(tmp_path).write(value)
    descriptor = value.layers[1].descriptor
    path = blob(tmp_path, descriptor.digest)
    whole = path.read_bytes()
    spoilt = whole[:-1] + bytes([whole[-1] ^ 1])
    what = f"layer 2 of `oci:{tmp_path}`"

    path.write_bytes(whole + b"x")
    assert fails(LayoutSource(tmp_path)) == (
        IntegrityError,
        f"{what} is damaged",
        (f"expected {descriptor.digest} ({len(whole)} bytes), found {len(whole) + 1} bytes",),
        (),
    )
    path.write_bytes(spoilt)
    assert fails(LayoutSource(tmp_path)) == (
        IntegrityError,
        f"{what} is damaged",
        (f"expected {descriptor.digest} ({len(whole)} bytes), found {sha256(spoilt)} ({len(whole)} bytes)",),
        (),
    )
    path.unlink()
    assert fails(LayoutSource(tmp_path)) == (IntegrityError, f"{what} is missing", (f"there is no `{path}`",), ())


@pytest.mark.parametrize("what", ["manifest", "config"])
def test_documents_are_checked_before_they_are_understood(tmp_path: Path, what: str) -> None:
    value = small()
    LayoutDestination(tmp_path).write(value)
    digest = value.digest if what == "manifest" else value.manifest.config.digest
    path = blob(tmp_path, digest)
    size = path.stat().st_size
    path.write_bytes(b"{" * size)

    kind, message, causes, _ = fails(LayoutSource(tmp_path))
    named = f"the manifest {digest} of" if what == "manifest" else "the config of"
    assert (kind, message) == (IntegrityError, f"{named} `oci:{tmp_path}` is damaged")
    assert causes == (f"expected {digest} ({size} bytes), found {sha256(b'{' * size)} ({size} bytes)",)


def test_a_digest_that_is_a_path_is_refused(tmp_path: Path) -> None:
    LayoutDestination(tmp_path).write(small())
    text = (tmp_path / "index.json").read_text().replace(small().digest, "sha256:../../../etc/passwd")
    (tmp_path / "index.json").write_text(text)

    kind, message, _, _ = fails(LayoutSource(tmp_path))
    assert (kind, message) == (IntegrityError, f"`{tmp_path / 'index.json'}` cannot be read")


def test_a_huge_document_is_not_read(tmp_path: Path) -> None:
    LayoutDestination(tmp_path).write(small())
    with (tmp_path / "index.json").open("r+b") as file:
        file.truncate(5 * 1024 * 1024)
    assert fails(LayoutSource(tmp_path)) == (
        HostileInputError,
        f"`{tmp_path / 'index.json'}` is too large",
        ("it has 4194305 bytes; the limit is 4194304",),
        (),
    )


def test_a_link_out_of_the_layout_is_not_followed(tmp_path: Path) -> None:
    value = small()
    LayoutDestination(tmp_path / "a").write(value)
    path = blob(tmp_path / "a", value.layers[0].descriptor.digest)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")

    assert fails(LayoutSource(tmp_path / "a")) == (
        HostileInputError,
        f"`{path}` lies outside of its layout",
        ("a symbolic link leads there",),
        (),
    )


def test_nothing_is_written_through_a_link_out_of_the_layout(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "a/blobs").symlink_to(tmp_path / "outside")
    with pytest.raises(HostileInputError) as caught:
        LayoutDestination(tmp_path / "a").write(small())

    assert caught.value.message == f"`{tmp_path / 'a/blobs/sha256'}` lies outside of its layout"
    assert not (tmp_path / "a/index.json").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_in_a_blob_s_place_does_not_hold_the_reader_up(tmp_path: Path) -> None:
    value = small()
    LayoutDestination(tmp_path).write(value)
    path = blob(tmp_path, value.layers[0].descriptor.digest)
    path.unlink()
    os.mkfifo(path)

    what = f"cannot read layer 1 of `oci:{tmp_path}`"
    assert fails(LayoutSource(tmp_path)) == (MachineError, what, (f"`{path}`: not a regular file",), ())


def test_a_blob_that_is_not_what_its_descriptor_says_is_not_written(tmp_path: Path) -> None:
    value = small()
    descriptor = value.layers[0].descriptor
    lie = MemoryBlob(descriptor=descriptor, data=bytes(descriptor.size))
    short = tmp_path / "short"
    short.write_bytes(b"x")
    for wrong in (lie, FileBlob(descriptor=descriptor, path=short)):
        spoilt = Image(
            raw=value.raw,
            manifest=value.manifest,
            raw_config=value.raw_config,
            config=value.config,
            layers=(wrong, value.layers[1]),
        )
        with pytest.raises(IntegrityError, match="is damaged"):
            LayoutDestination(tmp_path / "a").write(spoilt)
        assert not (tmp_path / "a/index.json").exists()
        assert not [name for name in files_in(tmp_path / "a") if "blobs" in name]


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError) as caught:
        LayoutDestination(tmp_path / "file/dist").write(small())

    assert told(caught.value) == (MachineError, f"cannot write to `{tmp_path / 'file/dist'}`", ("Not a directory",), ())


def test_an_artifact_is_not_an_image(tmp_path: Path) -> None:
    value = small()
    config = MemoryBlob(descriptor=value.manifest.config, data=b"{}")
    manifest = msgspec.structs.replace(
        value.manifest, config=msgspec.structs.replace(config.descriptor, media_type=media_types.EMPTY)
    )
    raw = msgspec.json.encode(manifest, order="sorted")
    LayoutDestination(tmp_path).write(msgspec.structs.replace(value, raw=raw, manifest=manifest))

    assert fails(LayoutSource(tmp_path)) == (
        IntegrityError,
        f"`oci:{tmp_path}` is not a container image",
        ("its config is a `application/vnd.oci.empty.v1+json`",),
        (),
    )


def test_a_config_of_other_layers_is_refused(tmp_path: Path) -> None:
    value = small()
    LayoutDestination(tmp_path).write(make_image(value.config, value.layers[:1], {}))

    assert fails(LayoutSource(tmp_path)) == (
        HostileInputError,
        f"`oci:{tmp_path}` contradicts itself",
        ("its manifest has 1 layers, its config 2",),
        (),
    )
