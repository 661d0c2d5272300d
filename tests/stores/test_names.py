"""Names of images, as skopeo spells them."""

from __future__ import annotations

import pytest
from make.errors import told

from tare.errors import TareError, UsageError
from tare.oci import reference
from tare.stores.names import (
    ArchiveName,
    DaemonName,
    ImageName,
    LayoutName,
    RegistryName,
    SuiteName,
    parse,
    parse_output,
)

DIGEST = "sha256:" + "5" * 64


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("oci:dist", LayoutName(directory="dist")),
        ("oci:dist:app", LayoutName(directory="dist", tag="app")),
        ("oci:./a/b:ghcr.io/me/app:1.0", LayoutName(directory="./a/b", tag="ghcr.io/me/app:1.0")),
        ("oci:/srv/layout", LayoutName(directory="/srv/layout")),
        (r"oci:C:\dist", LayoutName(directory=r"C:\dist")),
        (r"oci:C:\dist:app", LayoutName(directory=r"C:\dist", tag="app")),
        ("oci:c:/dist:app", LayoutName(directory="c:/dist", tag="app")),
        ("docker-archive:app.tar", ArchiveName(file="app.tar")),
        ("docker-archive:-", ArchiveName(file="-")),
        ("docker-archive:app.tar:me/app:1", ArchiveName(file="app.tar", reference=reference.parse("me/app:1"))),
        (r"docker-archive:D:\app.tar:app", ArchiveName(file=r"D:\app.tar", reference=reference.parse("app"))),
        ("docker-daemon:app:1", DaemonName(reference=reference.parse("app:1"))),
        (f"docker-daemon:{DIGEST}", DaemonName(image_id=DIGEST)),
        (f"docker-daemon:{'5' * 64}", DaemonName(image_id=DIGEST)),
        ("docker://python:3.13", RegistryName(reference=reference.parse("python:3.13"))),
        ("python:3.13-slim", RegistryName(reference=reference.parse("python:3.13-slim"))),
        ("docker:27-dind", RegistryName(reference=reference.parse("docker:27-dind"))),
        ("localhost:5000/app", RegistryName(reference=reference.parse("localhost:5000/app"))),
        ("deb:trixie", SuiteName(suite="trixie")),
        ("deb:bookworm-backports", SuiteName(suite="bookworm-backports")),
    ],
)
def test_a_transport_says_how_the_rest_is_read(text: str, name: ImageName) -> None:
    assert parse(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "oci:dist:app",
        r"oci:C:\dist",
        "docker-archive:app.tar:me/app:1",
        "docker-daemon:app:1",
        f"docker-daemon:{DIGEST}",
        "docker://docker.io/library/python:3.13",
        "deb:trixie",
    ],
)
def test_a_name_is_written_as_it_is_read(text: str) -> None:
    assert str(parse(text)) == text


def test_an_engine_is_asked_for_a_tag_or_an_id() -> None:
    names = [parse(f"docker-daemon:{text}") for text in ("app", "ghcr.io/me/app:2", DIGEST)]

    assert [name.text for name in names if isinstance(name, DaemonName)] == ["app:latest", "ghcr.io/me/app:2", DIGEST]


SPELLINGS = "Write `oci:DIR[:TAG]`, `docker-archive:FILE`, `docker-daemon:REF`, `docker://REF` or `deb:SUITE`"


@pytest.mark.parametrize(
    ("text", "causes", "hint"),
    [
        ("oci:", ("nothing follows `oci:`",), SPELLINGS),
        ("docker://", ("nothing follows `docker://`",), SPELLINGS),
        ("deb:", ("nothing follows `deb:`",), SPELLINGS),
        ("oci://dist", ("`oci:` is not followed by `//`",), "Did you mean `oci:dist`?"),
        ("oci::app", ("it has no directory",), "Write it as `oci:DIR` or `oci:DIR:TAG`"),
        ("oci:dist:", ("`` is not a tag of a layout",), "Write it as `oci:DIR` or `oci:DIR:TAG`"),
        ("oci:dist:-x", ("`-x` is not a tag of a layout",), "Write it as `oci:DIR` or `oci:DIR:TAG`"),
        (
            "docker-archive:app.tar:",
            ("it has no file, or nothing after its last colon",),
            "Write it as `docker-archive:FILE`",
        ),
        ("docker-archve:app.tar", ("`docker-archve:` is not a transport",), "Did you mean `docker-archive:app.tar`?"),
        ("containers-storage:app", ("tare does not read the transport `containers-storage:`",), SPELLINGS),
        ("oci-archive:app.tar", ("tare does not read the transport `oci-archive:`",), SPELLINGS),
        ("./dist", ("it looks like a path",), "Did you mean `oci:./dist`?"),
        (r"dist\app", ("it looks like a path",), r"Did you mean `oci:dist\app`?"),
        ("app.tar", ("it looks like a path",), "Did you mean `docker-archive:app.tar`?"),
        ("deb:Trixie", ("`Trixie` is not the name of a suite",), "Write it as `deb:trixie`"),
        ("deb:../etc", ("`../etc` is not the name of a suite",), "Write it as `deb:trixie`"),
    ],
)
def test_what_is_no_name_is_explained(text: str, causes: tuple[str, ...], hint: str) -> None:
    with pytest.raises(TareError) as caught:
        parse(text)
    assert told(caught.value) == (UsageError, f"`{text}` is not the name of an image", causes, (hint,))


def test_an_empty_name_is_explained() -> None:
    with pytest.raises(UsageError) as caught:
        parse("")
    assert told(caught.value) == (UsageError, "the name of an image is empty", (), (SPELLINGS,))


@pytest.mark.parametrize(
    "text", ["docker://app:1", "me/app", "localhost:5000/app", "oci:dist", "docker-archive:app.tar"]
)
def test_a_place_to_write_to_is_named_as_any_other(text: str) -> None:
    assert parse_output(text) == parse(text)


@pytest.mark.parametrize(
    ("text", "meant", "hint"),
    [
        ("dist", "dist", "Write `oci:dist` for a directory, or `docker-archive:dist` for a file"),
        ("ocl:dist", "ocl:dist", "Did you mean `oci:dist`?"),
        ("app:1", "app:1", SPELLINGS),
    ],
)
def test_a_word_alone_is_no_place_to_write_to(text: str, meant: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_output(text)
    cause = f"without a transport it is `docker.io/library/{meant}`, where only Docker's own images are"
    assert told(caught.value) == (UsageError, f"`{text}` does not say where the image goes", (cause,), (hint,))
