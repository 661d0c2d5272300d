"""`tare cache`: what is kept, and how it goes away."""

from __future__ import annotations

import os

import pytest
from command import Place, locked


@pytest.fixture
def project(place: Place) -> Place:
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([place.wheels.add("sample")])})
    return place


def test_an_empty_cache_says_so(place: Place) -> None:
    assert place("cache", "info") == (
        0,
        "TMP/cache\n  0 blobs, 0 B\n  0 remembered steps\n  0 unpacked images, 0 B\n  0 B unfinished\n",
        "",
    )


def test_a_used_cache_says_what_is_in_it(project: Place) -> None:
    project.build()
    (project.cache / "partial").mkdir(exist_ok=True)
    (project.cache / "partial" / "begun").write_bytes(bytes(1500))

    code, out, err = project("cache", "info")

    first, *rest = out.splitlines()
    assert (code, err, first) == (0, "", "TMP/cache")
    assert rest[0].startswith("  3 blobs, ")
    assert rest[2:] == ["  0 unpacked images, 0 B", "  1.5 kB unfinished"]


def test_what_was_used_lately_stays(project: Place) -> None:
    project.build()

    assert project("cache", "prune") == (0, "0 B freed\n", "")
    assert project.document("build", *project.target)["reused"] == 2


def test_what_was_not_used_for_long_goes(project: Place) -> None:
    project.build()
    files = [path for path in project.cache.rglob("*") if path.is_file() and path.name not in {"lock", "CACHEDIR.TAG"}]
    for path in files:
        os.utime(path, (0, 0))

    freed = project.document("cache", "prune", "--older-than", "12h")["freed"]

    assert freed > 0
    assert [path for path in files if path.exists()] == []
    assert project.document("build", *project.target)["reused"] == 0


def test_everything_goes_when_asked_for(project: Place) -> None:
    project.build()

    assert project("cache", "prune", "--all").code == 0
    assert project("cache", "info") == (
        0,
        "TMP/cache\n  0 blobs, 0 B\n  0 remembered steps\n  0 unpacked images, 0 B\n  0 B unfinished\n",
        "",
    )


def test_another_cache_is_named_by_option_or_variable(project: Place) -> None:
    project.build("--cache-dir", "../second")

    assert project("cache", "info", "--cache-dir", "../second").out.startswith("TMP/second\n  3 blobs")
    assert project("cache", "info", env={"TARE_CACHE_DIR": "../second"}).out.startswith("TMP/second\n  3 blobs")
    assert project("cache", "info").out.startswith("TMP/cache\n  0 blobs")


@pytest.mark.parametrize("value", ["soon", "d", "3", "-1d", "1.5h", ""])
def test_a_length_of_time_that_is_none_is_an_error(place: Place, value: str) -> None:
    assert place("cache", "prune", f"--older-than={value}") == (
        2,
        "",
        f"error: `--older-than {value}` is not a length of time\n\nhint: Write it as `12h`, `30d` or `8w`\n",
    )
