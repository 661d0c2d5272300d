"""One thing of the world changes, and the image with it; undone, the image is the one that it was, and nothing is made."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from command import Place, locked
from counted import CountedWorld, ask, made, project_at
from make.base_images import debian, python
from make.bases import write_layer
from make.images import image, raw_layer
from make.wheelhouse import pylock

from tare.flow.bases import named as bases
from tare.flow.build import preparing
from tare.flow.request import Request
from tare.oci import platform as platforms
from tare.oci.digest import Digest
from tare.projects.resolve import locked as locked_for

Change = Callable[[Place], dict[str, Any]]
"""Changes something, and returns what is asked for otherwise: options of a request, and `env`."""


def releases(place: Place, *, content: bytes = b"1", version: str = "1.0") -> list[Any]:
    return [place.wheels.add("one", version, files={"one.py": content}), place.wheels.add("two")]


@pytest.fixture
def project(place: Place) -> Place:
    place.write({
        "main.py": "print(1)\n", "run.sh": "#!/bin/sh\n", "data.txt": "1",
        "pyproject.toml": '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\n',
        "requirements.txt": locked(releases(place)),
    })  # fmt: skip
    return place


def files(**contents: str) -> Change:
    def change(place: Place) -> dict[str, Any]:
        place.write({name.replace("__", "."): content for name, content in contents.items()})
        return {}

    return change


def manifest(line: str) -> Change:
    text = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\n'
    return files(pyproject__toml=f"{text}[tool.tare]\n{line}\n")


def requests(**changes: Any) -> Change:  # of a request, or `env`
    return lambda _: changes


def locks(**changes: Any) -> Change:  # of a release
    def change(place: Place) -> dict[str, Any]:
        place.write({"requirements.txt": locked(releases(place, **changes))})
        return {}

    return change


def executable(place: Place) -> dict[str, Any]:
    (place.app / "run.sh").chmod(0o755)
    return {}


def removed(place: Place) -> dict[str, Any]:
    (place.app / "data.txt").unlink()
    return {}


def linked(place: Place) -> dict[str, Any]:
    (place.app / "link").symlink_to("data.txt")
    return {}


def renamed(place: Place) -> dict[str, Any]:
    (place.app / "data.txt").rename(place.app / "other.txt")
    return {}


def another_lock(place: Place) -> dict[str, Any]:
    place.write({"pylock.toml": pylock(releases(place)[0].locked())})
    return {}


def on(*layers: bytes, **settings: Any) -> Change:  # of an image
    def change(place: Place) -> dict[str, Any]:
        tars = [write_layer(debian()), write_layer(python()), *layers]
        base = image(*(raw_layer(each, compressed=False) for each in tars), **{"env": ("A=1",), **settings})
        return {"base": place.base(base, name="another")}

    return change


def directory(path: str, mode: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        archive.addfile(entry)
    return out.getvalue()


CHANGES: dict[str, Change] = {
    "a line of code": files(main__py="print(2)\n"),
    "a file's mode": executable,
    "a file that is gone": removed,
    "a file that is new": files(new__txt=""),
    "a link": linked,
    "a file's name": renamed,
    "what is ignored": files(__dockerignore="data.txt\n"),
    "what a wheel has": locks(content=b"2"),
    "a wheel's version": locks(version="2.0"),
    "which wheels are locked": another_lock,
    "what was asked for": files(requirements__in="one\n"),
    "the time that files have": requests(env={"SOURCE_DATE_EPOCH": "1000000000"}),
    "how members lie": requests(single_member=True),
    "where the sources go": manifest('workdir = "/srv"'),
    "the entrypoint": manifest('entrypoint = ["x"]'),
    "the command": manifest('cmd = ["x"]'),
    "the user": manifest('user = "1:1"'),
    "the environment": manifest('env = { A = "b" }'),
    "a port": manifest("ports = [80]"),
    "a volume": manifest('volumes = ["/data"]'),
    "a label": manifest('labels = { a = "b" }'),
    "the signal": manifest('stop-signal = "SIGINT"'),
    "the health check": manifest('healthcheck = { test = ["CMD", "true"] }'),
    "what is left out": manifest('exclude = ["data.txt"]'),
    "the base's configuration": on(),
    "a file of the base": on(write_layer({"etc/motd": b"hello"})),
    "a directory's mode in the base": on(directory("app", 0o700)),
}


def digest(place: Place, *, env: dict[str, str] | None = None, **changes: Any) -> tuple[Digest, CountedWorld]:
    world = CountedWorld(place.cache, {**place.environment, **(env or {})})
    request = ask(**{"base": place.base(), **changes})
    return made(world, place.app, request).image.digest, world


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_the_world_is_a_change_of_the_image(project: Place, what: str) -> None:
    before, _ = digest(project)
    kept = {path: (path.read_bytes(), path.stat().st_mode) for path in project.app.iterdir() if path.is_file()}

    after, _ = digest(project, **CHANGES[what](project))
    fresh = CountedWorld(project.root / "fresh", project.environment)
    assert after != before

    for path in project.app.iterdir():
        if path not in kept:
            path.unlink()
    for path, (content, mode) in kept.items():
        path.write_bytes(content)
        path.chmod(mode)
    releases(project)
    again, world = digest(project)
    assert again == before
    assert [use for use in world.uses if use in {"blobs", "fetch"}] == []
    assert made(fresh, project.app, ask(project.base())).image.digest == before


OF_A_REQUEST = {
    "base": "deb:bookworm", "platform": platforms.parse("linux/arm64"), "python": "3.13", "extras": ("more",),
    "groups": ("work",), "system_packages": ("ffmpeg",), "allow_missing": ("libx.so.1",), "single_member": True,
    "debug": True, "slim": "safe", "spared": ("TS101",), "bytecode": "auto",
}  # fmt: skip
"""Another value for everything that a request can say, but for the one that only asks again."""


@pytest.mark.parametrize("field", msgspec.structs.fields(Request), ids=lambda field: field.name)
def test_what_was_prepared_for_one_request_is_not_taken_for_another(project: Place, field: Any) -> None:
    """Through the key that `build` makes: with the base and the selection as they are, only the request differs."""
    asked = ask(project.base())
    world = CountedWorld(project.cache, project.environment)
    base = bases.resolve(world, asked)
    with world.cache.in_use():
        selection = locked_for(project_at(world, project.app), base.facts.target(), world.uv)

    def key(request: Request) -> Digest:
        return preparing._prepared_key(world, project_at(world, project.app), request, base, selection)

    if field.name == "pull":
        assert key(msgspec.structs.replace(asked, pull=True)) == key(asked)
    elif field.name == "bytecode":  # It is a layer on top, with a key of its own.
        assert key(msgspec.structs.replace(asked, bytecode="auto")) == key(asked)
    else:
        assert key(msgspec.structs.replace(asked, **{field.name: OF_A_REQUEST[field.name]})) != key(asked)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_what_does_not_matter_changes_nothing(project: Place) -> None:
    before, _ = digest(project)
    os.utime(project.app / "main.py", (0, 0))
    (project.app / "main.py").chmod(0o600)
    project.write({".git/HEAD": "x", "__pycache__/main.pyc": "x", ".env": "SECRET=1"})

    assert digest(project, pull=True, allow_missing=("libx.so",), env={"LANG": "C", "UNKNOWN": "1"})[0] == before
