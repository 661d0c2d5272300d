"""All places keep the same promises, and a name leads to each of them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from make.errors import told
from make.images import content, directory, image, layer, small

from tare.errors import IntegrityError, TareError, TargetError, UsageError
from tare.oci import reference
from tare.oci.image import Image, ImageIndex, MemoryBlob, make_index
from tare.oci.platform import Platform
from tare.stores import names
from tare.stores.interface import ImageDestination, ImageSource
from tare.stores.memory import MemoryStore
from tare.stores.open import Surroundings, open_destination, open_source

ARM = Platform(os="linux", architecture="arm64")
NOWHERE = Surroundings(docker_host="unix:///nowhere")
PLACES = ("memory", "oci:{}/dist", "oci:{}/dist:app", "docker-archive:{}/a.tar", "docker-archive:{}/a.tar:me/app:1")


def both(place: str, tmp_path: Path) -> tuple[ImageDestination, ImageSource]:
    if place == "memory":
        store = MemoryStore()
        return store, store
    name = names.parse(place.format(tmp_path))
    return open_destination(name, (), NOWHERE, mtime=0), open_source(name, NOWHERE)


@pytest.mark.parametrize("place", PLACES)
def test_a_round_trip_changes_nothing(tmp_path: Path, place: str) -> None:
    arm = image(layer([directory("arm")]), architecture="arm64")
    for value in (small(), make_index((small(), arm), {"a": "b"})):
        destination, source = both(place, tmp_path)
        assert destination.write(value) == value.descriptor
        back = source.read_all()
        assert type(back) is type(value)
        assert back.raw == value.raw
        assert everything(back) == everything(value)


def everything(value: Image | ImageIndex) -> list[tuple[bytes, bytes, list[bytes]]]:
    images = value.images if isinstance(value, ImageIndex) else (value,)
    return [(one.raw, one.raw_config, [content(blob) for blob in one.layers]) for one in images]


@pytest.mark.parametrize("place", PLACES)
def test_a_platform_that_is_not_there_is_refused(tmp_path: Path, place: str) -> None:
    destination, source = both(place, tmp_path)
    destination.write(small())
    with pytest.raises(TargetError, match="has no image for linux/arm64"):
        source.read(ARM)


@pytest.mark.parametrize("place", PLACES)
def test_a_lie_is_not_written(tmp_path: Path, place: str) -> None:
    value = small()
    lie = MemoryBlob(descriptor=value.layers[0].descriptor, data=b"something else")
    spoilt = Image(
        raw=value.raw, manifest=value.manifest, raw_config=value.raw_config, config=value.config, layers=(lie,)
    )
    destination, source = both(place, tmp_path)
    with pytest.raises(IntegrityError, match="is damaged"):
        destination.write(spoilt)
    with pytest.raises(UsageError):
        source.read()


def test_standard_input_and_output_are_places(tmp_path: Path) -> None:
    out = io.BytesIO()
    name = names.parse("docker-archive:-")
    open_destination(name, (), Surroundings(docker_host="", stdout=out), mtime=0).write(small())
    source = open_source(name, Surroundings(docker_host="", stdin=io.BytesIO(out.getvalue()), scratch=tmp_path))

    assert source.read().raw == small().raw


def test_standard_output_is_not_a_file_that_is_called_so() -> None:
    with pytest.raises(UsageError, match="`docker-archive:-` is standard output, which has the answer"):
        open_destination(names.parse("docker-archive:-"), (), NOWHERE, mtime=0)


def test_references_become_tags(tmp_path: Path) -> None:
    tags = (reference.parse("app:1"), reference.parse("ghcr.io/me/app:2"))
    open_destination(names.parse(f"oci:{tmp_path}"), tags, NOWHERE, mtime=0).write(small())

    for tag in ("app:1", "ghcr.io/me/app:2"):
        assert open_source(names.parse(f"oci:{tmp_path}:{tag}"), NOWHERE).read().raw == small().raw


def test_what_is_no_place_is_said() -> None:
    heard = []
    for action in (
        lambda name: open_source(name, NOWHERE),
        lambda name: open_destination(name, (), NOWHERE, mtime=0),
    ):
        with pytest.raises(TareError) as caught:
            action(names.parse("deb:trixie"))
        heard.append(told(caught.value))
    assert heard == [
        (
            UsageError,
            "`deb:trixie` is not an image that can be read",
            (),
            ("Read from `oci:DIR[:TAG]`, `docker-archive:FILE`, `docker-daemon:REF` or `docker://REF`",),
        ),
        (
            UsageError,
            "`deb:trixie` is not a place that an image can be written to",
            (),
            ("Write to `oci:DIR[:TAG]`, `docker-archive:FILE`, `docker-daemon:REF` or `docker://REF`",),
        ),
    ]
