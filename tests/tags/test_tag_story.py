"""`tare tags` of one tag: its documents, told."""

from __future__ import annotations

import json
from collections import Counter
from textwrap import dedent

import msgspec
import pytest
from fixture_registry import Registry, error
from make import official
from make.base_images import base_image
from make.images import raw_layer
from samples import sample_image, seed
from schemas import faults, published
from worlds import MakeWorld, hold

from tare.bases.catalogue.catalogue import catalogue
from tare.bases.story import Story
from tare.errors import TargetError
from tare.flow.images.tag_story import told
from tare.oci.config import History, ImageConfig, RootFS, RunConfig
from tare.oci.image import make_image, make_index
from tare.oci.platform import parse as parse_platform
from tare.oci.reference import parse
from tare.report.tag_story import story_json, story_text
from tare.report.tags import WIDTH

AMD64 = parse_platform("linux/amd64")


def shown(story: Story, registry: Registry) -> str:
    text = story_text(story, catalogue()).replace(registry.name, "REGISTRY")
    assert max(map(len, text.splitlines())) <= WIDTH
    for digest, name in ((story.digest, "DIGEST"), (story.image, "IMAGE")):
        text = text.replace(digest, name)
    return text


def requests(registry: Registry) -> Counter[str]:
    return Counter(" ".join((line.split()[0], line.split("/")[-2])) for line in registry.server.lines)


def test_an_open_tag_is_told_from_its_index_to_its_layers(registry: Registry, make_world: MakeWorld) -> None:
    hold(registry, "library/python", official.usual())
    found = told(make_world(mirrors=(registry.name,)), parse("python:slim"), AMD64, facts=False)
    images = [f"{member.digest[:19]}…" for member in found.members or ()]

    assert shown(found, registry) == dedent(
        f"""\
        python:slim is an OCI index at REGISTRY

        digest    DIGEST
        tag       simple; now 3.14.7-slim-trixie; moves with series, patch, OS
        ends      CPython 3.14 2030-10, trixie 2028-08-09 (long-term 2030-06-30)
        recorded  glibc 2.41, wheels up to manylinux_2_41, with PGO
        image     IMAGE (OCI image)
        platform  linux/amd64
        config    {found.config.digest[:19]}… (707 B), made 2026-11-20
        runs      python3 as root in /, PYTHON_VERSION 3.14.7
        size      20.5 kB to pull; unpacked is unknown without reading layers (`--facts` does)

        The index has 3 images:
          linux/amd64   {images[0]}  what linux/amd64 pulls
          linux/arm64   {images[1]}
          linux/arm/v5  {images[2]}

        2 layers, application/vnd.oci.image.layer.v1.tar:
                size  made by
          1  10.2 kB  # debian.sh slim-trixie
                      ENV PYTHON_VERSION=3.14.7
          2  10.2 kB  RUN set -eux; make install
                      CMD ["python3"]
        """
    )
    assert requests(registry) == {"GET manifests": 2, "GET blobs": 1, "HEAD manifests": 1}


def test_a_shared_tag_is_what_its_parts_are(registry: Registry, make_world: MakeWorld) -> None:
    hold(registry, "library/python", official.usual())
    found = told(make_world(mirrors=(registry.name,)), parse("python:3.14"), AMD64, facts=False)

    assert found.tag is not None
    assert found.tag.sharing == "shared"
    assert found.tag.combines == (
        "3.14.7-trixie",
        "3.14.7-windowsservercore-ltsc2025",
        "3.14.7-windowsservercore-ltsc2022",
    )
    assert "tag       shared; now 3.14.7-trixie and 2 of Windows; moves with patch, OS\n" in shown(found, registry)


def test_windows_is_shown_as_what_it_is(registry: Registry, make_world: MakeWorld) -> None:
    hold(registry, "library/python", official.usual())
    found = told(make_world(mirrors=(registry.name,)), parse("python:3.14-windowsservercore"), None, facts=False)
    images = [f"{member.digest[:19]}…" for member in found.members or ()]
    host = found.machine

    assert shown(found, registry) == dedent(
        f"""\
        python:3.14-windowsservercore is an OCI index at REGISTRY

        digest    DIGEST
        tag       shared; now Windows ltsc2025, ltsc2022; moves with patch, OS
        ends      CPython 3.14 2030-10
        image     IMAGE (OCI image)
        platform  windows/amd64 10.0.26100.4349
        config    {found.config.digest[:19]}… (755 B), made 2026-11-20
        runs      python3 as root in /, PYTHON_VERSION 3.14.7
        size      20.5 kB to pull; unpacked is unknown without reading layers (`--facts` does)

        The index has 2 images:
          windows/amd64 10.0.26100.4349  {images[0]}  told here
          windows/amd64 10.0.20348.3807  {images[1]}

        2 layers, application/vnd.oci.image.layer.v1.tar:
                size  made by
          1  10.2 kB  # debian.sh windowsservercore-ltsc2025
                      ENV PYTHON_VERSION=3.14.7
          2  10.2 kB  RUN set -eux; make install
                      CMD ["python3"]

        note: it has no image for this machine ({host}), which pulls nothing here
        """
    )


def test_attestations_are_explained_and_no_platform(registry: Registry, make_world: MakeWorld) -> None:
    hold(registry, "team/app", {"1": official.index("3.14.7", "slim-trixie", attested=True)})
    found = told(make_world(), parse(f"{registry.name}/team/app:1"), parse_platform("linux/arm64"), facts=False)

    assert [member.role for member in found.members or ()] == ["image"] * 3 + ["attestation"] * 3
    assert found.attestation is not None
    assert found.attestation.predicates == ("https://spdx.dev/Document", "https://slsa.dev/provenance/v1")
    text = shown(found, registry)
    assert "linux/arm64   " + found.image[:19] + "…  what linux/arm64 pulls\n" in text
    assert (
        "and 3 attestations, which no machine runs; this image's: bill of materials (SPDX), provenance (SLSA)\n" in text
    )
    assert "unknown" not in text.partition("The index has")[2]


