"""A cache on a disk that forgot: what is damaged is fetched again, and what is wrong in itself is an error."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Place
from counted import CountedWorld, ask, made
from make.wheelhouse import pylock
from make.zips import STORED, Entry

from tare.errors import IntegrityError
from tare.flow.build.build import Built

CONTENT = bytes(range(256)) * 40


def wheel(place: Place) -> Path:
    """Lock a wheel whose content lies in it as it is, and return where it lies."""
    member = Entry(name="sample/data.bin", data=CONTENT, method=STORED)
    release = place.wheels.add("sample", files={"sample/__init__.py": b"", "sample/data.bin": member})
    place.write({"main.py": "", "pylock.toml": pylock(release.locked())})
    return release.path


def build(place: Place) -> tuple[Built, CountedWorld]:
    world = CountedWorld(place.cache, place.environment)
    return made(world, place.app, ask(place.base())), world


def blob(place: Place, path: Path) -> Path:

    return place.cache / "blobs" / "sha256" / hashlib.sha256(path.read_bytes()).hexdigest()


def forget_layers(place: Place) -> None:
    for kind in ("prepared", "layers"):
        for memo in (place.cache / "memo" / kind).iterdir():
            memo.unlink()


def shorter(data: bytes) -> bytes:
    return data[:-100]


def empty(_: bytes) -> bytes:
    return b""


def changed_within(data: bytes) -> bytes:
    at = data.index(CONTENT) + 5000
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("damage", [shorter, empty, changed_within])
def test_a_damaged_wheel_in_the_cache_is_fetched_again(place: Place, damage: Callable[[bytes], bytes]) -> None:
    path = wheel(place)
    first, _ = build(place)
    kept = blob(place, path)
    kept.chmod(0o644)
    kept.write_bytes(damage(path.read_bytes()))
    forget_layers(place)

    second, world = build(place)

    assert (second.image.digest, kept.read_bytes()) == (first.image.digest, path.read_bytes())
    assert world.uses["fetch"] == 1


def test_a_wheel_that_is_wrong_in_itself_is_fetched_once_and_refused(place: Place) -> None:
    path = wheel(place)
    path.write_bytes(changed_within(path.read_bytes()))

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    package = (
        f'[[packages]]\nname = "sample"\nversion = "1.0"\n[[packages.wheels]]\nname = "{path.name}"\npath = "{path}"\n'
    )
    place.write({"pylock.toml": pylock(f'{package}hashes = {{ sha256 = "{digest}" }}\n')})

    world = CountedWorld(place.cache, place.environment)
    with pytest.raises(IntegrityError):
        made(world, place.app, ask(place.base()))
    assert world.uses["fetch"] == 1
