"""Nothing is done twice: what a second build does, counted at the seams of the world."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from command import Place, locked
from counted import CountedWorld, ask, made
from make.base_images import base_image

from tare.flow.build.build import Built
from tare.oci import platform as platforms

Build = Callable[..., tuple[Built, CountedWorld]]


def digests(built: Built) -> list[str]:
    return [layer.descriptor.digest for layer in built.layers]


def test_a_first_build_does_everything_once(project: Place, build: Build) -> None:
    _, world = build()

    assert dict(world.uses) == {
        "uv": 1,
        "fetch": 2,
        "blobs": 2,
        "remember entrypoints": 1,
        "remember facts": 1,
        "remember layers": 2,
        "remember prepared": 1,
        "remember speeds": 1,
    }


def test_a_second_build_does_nothing(project: Place, build: Build) -> None:
    first, _ = build()
    second, world = build()

    assert dict(world.uses) == {}
    assert (second.image.digest, second.reused) == (first.image.digest, 2)


def test_a_changed_line_writes_the_project_layer_and_nothing_else(project: Place, build: Build) -> None:
    first, _ = build()
    project.write({"main.py": "print(2)\n"})
    second, world = build()

    assert dict(world.uses) == {"blobs": 1, "remember layers": 1, "remember entrypoints": 1}
    assert digests(second)[:-1] == digests(first)[:-1]
    assert digests(second)[-1] != digests(first)[-1]


def test_a_line_that_is_changed_back_is_known(project: Place, build: Build) -> None:
    first, _ = build()
    project.write({"main.py": "print(2)\n"})
    build()
    project.write({"main.py": "print(1)\n"})
    third, world = build()

    assert (dict(world.uses), third.image.digest) == ({}, first.image.digest)


def test_a_changed_lock_writes_the_dependencies_and_fetches_what_is_new(project: Place, build: Build) -> None:
    first, _ = build()
    project.write({"requirements.txt": locked([project.wheels.add("sample"), project.wheels.add("more")])})
    second, world = build()

    assert dict(world.uses) == {
        "uv": 1,
        "fetch": 1,
        "blobs": 1,
        "remember entrypoints": 1,
        "remember layers": 1,
        "remember prepared": 1,
        "remember speeds": 1,
    }
    assert digests(second)[-1] == digests(first)[-1]
    assert digests(second)[-2] != digests(first)[-2]


def test_a_comment_in_the_lock_asks_uv_and_builds_nothing(project: Place, build: Build) -> None:
    first, _ = build()
    path = project.app / "requirements.txt"
    path.write_text(f"# a comment\n{path.read_text()}", encoding="utf-8")
    second, world = build()

    assert second.image.digest == first.image.digest
    assert {kind: count for kind, count in world.uses.items() if kind != "uv"} == {}


def test_the_same_wheel_is_the_same_layer_in_another_project(project: Place, build: Build) -> None:
    first, _ = build()
    shutil.rmtree(project.app)
    project.app.mkdir()
    project.write(
        {"job.py": "", "requirements.txt": locked([project.wheels.add("sample"), project.wheels.add("other", "2.0")])}
    )
    second, world = build()

    assert digests(second)[-2] == digests(first)[-2]
    assert (world.uses["fetch"], world.uses["blobs"], second.reused) == (0, 1, 1)


# What is remembered by all that it follows from


def test_what_is_asked_for_is_done_again_when_it_differs(project: Place, build: Build) -> None:
    """The same through a whole build: each of these gives other bytes, or may."""
    first, _ = build()

    assert build(single_member=True)[0].image.digest != first.image.digest
    later = CountedWorld(project.cache, {**project.environment, "SOURCE_DATE_EPOCH": "1700000000"})
    assert build(world=later)[0].image.digest != first.image.digest
    newer = project.base(base_image(version="3.13.6"), name="newer")
    assert build(newer)[0].image.digest != first.image.digest
    assert build()[0].image.digest == first.image.digest


def test_what_the_project_names_itself_is_marked_as_requested(project: Place, build: Build) -> None:
    first, _ = build()
    project.write({"pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["sample"]\n'})
    second, _ = build()

    assert digests(second)[-2] != digests(first)[-2]


# A cache that lost or spoiled something


def _blobs(cache: Path) -> list[Path]:
    return sorted(cache.glob("blobs/sha256/*"))


def test_whatever_blob_is_missing_the_next_build_makes_it_again(project: Place, build: Build) -> None:
    first, _ = build()

    for blob in _blobs(project.cache):
        content = blob.read_bytes()
        blob.unlink()
        again, _ = build()
        assert again.image.digest == first.image.digest
        if blob.name in {digest.partition(":")[2] for digest in digests(again)}:
            assert blob.read_bytes() == content, "a layer came back as it was"


def test_whatever_memo_is_missing_or_spoiled_the_image_is_the_same(project: Place, build: Build) -> None:
    first, _ = build()

    for memo in sorted(path for path in project.cache.glob("memo/*/*") if path.is_file()):
        content = memo.read_bytes()
        for spoil in (Path.unlink, _truncate, _garble):
            spoil(memo)
            again, _ = build()
            assert again.image.digest == first.image.digest, (memo, spoil)
            memo.unlink(missing_ok=True)
            memo.write_bytes(content)


def _truncate(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[: len(data) // 2])


def _garble(path: Path) -> None:
    size = path.stat().st_size
    path.unlink()
    path.write_bytes(b"\xff" * size)


def test_a_layer_that_was_cut_off_is_written_again(project: Place, build: Build) -> None:
    first, _ = build()
    layer = project.cache / "blobs" / first.own.descriptor.digest.replace(":", "/")
    whole = layer.read_bytes()
    _truncate(layer)

    again, world = build()

    assert layer.read_bytes() == whole
    assert (again.image.digest, world.uses["blobs"]) == (first.image.digest, 1)


def test_a_wheel_that_is_in_the_cache_is_not_fetched_for_another_image(project: Place, build: Build) -> None:
    build()
    arm64 = project.base(base_image("arm64"), name="arm64")
    world = CountedWorld(project.cache, project.environment)
    made(world, project.app, ask(arm64, platform=platforms.parse("linux/arm64")))

    assert world.uses["fetch"] == 0
