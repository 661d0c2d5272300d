"""Others read what tare writes, and tare reads what others write."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest
from lab import Dockerd, PodmanStorage, needs, output
from make.images import Entry, content, directory, hardlink, image, in_files, layer, symlink

from tare.oci import reference
from tare.oci.digest import encoded
from tare.oci.image import Image, make_index
from tare.stores import platforms
from tare.stores.archive import ArchiveSource
from tare.stores.archive_writer import ArchiveDestination
from tare.stores.daemon import DaemonDestination, DaemonSource
from tare.stores.layout import LayoutSource
from tare.stores.layout_writer import LayoutDestination
from tare.stores.names import DaemonName

pytestmark = pytest.mark.e2e

HOST = platforms.host()
NAME = reference.parse("localhost/tare/sample:1")


def sample() -> Image:
    """Return an image with what tare writes: hundreds of gzip members in a layer, links, and long and foreign names."""
    deep = "opt/" + "/".join(["a-directory-with-a-long-name"] * 8)
    many = [Entry(f"app/file{number}", b"%d\n" % number * 50) for number in range(300)]
    below = layer(
        [directory("app"), *many, Entry("app/empty"), symlink("app/link", "file1"), hardlink("app/same", "app/file2")]
    )
    above = layer([directory("opt"), Entry(f"{deep}/Grüße.txt", "Grüße".encode()), Entry("app/.wh.file3")])
    return image(below, above, architecture=HOST.architecture, user="65532:65532", cmd=("/app/file0",))


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    LayoutDestination(tmp_path / "layout", ("1",)).write(in_files(sample(), tmp_path))
    return tmp_path / "layout"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    ArchiveDestination(tmp_path / "sample.tar", (NAME,), mtime=0).write(in_files(sample(), tmp_path))
    return tmp_path / "sample.tar"


def plain(value: Image) -> list[bytes]:
    data = [content(blob) for blob in value.layers]
    return [gzip.decompress(one) if one.startswith(b"\x1f\x8b") else one for one in data]


def same(back: Image) -> bool:
    """Return whether *back* is the sample: its config, and its layers up to compression."""
    return json.loads(back.raw_config)["rootfs"] == json.loads(sample().raw_config)["rootfs"] and plain(back) == plain(
        sample()
    )


def test_skopeo_reads_a_layout(layout: Path, tmp_path: Path) -> None:
    needs("skopeo")
    output("skopeo", "copy", f"oci:{layout}:1", f"dir:{tmp_path}/dir")

    assert (tmp_path / "dir/manifest.json").read_bytes() == sample().raw
    for blob in sample().blobs:
        assert (tmp_path / "dir" / encoded(blob.descriptor.digest)).read_bytes() == content(blob)


def test_umoci_unpacks_a_layout(layout: Path, tmp_path: Path) -> None:
    needs("umoci")
    output("umoci", "unpack", "--rootless", "--image", f"{layout}:1", str(tmp_path / "bundle"))

    app = tmp_path / "bundle/rootfs/app"
    names = {f"file{number}" for number in range(300)} - {"file3"} | {"empty", "link", "same"}
    assert {path.name for path in app.iterdir()} == names
    assert (app / "same").read_bytes() == b"2\n" * 50
    assert (app / "link").read_bytes() == b"1\n" * 50
    assert [path.read_text() for path in (tmp_path / "bundle/rootfs/opt").rglob("*.txt")] == ["Grüße"]


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
def test_skopeo_reads_both_forms_of_an_archive(archive: Path, tmp_path: Path, kind: str) -> None:
    needs("skopeo")
    output("skopeo", "copy", f"{kind}:{archive}", f"oci:{tmp_path}/copied:x")

    back = LayoutSource(tmp_path / "copied", "x").read()
    assert same(back)
    if kind == "oci-archive":
        assert back.raw == sample().raw


def test_docker_loads_an_archive(dockerd: Dockerd, archive: Path) -> None:
    assert dockerd("load", "--input", str(archive)) == f"Loaded image: {NAME.familiar}\n"
    found = json.loads(dockerd("image", "inspect", NAME.familiar))[0]
    dockerd("rmi", NAME.familiar)

    assert found["Id"] in {sample().manifest.config.digest, sample().digest}
    assert found["RootFS"]["Layers"] == list(sample().config.rootfs.diff_ids)


def test_docker_loads_an_archive_of_two_platforms(dockerd: Dockerd, tmp_path: Path) -> None:
    other = image(layer([Entry("other", b"x")]), architecture="s390x")
    ArchiveDestination(tmp_path / "two.tar", (NAME,), mtime=0).write(make_index((other, sample()), {}))
    dockerd("load", "--input", str(tmp_path / "two.tar"))
    found = json.loads(dockerd("image", "inspect", NAME.familiar))[0]
    dockerd("rmi", NAME.familiar)

    assert found["Architecture"] == HOST.architecture


def test_podman_loads_an_archive(podman: PodmanStorage, archive: Path) -> None:
    assert podman("load", "--quiet", "--input", str(archive)) == f"Loaded image: {NAME}\n"
    found = json.loads(podman("image", "inspect", str(NAME)))[0]
    podman("rmi", str(NAME))

    assert found["Digest"] == sample().digest
    assert found["RootFS"]["Layers"] == list(sample().config.rootfs.diff_ids)


def test_podman_pulls_a_layout(podman: PodmanStorage, layout: Path) -> None:
    identity = podman("pull", "--quiet", f"oci:{layout}:1").strip()
    podman("rmi", identity)

    assert f"sha256:{identity}" == sample().manifest.config.digest


def test_buildah_starts_from_a_layout(podman: PodmanStorage, layout: Path) -> None:
    needs("buildah")
    storage = [option for option in podman.options if "root" in option or "storage" in option]
    container = output("buildah", *storage, "from", f"oci:{layout}:1").strip()
    try:
        mounted = Path(output("buildah", *storage, "mount", container).strip())
        assert (mounted / "app/file7").read_bytes() == b"7\n" * 50
        assert not (mounted / "app/file3").exists()
    finally:
        output("buildah", *storage, "rm", container)


def test_containers_of_the_engine_s_api_come_and_go(dockerd: Dockerd, tmp_path: Path) -> None:
    destination = DaemonDestination((NAME,), host=dockerd.host)
    destination.write(sample())
    first = dockerd("image", "inspect", "--format={{.Metadata.LastTagTime}}", NAME.familiar)
    destination.write(sample())
    back = DaemonSource(DaemonName(reference=NAME), host=dockerd.host, scratch=tmp_path).read()

    assert dockerd("image", "inspect", "--format={{.Metadata.LastTagTime}}", NAME.familiar) == first
    assert same(back)


def test_an_engine_takes_an_image_without_the_layers_that_it_has(dockerd: Dockerd, tmp_path: Path) -> None:
    destination = DaemonDestination((NAME,), host=dockerd.host)
    destination.write(sample())
    (below, above), (first, _) = sample().layers, sample().config.rootfs.diff_ids
    changed = image((below, first), layer([Entry("app/new", b"new")]), architecture=HOST.architecture)
    destination.write(changed)
    back = DaemonSource(DaemonName(reference=NAME), host=dockerd.host, scratch=tmp_path).read()
    dockerd("rmi", NAME.familiar)

    assert plain(back) == plain(changed)
    assert above not in back.layers


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
def test_archives_of_skopeo_are_read(layout: Path, tmp_path: Path, kind: str) -> None:
    needs("skopeo")
    output("skopeo", "copy", f"oci:{layout}:1", f"{kind}:{tmp_path}/theirs.tar:{NAME}")

    for name in (None, NAME):
        assert same(ArchiveSource(tmp_path / "theirs.tar", name).read())


def test_archives_of_docker_are_read(dockerd: Dockerd, archive: Path, tmp_path: Path) -> None:
    dockerd("load", "--input", str(archive))
    dockerd("save", "--output", str(tmp_path / "theirs.tar"), NAME.familiar)
    dockerd("rmi", NAME.familiar)
    subprocess.run(["gzip", "--keep", str(tmp_path / "theirs.tar")], check=True)

    for name in ("theirs.tar", "theirs.tar.gz"):
        assert same(ArchiveSource(tmp_path / name, NAME).read())


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive", "oci-dir"])
def test_archives_and_layouts_of_podman_are_read(
    podman: PodmanStorage, archive: Path, tmp_path: Path, kind: str
) -> None:
    podman("load", "--quiet", "--input", str(archive))
    podman("save", "--quiet", f"--format={kind}", "--output", str(tmp_path / "theirs"), str(NAME))
    podman("rmi", str(NAME))
    back = LayoutSource(tmp_path / "theirs") if kind == "oci-dir" else ArchiveSource(tmp_path / "theirs", NAME)

    assert same(back.read())


def test_a_layout_that_umoci_changed_is_read_and_written_to(layout: Path) -> None:
    needs("umoci")
    output("umoci", "config", "--image", f"{layout}:1", "--tag", "theirs", "--author", "somebody")
    LayoutDestination(layout, ("ours",)).write(sample())

    assert json.loads(LayoutSource(layout, "theirs").read().raw_config)["author"] == "somebody"
    assert LayoutSource(layout, "ours").read().raw == sample().raw


def test_a_layout_that_skopeo_wrote_to_is_read_and_written_to(layout: Path, tmp_path: Path) -> None:
    needs("skopeo")
    output("skopeo", "copy", f"oci:{layout}:1", f"oci:{tmp_path}/theirs:1")
    LayoutDestination(tmp_path / "theirs", ("2",)).write(sample())
    output("skopeo", "copy", f"oci:{tmp_path}/theirs:2", f"oci:{tmp_path}/theirs:3")

    assert [LayoutSource(tmp_path / "theirs", tag).read().raw for tag in "123"] == [sample().raw] * 3
