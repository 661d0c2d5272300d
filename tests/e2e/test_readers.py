"""Programs that others wrote agree on what tare wrote: digests, configuration, and every file."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lab import Dockerd, PodmanStorage, needs, output, program
from layouts import blob, index_of, read_layout
from real import Build, Example
from rootfs_trees import Tree, merged, of_directory, of_tar, without_engine

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def api(example: Build) -> Example:
    return example("api", "trixie")


@pytest.fixture(scope="module")
def tree(api: Example) -> Tree:
    """Every file of the image, from its layers."""
    return merged(io.BytesIO(layer) for layer in read_layout(api.subject.layout).layers)


def inspected(place: str) -> Any:  # a document
    return json.loads(output("skopeo", "inspect", place))


def test_skopeo_reads_layout_and_archive(api: Example) -> None:
    needs("skopeo")
    manifest = read_layout(api.subject.layout).manifest

    found = inspected(f"oci:{api.subject.layout}:{api.subject.name}")
    assert found["Digest"] == api.document["image"]["digest"]
    assert found["Layers"] == [layer["digest"] for layer in manifest["layers"]]
    assert found["Architecture"] == api.document["image"]["platform"].partition("/")[2]
    archived = inspected(f"docker-archive:{api.subject.archive}")
    assert (archived["Env"], archived["Labels"]) == (found["Env"], found["Labels"])


def test_skopeo_copies_without_a_change(api: Example, tmp_path: Path) -> None:
    needs("skopeo")
    output("skopeo", "copy", "--quiet", f"oci:{api.subject.layout}:{api.subject.name}", f"oci:{tmp_path}/copy:x")

    assert index_of(tmp_path / "copy")["manifests"][0]["digest"] == api.document["image"]["digest"]
    for layer in api.document["layers"]:
        assert blob(tmp_path / "copy", layer["digest"]) == blob(api.subject.layout, layer["digest"])


def test_an_archive_through_skopeo_has_the_same_content(api: Example, tmp_path: Path) -> None:
    """`docker-archive:` has no manifest of the OCI; what it leads to has to be the same configuration and files."""
    needs("skopeo")
    output("skopeo", "copy", "--quiet", f"docker-archive:{api.subject.archive}", f"oci:{tmp_path}/copy:x")

    copied, own = read_layout(tmp_path / "copy"), read_layout(api.subject.layout)
    assert copied.config["rootfs"] == own.config["rootfs"]
    assert copied.config["config"] == own.config["config"]
    assert copied.layers == own.layers


def test_umoci_unpacks_every_file(api: Example, tree: Tree, tmp_path: Path) -> None:
    needs("umoci")
    rootless = () if _is_root() else ("--rootless",)
    image = f"{api.subject.layout}:{api.subject.name}"
    output("umoci", "unpack", *rootless, "--image", image, str(tmp_path / "bundle"))

    unpacked = of_directory(tmp_path / "bundle" / "rootfs")
    assert (unpacked if _is_root() else _owned_by_root(unpacked)) == tree


def _is_root() -> bool:
    import os

    return os.geteuid() == 0


def _owned_by_root(tree: Tree) -> Tree:
    return {path: (kind, mode, 0, 0, content) for path, (kind, mode, _, _, content) in tree.items()}


def exported(*argv: str) -> Tree:
    done = subprocess.run([program(argv[0]) or "", *argv[1:]], check=True, capture_output=True)
    return without_engine(of_tar(io.BytesIO(done.stdout)))


def test_docker_loads_every_file(api: Example, tree: Tree, dockerd: Dockerd) -> None:
    said = dockerd("load", "--quiet", "--input", str(api.subject.archive))
    assert said == f"Loaded image: {api.subject.name}\n"

    found = json.loads(dockerd("image", "inspect", api.subject.name))[0]
    own = read_layout(api.subject.layout)
    assert found["RootFS"]["Layers"] == own.config["rootfs"]["diff_ids"]
    assert (found["Config"]["User"], found["Config"]["Entrypoint"]) == ("65532:65532", own.run["Entrypoint"])
    container = dockerd("create", api.subject.name).strip()
    try:
        assert exported("docker", f"--host={dockerd.host}", "export", container) == without_engine(tree)
    finally:
        dockerd("rm", container)


def test_podman_pulls_every_file(api: Example, tree: Tree, podman: PodmanStorage) -> None:
    image = podman("pull", "--quiet", f"oci:{api.subject.layout}:{api.subject.name}").strip()

    found = json.loads(podman("image", "inspect", image))[0]
    assert found["Digest"] == api.document["image"]["digest"]
    assert found["RootFS"]["Layers"] == [layer["diff_id"] for layer in api.document["layers"]]
    container = podman("create", image).strip()
    try:
        assert exported("podman", *podman.options, "export", container) == without_engine(tree)
    finally:
        podman("rm", container)


def test_gzip_agrees_on_every_diff_id(api: Example) -> None:
    needs("gzip", "sha256sum")
    for layer in api.document["layers"]:
        data = blob(api.subject.layout, layer["digest"])
        told = subprocess.run(["sh", "-c", "gzip -dc | sha256sum"], input=data, check=True, capture_output=True).stdout
        assert f"sha256:{told.decode().split()[0]}" == layer["diff_id"]
        assert data[:2] == gzip.compress(b"")[:2]


def test_docker_daemon_is_an_output(example: Build, tare_command: Any, dockerd: Dockerd, tmp_path: Path) -> None:
    from real import EXAMPLES

    example("hello", "trixie")
    name = "localhost/tare/loaded:1"
    document = tare_command.build(
        str(EXAMPLES / "hello"),
        "--base",
        "deb:trixie",
        "-o",
        f"docker-daemon:{name}",
        env={"DOCKER_HOST": dockerd.host},
    )

    assert dockerd("run", "--rm", "--network=none", name) == "Hello from Python!\n"
    found = json.loads(dockerd("image", "inspect", name))[0]
    assert found["RootFS"]["Layers"] == [layer["diff_id"] for layer in document["layers"]]


def test_a_base_is_read_from_an_engine_an_archive_and_a_layout(
    example: Build, tare_command: Any, dockerd: Dockerd, tmp_path: Path
) -> None:
    """The same base from wherever it comes gives the same layers on top of it."""
    from real import EXAMPLES

    base = example("hello", "trixie").subject
    dockerd("load", "--quiet", "--input", str(base.archive))
    saved = tmp_path / "saved.tar"
    dockerd("save", "--output", str(saved), base.name)
    places = [
        f"oci:{base.layout}",
        f"docker-archive:{base.archive}",
        f"docker-archive:{saved}",
        f"docker-daemon:{base.name}",
    ]
    documents = [
        tare_command.build(
            str(EXAMPLES / "api"), "--base", place, "-o", f"oci:{tmp_path}/{number}", env={"DOCKER_HOST": dockerd.host}
        )
        for number, place in enumerate(places)
    ]

    tops = [[layer["digest"] for layer in document["layers"] if layer["kind"] != "base"] for document in documents]
    assert tops == [tops[0]] * len(places)
    diff_ids = [[layer["diff_id"] for layer in document["layers"]] for document in documents]
    assert diff_ids == [diff_ids[0]] * len(places)
