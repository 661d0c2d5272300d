"""A layout survives its writers: they may be killed, and there may be many."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from make.images import content, small

from tare.errors import UsageError
from tare.oci.image import ImageIndex
from tare.stores.layout import LayoutSource
from tare.stores.layout_writer import LayoutDestination

WRITER = """
import sys
sys.path[:0] = sys.argv[1].split(":")
from pathlib import Path
from make.images import small
from tare.stores.layout_writer import LayoutDestination
place, tag, *texts = sys.argv[2:]
print("ready", flush=True)
for text in texts:
    LayoutDestination(Path(place), (tag,)).write(small(text * 100_000))
"""
ROOT = Path(__file__).parents[2]


def start(place: Path, tag: str, texts: Sequence[str]) -> subprocess.Popen[bytes]:
    path = ":".join(str(ROOT / name) for name in ("src", "tests/support"))
    process = subprocess.Popen([sys.executable, "-c", WRITER, path, str(place), tag, *texts], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def whole(place: Path, tag: str) -> bool:
    """Read everything under *tag*, checked; return whether there is such a tag."""
    try:
        value = LayoutSource(place, tag).read_all()
    except UsageError:
        return False
    assert not isinstance(value, ImageIndex)
    for blob in value.layers:
        content(blob)
    return True


@pytest.mark.skipif(os.name == "nt", reason="a process cannot be killed there in the same way")
def test_a_killed_writer_leaves_only_whole_images_in_the_index(tmp_path: Path) -> None:
    chance = random.Random(20261124)  # noqa: S311  # where to kill, not a secret
    seen = 0
    for number in range(12):
        process = start(tmp_path, "app", [f"{number}.{count} " for count in range(200)])
        time.sleep(chance.uniform(0, 0.08))
        process.send_signal(signal.SIGKILL)
        with process:
            process.wait()
        seen += whole(tmp_path, "app")
    LayoutDestination(tmp_path, ("app",)).write(small("last"))

    assert seen > 6
    assert whole(tmp_path, "app")
    assert not list(tmp_path.rglob(".tare-*"))


STRACE = "/usr/bin/strace"


@pytest.mark.e2e
@pytest.mark.skipif(not Path(STRACE).exists(), reason="`strace` is not installed: no kill at each single step")
def test_a_writer_can_be_killed_at_every_single_step(tmp_path: Path) -> None:
    path = ":".join(str(ROOT / name) for name in ("src", "tests/support"))
    for call in ("rename", "fsync"):
        for step in range(1, 12):
            place = tmp_path / f"{call}-{step}"
            LayoutDestination(place, ("app",)).write(small("before"))
            argv = [sys.executable, "-c", WRITER, path, str(place), "app", "after"]
            inject = [f"--trace={call}", f"--inject={call}:signal=KILL:when={step}"]
            done = subprocess.run(
                [STRACE, "-f", "-qq", "-o", str(tmp_path / "trace"), *inject, *argv], check=False, capture_output=True
            )
            assert whole(place, "app")
            if done.returncode == 0:
                assert step > 4
                break
            assert done.returncode in {-9, 137}
        else:
            pytest.fail(f"a writer calls {call} more than 12 times")


def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    tags = [f"tag{number}" for number in range(4)]
    writers = [start(tmp_path, tag, [f"{tag} {count} " for count in range(5)]) for tag in tags]
    for process in writers:
        with process:
            assert process.wait(60) == 0

    assert all(whole(tmp_path, tag) for tag in tags)
    assert not list(tmp_path.rglob(".tare-*"))
