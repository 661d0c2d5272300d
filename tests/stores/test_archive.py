"""Archives for engines: one file in two forms, and both forms from others."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from make.errors import Told, told
from make.images import content, directory, image, in_files, layer, member, small, tar_of

from tare.errors import HostileInputError, IntegrityError, MachineError, TareError, TargetError, UsageError
from tare.oci import reference
from tare.oci.digest import encoded, sha256
from tare.oci.image import FileBlob, Image, ImageIndex, make_index
from tare.oci.platform import Platform
from tare.stores.archive import ArchiveSource
from tare.stores.archive_writer import ArchiveDestination, ArchiveWriter, StreamDestination

APP = reference.parse("ghcr.io/me/app:1")
ARM = Platform(os="linux", architecture="arm64")


def archive(value: Image | ImageIndex, *names: reference.Reference, mtime: int = 0) -> bytes:
    out = io.BytesIO()
    ArchiveWriter(value, names, mtime=mtime).write(out)
    return out.getvalue()


def plain(value: Image) -> list[bytes]:
    """Return the layers, uncompressed."""
    return [gzip.decompress(content(blob)) for blob in value.layers]


def docker_save(value: Image, **changes: bytes) -> bytes:
    """Return what `docker save` wrote before version 25: uncompressed layers in directories of their own."""
    config = f"{encoded(value.manifest.config.digest)}.json"
    layers = plain(value)
    manifest = [{"Config": config, "RepoTags": ["me/app:1"], "Layers": [f"l{n}/layer.tar" for n in range(len(layers))]}]
    files = {f"l{number}/layer.tar": data for number, data in enumerate(layers)}
    files |= {config: value.raw_config, "manifest.json": json.dumps(manifest).encode(), "repositories": b"{}"}
    files |= {name.replace("_slash_", "/").replace("_dot_", "."): data for name, data in changes.items()}
    return tar_of(*(member(name, data) for name, data in files.items()))


def said(data: bytes, place: Path, name: str | None = None, platform: Platform | None = None) -> Told:
    path = place / "a.tar"
    path.write_bytes(data)
    source = ArchiveSource(path, reference.parse(name) if name else None)
    with pytest.raises(TareError) as caught:
        read_whole(source, platform)
    return told(caught.value)


def read_whole(source: ArchiveSource, platform: Platform | None) -> None:
    for blob in source.read(platform).layers:
        content(blob)


def test_an_archive_has_both_forms_over_the_same_blobs() -> None:
    value = small()
    with tarfile.open(fileobj=io.BytesIO(archive(value, APP))) as file:
        members = {entry.name: entry for entry in file}
        documents = {name: json.loads(file.extractfile(name).read()) for name in list(members)[:3]}  # type: ignore[union-attr]  # it is a file

    path = "blobs/sha256/{}".format
    assert documents == {
        "index.json": {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [
                {
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "digest": value.digest,
                    "size": len(value.raw),
                    "platform": {"architecture": "amd64", "os": "linux"},
                    "annotations": {
                        "io.containerd.image.name": "ghcr.io/me/app:1",
                        "org.opencontainers.image.ref.name": "1",
                    },
                }
            ],
        },
        "manifest.json": [
            {
                "Config": path(encoded(value.manifest.config.digest)),
                "RepoTags": ["ghcr.io/me/app:1"],
                "Layers": [path(encoded(blob.descriptor.digest)) for blob in value.layers],
            }
        ],
        "oci-layout": {"imageLayoutVersion": "1.0.0"},
    }
    digests = [value.digest, *(blob.descriptor.digest for blob in value.blobs)]
    assert list(members)[3:] == ["blobs", "blobs/sha256", *sorted(path(encoded(digest)) for digest in digests)]
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname) for entry in members.values()} == {(0, 0, 0, "")}


def test_names_are_written_as_docker_prints_them() -> None:
    names = tuple(map(reference.parse, ("app", "docker.io/library/app:2", "localhost:5000/app:3")))
    with tarfile.open(fileobj=io.BytesIO(archive(small(), *names))) as file:
        manifest = json.loads(file.extractfile("manifest.json").read())  # type: ignore[union-attr]  # it is a file

    assert manifest[0]["RepoTags"] == ["app:latest", "app:2", "localhost:5000/app:3"]


def test_the_bytes_depend_on_nothing_else_and_their_number_is_known(tmp_path: Path) -> None:
    memory = ArchiveWriter(small("x" * 2_000_000), (APP,), mtime=7)
    files = ArchiveWriter(in_files(small("x" * 2_000_000), tmp_path), (APP,), mtime=7)
    data = b"".join(memory.chunks())
    ArchiveDestination(tmp_path / "a.tar", (APP,), mtime=7).write(in_files(small("x" * 2_000_000), tmp_path))
    stream = io.BytesIO()
    StreamDestination(stream, (APP,), mtime=7).write(small("x" * 2_000_000))

    assert b"".join(files.chunks()) == data
    assert (tmp_path / "a.tar").read_bytes() == data
    assert stream.getvalue() == data
    assert memory.size == len(data)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    value = small()
    ArchiveDestination(tmp_path / "deep/er/a.tar", (APP,), mtime=0).write(value)
    for name in (None, APP):
        back = ArchiveSource(tmp_path / "deep/er/a.tar", name).read()
        assert (back.raw, back.raw_config) == (value.raw, value.raw_config)
        assert plain(back) == plain(value)


@pytest.mark.parametrize("form", ["both", "docker"])
@pytest.mark.parametrize("way", ["plain", "gzip", "pipe"])
def test_an_archive_is_read_however_it_comes(tmp_path: Path, form: str, way: str) -> None:
    value = small()
    data = archive(value, APP) if form == "both" else docker_save(value)
    path = tmp_path / "a.tar"
    path.write_bytes(gzip.compress(data) if way == "gzip" else data)
    source = ArchiveSource(Unseekable(data) if way == "pipe" else path, scratch=tmp_path)
    back = source.read()

    assert back.raw_config == value.raw_config
    assert [content(blob) for blob in back.layers] == (
        [content(blob) for blob in value.layers] if form == "both" else plain(value)
    )


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False


def test_uncompressed_layers_are_known_by_their_diff_ids(tmp_path: Path) -> None:
    value = small()
    (tmp_path / "a.tar").write_bytes(docker_save(value))
    back = ArchiveSource(tmp_path / "a.tar").read()

    found = [(blob.descriptor.media_type, blob.descriptor.digest) for blob in back.layers]
    kind = "application/vnd.oci.image.layer.v1.tar"
    assert found == [(kind, diff_id) for diff_id in value.config.rootfs.diff_ids]
    assert back.manifest.layers == tuple(blob.descriptor for blob in back.layers)


def test_compressed_layers_are_found_in_the_old_form_too(tmp_path: Path) -> None:
    value = small()
    changes = {f"l{number}_slash_layer_dot_tar": content(blob) for number, blob in enumerate(value.layers)}
    (tmp_path / "a.tar").write_bytes(docker_save(value, **changes))
    back = ArchiveSource(tmp_path / "a.tar").read()

    assert [blob.descriptor for blob in back.layers] == [blob.descriptor for blob in value.layers]


def test_a_layer_may_be_a_link_to_another_one(tmp_path: Path) -> None:
    one = layer([directory("app")])
    value = image(one, one)
    for kind, target in ((tarfile.SYMTYPE, "../l0/layer.tar"), (tarfile.LNKTYPE, "l0/layer.tar")):
        config = f"{encoded(value.manifest.config.digest)}.json"
        manifest = [{"Config": config, "RepoTags": None, "Layers": ["l0/layer.tar", "l1/layer.tar"]}]
        data = tar_of(
            member("l0/layer.tar", plain(value)[0]),
            member("l1/layer.tar", kind=kind, linkname=target),
            member(config, value.raw_config),
            member("manifest.json", json.dumps(manifest).encode()),
        )
        (tmp_path / "a.tar").write_bytes(data)
        back = ArchiveSource(tmp_path / "a.tar").read()
        assert [content(blob) for blob in back.layers] == plain(value)


def test_layers_are_read_at_the_same_time(tmp_path: Path) -> None:
    value = small("x" * 3_000_000)
    ArchiveDestination(tmp_path / "a.tar", mtime=0).write(value)
    back = ArchiveSource(tmp_path / "a.tar").read()
    with back.layers[0].open() as left, back.layers[1].open() as right:
        assert left.read(3) == right.read(3) == b"\x1f\x8b\x08"
        assert left.read() == content(value.layers[0])[3:]
        assert right.read() == content(value.layers[1])[3:]


def test_several_images_are_told_apart_by_name(tmp_path: Path) -> None:
    config = [encoded(small(text).manifest.config.digest) + ".json" for text in "ab"]
    manifest = [
        {"Config": config[number], "RepoTags": [f"app:{number}"], "Layers": [f"{number}-0.tar", f"{number}-1.tar"]}
        for number in (0, 1)
    ]
    members = [member("manifest.json", json.dumps(manifest).encode())]
    for number, text in enumerate("ab"):
        members.append(member(config[number], small(text).raw_config))
        members += [member(f"{number}-{at}.tar", data) for at, data in enumerate(plain(small(text)))]
    data = tar_of(*members)
    (tmp_path / "a.tar").write_bytes(data)

    back = ArchiveSource(tmp_path / "a.tar", reference.parse("docker.io/library/app:1")).read()
    assert back.raw_config == small("b").raw_config
    assert said(data, tmp_path) == (
        UsageError,
        f"`docker-archive:{tmp_path}/a.tar` has 2 images",
        ("the archive has app:0, app:1",),
        (f"Choose one, for example `docker-archive:{tmp_path}/a.tar:app:0`",),
    )
    assert said(data, tmp_path, "other:1") == (
        UsageError,
        f"`docker-archive:{tmp_path}/a.tar:other:1` does not exist",
        ("the archive has app:0, app:1",),
        (),
    )


def test_an_archive_of_an_index_has_all_of_it_and_one_for_old_engines(tmp_path: Path) -> None:
    amd, arm = small("amd"), image(layer([directory("arm")]), architecture="arm64")
    out = io.BytesIO()
    ArchiveWriter(make_index((amd, arm), {}), (APP,), mtime=0, platform=ARM).write(out)
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    source = ArchiveSource(tmp_path / "a.tar", APP)

    with tarfile.open(tmp_path / "a.tar") as file:
        manifest = json.loads(file.extractfile("manifest.json").read())  # type: ignore[union-attr]  # it is a file
    assert manifest[0]["Config"] == f"blobs/sha256/{encoded(arm.manifest.config.digest)}"
    assert source.read(ARM).digest == arm.digest
    whole = source.read_all()
    assert isinstance(whole, ImageIndex)
    assert whole.digest == make_index((amd, arm), {}).digest


def test_the_one_image_must_be_for_the_platform_that_is_asked_for(tmp_path: Path) -> None:
    for data in (archive(small()), docker_save(small())):
        assert said(data, tmp_path, platform=ARM) == (
            TargetError,
            f"`docker-archive:{tmp_path}/a.tar` has no image for linux/arm64",
            ("it is for linux/amd64",),
            (),
        )


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TareError) as caught:
        ArchiveSource(tmp_path / "a.tar").read()
    assert told(caught.value) == (
        UsageError,
        f"`docker-archive:{tmp_path}/a.tar` does not exist",
        ("No such file or directory",),
        (),
    )


def spoilt(value: Image, number: int) -> bytes:
    data = bytearray(plain(value)[number])
    data[600] ^= 1
    return bytes(data)


LAYER = "layer 1 of `docker-archive:{}/a.tar`"
HOSTILE: dict[str, tuple[Callable[[], bytes], type[TareError], str, str]] = {
    "no tar": (lambda: b"no tar" * 200, IntegrityError, "`{}` is not a sound tar archive", "is not octal"),
    "no documents": (lambda: tar_of(member("a")), IntegrityError, "`manifest.json` of `{}` is missing", "has no file"),
    "cut": (lambda: archive(small())[:3000], IntegrityError, "`{}` is not a sound tar archive", "early"),
    "twice": (
        lambda: tar_of(member("manifest.json", b"[]"), member("./manifest.json", b"[]")),
        HostileInputError,
        "`{}` is ambiguous",
        "it has `manifest.json` twice",
    ),
    "huge manifest": (
        lambda: tar_of(member("manifest.json", bytes(5_000_000))),
        HostileInputError,
        "`manifest.json` of `{}` is too large",
        "it has 5000000 bytes; the limit is 4194304",
    ),
    "links in a circle": (
        lambda: tar_of(
            member("manifest.json", kind=tarfile.SYMTYPE, linkname="b"),
            member("b", kind=tarfile.SYMTYPE, linkname="manifest.json"),
        ),
        IntegrityError,
        "`manifest.json` of `{}` is missing",
        "the archive has no file `manifest.json`",
    ),
    "link out": (
        lambda: tar_of(member("manifest.json", kind=tarfile.SYMTYPE, linkname="/etc/passwd")),
        IntegrityError,
        "`manifest.json` of `{}` is missing",
        "the archive has no file `manifest.json`",
    ),
    "other layer": (
        lambda: docker_save(small(), l0_slash_layer_dot_tar=spoilt(small(), 0)),
        IntegrityError,
        LAYER + " is damaged",
        f"expected {small().config.rootfs.diff_ids[0]} (",
    ),
    "fewer layers": (
        lambda: docker_save(
            small(),
            manifest_dot_json=json.dumps(
                [
                    {
                        "Config": f"{encoded(small().manifest.config.digest)}.json",
                        "RepoTags": [],
                        "Layers": ["l0/layer.tar"],
                    }
                ]
            ).encode(),
        ),
        HostileInputError,
        "`{}` contradicts itself",
        "`manifest.json` has 1 layers, the config 2",
    ),
    "other config": (
        lambda: docker_save(
            small(), **{f"{encoded(small().manifest.config.digest)}_dot_json": small("b", user="1").raw_config}
        ),
        IntegrityError,
        "the config of `{}` is damaged",
        f"expected {small().manifest.config.digest}, found {sha256(small('b', user='1').raw_config)}",
    ),
    "blob missing": (
        lambda: tar_of(
            *((entry, data) for entry, data in members(archive(small())) if encoded(small().digest) not in entry.name)
        ),
        IntegrityError,
        f"the manifest {small().digest} of `{{}}` is missing",
        "the archive has no file",
    ),
}


def members(data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as file:
        return [(entry, file.extractfile(entry).read()) for entry in file if entry.isfile()]  # type: ignore[union-attr]  # it is


@pytest.mark.parametrize("title", HOSTILE)
def test_what_is_wrong_with_an_archive_is_said(tmp_path: Path, title: str) -> None:
    make, kind, message, cause = HOSTILE[title]
    got = said(make(), tmp_path)

    assert got[:2] == (kind, message.replace("`{}`", f"`docker-archive:{tmp_path}/a.tar`").replace("{}", str(tmp_path)))
    assert len(got[2]) == 1
    assert cause in got[2][0]


def test_nothing_appears_when_an_archive_cannot_be_finished(tmp_path: Path) -> None:
    value = in_files(small(), tmp_path)
    blob = value.layers[1]
    assert isinstance(blob, FileBlob)
    blob.path.write_bytes(b"cut")
    (tmp_path / "a.tar").write_bytes(b"before")
    with pytest.raises(IntegrityError, match="is damaged"):
        ArchiveDestination(tmp_path / "a.tar", mtime=0).write(value)

    assert (tmp_path / "a.tar").read_bytes() == b"before"
    assert not list(tmp_path.glob(".tare-*"))


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TareError) as caught:
        ArchiveDestination(tmp_path / "file/a.tar", mtime=0).write(small())
    assert told(caught.value) == (MachineError, f"cannot write to `{tmp_path}/file/a.tar`", ("File exists",), ())