def test_an_image_without_an_index_has_none(registry: Registry, make_world: MakeWorld) -> None:
    seed(registry, sample_image())
    found = told(make_world(), parse(f"{registry.name}/team/app:1"), AMD64, facts=False)
    layers = [f"{layer.digest[:19]}…" for layer in found.layers]

    assert shown(found, registry) == dedent(
        f"""\
        REGISTRY/team/app:1 is an OCI image at REGISTRY

        digest    DIGEST
        platform  linux/amd64
        config    {found.config.digest[:19]}… (299 B)
        runs      nothing as root in /
        size      73.5 kB to pull; unpacked is unknown without reading layers (`--facts` does)

        3 layers, application/vnd.oci.image.layer.v1.tar+gzip:
                size  digest
          1  70.0 kB  {layers[0]}
          2   3.0 kB  {layers[1]}
          3    500 B  {layers[2]}
        """
    )


def test_layers_say_what_the_catalogue_only_recalls(registry: Registry, make_world: MakeWorld) -> None:
    index = make_index((base_image(),), {})
    hold(registry, "library/python", {"3.13-slim-trixie": index})
    world = make_world(mirrors=(registry.name,))
    found = told(world, parse("python:3.13-slim-trixie"), AMD64, facts=True)

    assert found.facts is not None
    lines = shown(found, registry).splitlines()
    assert lines[3] == "tag       simple; moves with patch"
    assert lines[9:11] == [
        "size      30.7 kB to pull, 1.5 kB unpacked",
        "read      CPython 3.13.5 at /usr/bin/python3.13, glibc 2.41, without PGO, without LTO",
    ]
    registry.requests.clear()
    told(make_world(mirrors=(registry.name,)), parse("python:3.13-slim-trixie"), AMD64, facts=True)
    assert requests(registry)["GET blobs"] == 1  # the configuration; layers and facts are remembered


def test_a_digest_has_no_name_that_could_move(registry: Registry, make_world: MakeWorld) -> None:
    tags = official.usual()
    hold(registry, "library/python", tags)
    reference = msgspec.structs.replace(parse("python"), digest=tags["3.14-slim"].digest)
    found = told(make_world(mirrors=(registry.name,)), reference, AMD64, facts=False)
    assert found.tag is None
    assert found.digest == tags["3.14-slim"].digest


def test_a_platform_that_is_not_there_is_an_error_when_it_was_asked_for(
    registry: Registry, make_world: MakeWorld
) -> None:
    hold(registry, "library/python", official.usual())
    with pytest.raises(TargetError, match="has no image for linux/s390x"):
        told(make_world(mirrors=(registry.name,)), parse("python:slim"), parse_platform("linux/s390x"), facts=False)


def test_exact_tags_that_cannot_be_asked_for_are_unknown_and_the_story_is_told(
    registry: Registry, make_world: MakeWorld
) -> None:
    hold(registry, "library/python", official.usual())
    registry.rule("HEAD", ".*", lambda _, exchange: exchange.send(error(403, "DENIED", "")))
    found = told(make_world(mirrors=(registry.name,)), parse("python:slim"), AMD64, facts=False)
    assert found.tag is not None
    assert found.tag.stands_for is None
    assert found.notes[0].startswith("which exact tag this is now is not known: HEAD http://127.0.0.1")


def test_what_others_wrote_moves_no_cursor(registry: Registry, make_world: MakeWorld) -> None:
    layer = raw_layer(b"\0" * 1024, compressed=False)
    config = ImageConfig(
        architecture="amd64",
        os="linux",
        created="\x1b]0;owned\x07 2026",
        rootfs=RootFS(type="layers", diff_ids=(layer[1],)),
        config=RunConfig(user="\x1b[31mroot", working_dir="/\r\n\x1b[2J", cmd=("a\x1b[A",)),
        history=(History(created_by="RUN /bin/sh -c echo \x1b[2J\x9b1m\n\n  # buildkit"),),
    )
    seed(registry, make_image(config, (layer[0],), {}))
    found = told(make_world(), parse(f"{registry.name}/team/app:1"), AMD64, facts=False)
    text = story_text(found, catalogue())
    assert [each for each in text if not each.isprintable() and each != "\n"] == []
    assert "  1  1.0 kB  RUN echo ?[2J?1m" in text


@pytest.mark.parametrize("reference", ["python:slim", "python:latest", "python:3.14.7-slim-trixie", "python:3.13"])
def test_the_document_fits_its_schema(registry: Registry, make_world: MakeWorld, reference: str) -> None:
    hold(registry, "library/python", official.usual())
    found = told(make_world(mirrors=(registry.name,)), parse(reference), AMD64, facts=False)
    assert faults(published("tare.tags.1"), json.loads(story_json(found))) == []


def test_the_document_matches_history_and_layers(registry: Registry, make_world: MakeWorld) -> None:
    hold(registry, "team/app", {"1": official.index("3.14.7", "slim-trixie", attested=True)})
    found = told(make_world(), parse(f"{registry.name}/team/app:1"), AMD64, facts=False)
    document = json.loads(story_json(found))

    assert faults(published("tare.tags.1"), document) == []
    assert [line["layer"] for line in document["image"]["history"]] == [0, None, 1, None]
    assert document["sizes"] == {"pull": 20480, "unpacked": None}
    assert document["image"]["config"]["python_version"] == "3.14.7"
    assert [entry["about"] for entry in document["index"]][3:] == [entry["digest"] for entry in document["index"]][:3]
