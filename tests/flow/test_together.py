"""Many builds on one cache, and builds that are killed: what is there under a final name is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import msgspec
import pytest
from command import Place, locked
from lab import needs
from layouts import read_layout
from make.backends import PROJECT

from tare.stores.cache import hash_file


@pytest.fixture
def project(place: Place) -> Place:
    """A project that is built by a backend, with dependencies: all that a build can write."""
    releases = [place.wheels.add(name, files={f"{name}.bin": os.urandom(50_000)}) for name in ("one", "two", "three")]
    place.write({**PROJECT, "requirements.txt": locked(releases)})
    place.base()
    return place


def faults(place: Place) -> list[str]:
    """Return what is half-written under a final name: in the cache, and in every image."""
    blobs = [*place.cache.glob("blobs/*/*"), *place.app.glob("*/blobs/*/[!.]*")]
    found = [str(path) for path in blobs if hash_file(path) != f"sha256:{path.name}"]
    for memo in place.cache.glob("memo/*/*"):
        if memo.is_file() and memo.parent.name != "projects":
            try:
                msgspec.json.decode(memo.read_bytes())
            except msgspec.DecodeError:
                found.append(str(memo))
    for index in place.app.glob("*/index.json"):
        msgspec.json.decode(index.read_bytes())
    return found


def test_builds_at_once_on_an_empty_cache_make_the_same_image(project: Place) -> None:
    running = [project.process("build", *project.target, "-o", f"oci:out{number}") for number in range(4)]
    ended = [project.finish(process) for process in running]

    assert [ran.code for ran in ended] == [0] * 4, ended
    assert len({read_layout(project.app / f"out{number}").digest for number in range(4)}) == 1
    assert (faults(project), project.leftovers()) == ([], [])


def test_builds_at_once_into_one_layout_leave_all_of_them_there(project: Place) -> None:
    running = [project.process("build", *project.target, "-o", f"oci:out:v{number}") for number in range(4)]
    ended = [project.finish(process) for process in running]

    assert [ran.code for ran in ended] == [0] * 4, ended
    entries = msgspec.json.decode((project.app / "out" / "index.json").read_bytes())["manifests"]
    names = sorted(entry["annotations"]["org.opencontainers.image.ref.name"] for entry in entries)
    assert names == ["v0", "v1", "v2", "v3"]
    assert faults(project) == []


def test_pruning_waits_for_builds_and_breaks_none(project: Place) -> None:
    (project.root / "hold").touch()
    build = project.process("build", *project.target)
    _wait_for(project.root / "building", build)
    prune = project.process("cache", "prune", "--all")
    time.sleep(0.3)
    assert prune.poll() is None, "the cache is in use"
    (project.root / "hold").unlink()

    assert project.finish(build).code == 0
    pruned = project.finish(prune)
    assert (pruned.code, pruned.err) == (0, "note: waiting for a command that uses the cache\n")
    assert project.document("cache", "info")["blobs"] == 0
    assert faults(project) == []


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_build_that_is_killed_while_another_program_runs_leaves_no_lock(project: Place) -> None:
    (project.root / "hold").touch()
    build = project.process("build", *project.target, start_new_session=True)
    _wait_for(project.root / "building", build)
    os.killpg(build.pid, signal.SIGKILL)
    assert project.finish(build).code == -signal.SIGKILL
    (project.root / "hold").unlink()

    assert faults(project) == []
    assert project("cache", "prune", "--all").code == 0
    assert project.build().code == 0


MOMENTS = [
    *(("fsync", number) for number in (1, 3, 6, 9)),
    *(("rename,renameat,renameat2", number) for number in (1, 4, 8)),
    *(("chmod,fchmodat", number) for number in (2, 5)),
    *(("mkdir,mkdirat", number) for number in (3, 9)),
    *(("write", number) for number in (5, 12)),
]
"""Which call, and which time: what moves a build from one state of the disk to the next."""


@pytest.mark.parametrize(("call", "number"), MOMENTS)
def test_a_build_that_is_killed_at_any_moment_is_only_late(project: Place, call: str, number: int) -> None:
    """Strace kills it instead of a system call; the next build makes what an undisturbed one makes."""
    needs("strace")
    if not _may_trace():
        pytest.skip("this machine does not let one process trace another")
    project.build("--cache-dir", "../undisturbed", "-o", "oci:expected")
    expected = read_layout(project.app / "expected").digest

    inject = [
        "strace",
        "-f",
        "-qq",
        "-o",
        os.devnull,
        "-e",
        f"trace={call}",
        "-e",
        f"inject={call}:signal=KILL:when={number}",
    ]
    environment = {**project.environment, "PYTHONPATH": project.source}
    killed = subprocess.run(
        [*inject, project.python, "-m", "tare", "build", *project.target],
        cwd=project.app,
        env=environment,
        capture_output=True,
        check=False,
    )

    assert faults(project) == []
    assert project.build().code == 0
    assert read_layout(project.app / "dist").digest == expected
    assert faults(project) == []
    assert list(project.app.glob("dist/**/.tare-*")) == []
    assert killed.returncode != 0, "the moment came, to tare or to a program that it runs"


def _may_trace() -> bool:
    return subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0
