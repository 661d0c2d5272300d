"""Memory does not grow with a wheel: one of 700 MB is written within the 200 MB that tare promises."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from make.wheels import DIST_INFO, FILENAME, METADATA, WHEEL, Row, record_text

LARGE = 600_000_000
SMALL = 5_000
BLOCK = 8_000

WRITE = """
import hashlib, sys
from pathlib import Path
from make.layers import MTIME, layer_of
from tare.build.transmux import begin_layer
from tare.wheels.wheel import open_wheel

path, out = Path(sys.argv[1]), Path(sys.argv[2])
with path.open("rb") as file:
    digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
wheel = open_wheel(path, path.name, digest)
with out.open("wb") as file:
    written = begin_layer(layer_of([wheel]), {digest: wheel}, file, mtime=MTIME, single_member=sys.argv[3] == "single")()
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) * 1024, written.unpacked, written.diff_id)
"""


def compressible() -> Iterator[bytes]:
    """Yield content that deflate makes a third of."""
    noise = random.Random(1)  # noqa: S311  # the same bytes on every run
    for _ in range(LARGE // (3 * BLOCK)):
        yield noise.randbytes(BLOCK) * 3


def write_member(archive: zipfile.ZipFile, name: str, pieces: Iterator[bytes]) -> Row:
    digest, size = hashlib.sha256(), 0
    with archive.open(name, "w", force_zip64=True) as member:
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            member.write(piece)
    import base64

    return name, "sha256=" + base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode(), str(size)


@pytest.fixture(scope="module")
def large_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / FILENAME
    small = {f"sample/m{number}.py": b"%d\n" % number * 4_000 for number in range(SMALL)}
    small |= {f"{DIST_INFO}/METADATA": METADATA, f"{DIST_INFO}/WHEEL": WHEEL}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        rows = [write_member(archive, "sample/large.bin", compressible())]
        rows += [write_member(archive, name, iter([data])) for name, data in small.items()]
        archive.writestr(f"{DIST_INFO}/RECORD", record_text([*rows, (f"{DIST_INFO}/RECORD", "", "")]))
    return path


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc")
@pytest.mark.parametrize("way", ["transmuxed", "single"])
def test_a_wheel_of_700_megabytes_needs_less_than_200(large_wheel: Path, tmp_path: Path, way: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITE, str(large_wheel), str(tmp_path / "layer"), way],
        env={"PYTHONPATH": ":".join(entry for entry in sys.path if entry)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    peak, unpacked, _ = done.stdout.split()
    assert int(unpacked) > 690_000_000
    assert int(peak) < 200_000_000
