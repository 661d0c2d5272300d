"""`tare build`: what it says, and where it writes to."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from command import Place, locked
from layouts import contents, entries, index_of, read_image, read_layout
from make.base_images import base_image

from tare.stores import platforms

PACKAGES = "opt/venv/lib/python3.13/site-packages"


@pytest.fixture
def project(place: Place) -> Place:
    """A project with a module and one dependency."""
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([place.wheels.add("sample")])})
    return place


def test_a_project_becomes_a_layout_and_the_answer_is_its_name_and_digest(project: Place) -> None:
    assert project.build() == (
        0,
        "oci:dist sha256:DIGEST\n",
        "linux/amd64 on oci:TMP/base (CPython 3.13.5, glibc 2.41): SIZE to pull, 2.1 kB unpacked, "
        "2 new layers of which 0 were known; runs `python main.py`; TIME\n",
    )


def test_the_same_again_says_that_everything_was_known(project: Place) -> None:
    project.build()

    assert project.build() == (
        0,
        "oci:dist sha256:DIGEST\n",
        "linux/amd64 on oci:TMP/base (CPython 3.13.5, glibc 2.41): SIZE to pull, 2.1 kB unpacked, "
        "2 new layers of which 2 were known; runs `python main.py`; TIME\n",
    )


def test_the_image_has_the_base_the_environment_and_the_sources(project: Place) -> None:
    project.build()

    image = read_layout(project.app / "dist")
    release = f"{PACKAGES}/sample-1.0.dist-info"
    assert [sorted(path for path in entries(layer) if "." in path) for layer in image.layers[2:]] == [
        [
            f"{path}"
            for path in (
                "opt/venv/bin/python3.13",
                "opt/venv/lib/python3.13",
                PACKAGES,
                release,
                *(f"{release}/{name}" for name in ("INSTALLER", "METADATA", "RECORD", "WHEEL")),
                f"{PACKAGES}/sample.py",
                "opt/venv/pyvenv.cfg",
            )
        ],
        ["app/main.py"],
    ]
    assert contents(*image.layers[2:])["opt/venv/pyvenv.cfg"].decode() == (
        "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.13.5\n"
    )
    assert image.run == {
        "Entrypoint": ["python", "main.py"],
        "Env": [
            "PATH=/opt/venv/bin:/usr/local/bin:/usr/bin",
            "PYTHONUNBUFFERED=1",
            "VIRTUAL_ENV=/opt/venv",
        ],
        "Labels": {"org.opencontainers.image.base.digest": read_layout(project.root / "base").digest},
        "StopSignal": "SIGTERM",
        "User": "65532:65532",
        "WorkingDir": "/app",
    }


def test_nothing_of_this_machine_is_in_the_image(project: Place) -> None:
    """The name of a base that is a path here means nothing elsewhere."""
    project.build()

    image = read_layout(project.app / "dist")
    assert str(project.root) not in json.dumps([image.manifest, image.config])


def test_the_same_project_elsewhere_is_the_same_image(project: Place) -> None:
    project.build()
    digest = index_of(project.app / "dist")["manifests"][0]["digest"]

    moved = project.root / "elsewhere" / "deeper"
    moved.parent.mkdir()
    project.app.rename(moved)
    project.app = moved
    project.base(name="another-base")
    (project.root / "base").rename(project.root / "moved-base")

    assert project("build", "--base", "oci:../../moved-base", "--cache-dir", "../cache", "-o", "oci:../out").code == 0
    assert index_of(moved.parent / "out")["manifests"][0]["digest"] == digest


def test_the_default_platform_is_that_of_this_machine(place: Place) -> None:
    architecture = platforms.host().architecture
    if architecture not in {"amd64", "arm64"}:
        pytest.skip(f"there is no base for {architecture}")
    place.write({"main.py": ""})

    assert place("build", "--base", place.base(base_image(architecture))).code == 0
    assert read_layout(place.app / "dist").config["architecture"] == architecture


def test_several_platforms_become_an_index(place: Place) -> None:
    both = place.base(base_image("amd64"), base_image("arm64"))
    name = "native"
    amd64 = place.wheels.add(name, tag="cp313-cp313-manylinux_2_17_x86_64")
    arm64 = place.wheels.add(name, tag="cp313-cp313-manylinux_2_17_aarch64")
    place.write(
        {
            "main.py": "",
            "requirements.txt": f"native==1.0 --hash=sha256:{amd64.digest} --hash=sha256:{arm64.digest}\n",
        }
    )

    assert place("build", "--base", both, "--platform", "linux/amd64,linux/arm64", "-t", "a:1") == (
        0,
        "oci:dist sha256:DIGEST\n",
        "linux/amd64 on oci:TMP/base (CPython 3.13.5, glibc 2.41): SIZE to pull, 2.1 kB unpacked, "
        "2 new layers of which 0 were known; runs `python main.py`\n"
        "linux/arm64 on oci:TMP/base (CPython 3.13.5, glibc 2.41): SIZE to pull, 2.1 kB unpacked, "
        "2 new layers of which 1 were known; runs `python main.py`; TIME\n",
    )
    layout = place.app / "dist"
    [entry] = index_of(layout)["manifests"]
    assert (entry["mediaType"], entry["annotations"]) == (
        "application/vnd.oci.image.index.v1+json",
        {"org.opencontainers.image.ref.name": "a:1"},
    )
    index = json.loads((layout / "blobs" / entry["digest"].replace(":", "/")).read_bytes())
    assert [each["platform"] for each in index["manifests"]] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux"},
    ]
    images = [read_image(layout, each["digest"]) for each in index["manifests"]]
    assert [image.config["architecture"] for image in images] == ["amd64", "arm64"]
    tags = [contents(image.layers[2])[f"{PACKAGES}/native-1.0.dist-info/WHEEL"].split()[-1] for image in images]
    assert tags == [b"cp313-cp313-manylinux_2_17_x86_64", b"cp313-cp313-manylinux_2_17_aarch64"]
    assert images[0].layers[3] == images[1].layers[3], "the project's own files are for every platform"


def test_every_output_gets_the_same_image_and_every_tag(project: Place) -> None:
    ran = project.build(
        "-o", "oci:one", "-o", "oci:two:exact", "-o", "docker-archive:image.tar", "-t", "demo", "-t", "demo:2"
    )

    assert (ran.code, ran.out) == (
        0,
        "oci:one sha256:DIGEST\noci:two:exact sha256:DIGEST\ndocker-archive:image.tar sha256:DIGEST\n",
    )
    one, two = index_of(project.app / "one")["manifests"], index_of(project.app / "two")["manifests"]
    reference = "org.opencontainers.image.ref.name"
    assert [each["annotations"][reference] for each in (*one, *two)] == ["demo", "demo:2", "exact"]
    with tarfile.open(project.app / "image.tar") as archive:
        [item] = json.load(archive.extractfile("manifest.json") or io.BytesIO())
        names = archive.getnames()
    assert item["RepoTags"] == ["demo:latest", "demo:2"]
    digests = {each["digest"] for each in (*one, *two)}
    assert len(digests) == 1
    assert f"blobs/{digests.pop().replace(':', '/')}" in names


def test_an_archive_goes_to_standard_output_and_nothing_else_does(project: Place) -> None:
    project.build("-o", "docker-archive:../image.tar", "-t", "demo:1")

    process = project.process("build", *project.target, "-o", "docker-archive:-", "-t", "demo:1")
    out, err = process.communicate()

    assert (process.returncode, project.filtered(err)) == (
        0,
        "linux/amd64 on oci:TMP/base (CPython 3.13.5, glibc 2.41): SIZE to pull, 2.1 kB unpacked, "
        "2 new layers of which 2 were known; runs `python main.py`; TIME\n",
    )
    assert out == (project.root / "image.tar").read_bytes()


def test_an_archive_that_is_written_into_the_project_is_not_in_the_next_image(project: Place) -> None:
    for _ in "12":
        project.build("-o", "docker-archive:deep/image[1].tar:demo:1", "-o", "oci:dist")

    assert list(contents(read_layout(project.app / "dist").layers[3])) == ["app/main.py"]


def test_a_document_and_an_archive_cannot_share_standard_output(project: Place) -> None:
    assert project.build("-o", "docker-archive:-", "--json") == (
        2,
        "",
        "error: `--output docker-archive:-` and the document of `--json` cannot both be written to standard output\n"
        "\n"
        "hint: Write the archive to a file\n",
    )


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            "docker-archve:image.tar",
            "error: `docker-archve:image.tar` is not the name of an image\n"
            "  caused by: `docker-archve:` is not a transport\n\n"
            "hint: Did you mean `docker-archive:image.tar`?\n",
        ),
        (
            "./dist",
            "error: `./dist` is not the name of an image\n"
            "  caused by: it looks like a path\n\n"
            "hint: Did you mean `oci:./dist`?\n",
        ),
    ],
)
def test_an_output_that_is_none_is_an_error_before_anything_is_built(project: Place, output: str, said: str) -> None:
    assert project.build("-o", "oci:first", "-o", output) == (2, "", said)
    assert not (project.app / "first").exists()
    assert not (project.cache / "blobs").exists()


def test_one_entry_of_a_layout_follows_the_other_and_a_second_build_replaces_it(project: Place) -> None:
    project.build("-o", "oci:dist:a")
    project.build("-o", "oci:dist:b")
    first = [each["digest"] for each in index_of(project.app / "dist")["manifests"]]
    project.write({"main.py": "print(2)\n"})
    project.build("-o", "oci:dist:b")
    second = index_of(project.app / "dist")["manifests"]

    reference = "org.opencontainers.image.ref.name"
    assert [each["annotations"][reference] for each in second] == ["a", "b"]
    assert first[0] == first[1] == second[0]["digest"] != second[1]["digest"]


def test_a_layer_for_old_readers_is_one_gzip_member_of_the_same_tar(project: Place) -> None:
    project.build("-o", "oci:many")
    project.build("-o", "oci:single", "--single-member")

    many, single = (read_layout(project.app / name) for name in ("many", "single"))
    assert many.config["rootfs"] == single.config["rootfs"]
    members = [
        (project.app / name / "blobs" / image.manifest["layers"][2]["digest"].replace(":", "/"))
        .read_bytes()
        .count(b"\x1f\x8b\x08")
        for name, image in (("many", many), ("single", single))
    ]
    assert members[0] > members[1] == 1


def test_a_project_that_needs_nothing_is_its_sources_on_the_base(place: Place) -> None:
    place.write({"hello.py": "print('hello')\n"})

    assert place.build() == (
        0,
        "oci:dist sha256:DIGEST\n",
        "linux/amd64 on oci:TMP/base (CPython 3.13.5, glibc 2.41): SIZE to pull, 1.6 kB unpacked, "
        "2 new layers of which 0 were known; runs `python hello.py`; TIME\n",
    )


def test_an_empty_project_is_built_with_a_warning_that_nothing_runs(place: Place) -> None:
    assert place.build() == (
        0,
        "oci:dist sha256:DIGEST\n",
        "warning: nothing says what to run: set `entrypoint` in [tool.tare], or pass `--entrypoint`\n"
        "linux/amd64 on oci:TMP/base (CPython 3.13.5, glibc 2.41): SIZE to pull, 1.6 kB unpacked, "
        "2 new layers of which 0 were known; runs nothing; TIME\n",
    )
    assert "app" in entries(read_layout(place.app / "dist").layers[3])


def test_source_date_epoch_dates_the_image_and_every_file(project: Place) -> None:
    project.build(env={"SOURCE_DATE_EPOCH": "1700000000"})

    image = read_layout(project.app / "dist")
    assert image.config["created"] == "2023-11-14T22:13:20Z"
    assert image.manifest["annotations"]["org.opencontainers.image.created"] == "2023-11-14T22:13:20Z"
    assert {info.mtime for layer in image.layers[2:] for info in entries(layer).values()} == {1700000000}


@pytest.mark.parametrize("value", ["now", "-1", "8589934592", "١٢", "1.5"])
def test_a_source_date_epoch_that_is_none_is_an_error(project: Place, value: str) -> None:
    assert project.build(env={"SOURCE_DATE_EPOCH": value}) == (
        2,
        "",
        f"error: SOURCE_DATE_EPOCH is `{value}`\n  caused by: expected seconds since 1970, below 8,589,934,592\n",
    )


def test_a_base_that_is_not_there_is_an_error(project: Place) -> None:
    assert project("build", "--base", "oci:nowhere") == (
        2,
        "",
        "error: `nowhere` is not an OCI layout\n  caused by: it has no `oci-layout`\n",
    )


def test_a_base_for_another_platform_is_an_error(project: Place) -> None:
    assert project("build", "--base", project.base(), "--platform", "linux/arm64") == (
        3,
        "",
        "error: `oci:TMP/base` has no image for linux/arm64\n  caused by: it is for linux/amd64\n",
    )
