"""Whether a source needs a compiler: told by its release's wheels, or by what is in it."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from worlds import MakeWorld

from tare.flow.choose.natures import MAX_UNPACKED, nature
from tare.projects.locked import LockedSdist


def tar(*names: str, pyproject: str = "", said: int | None = None) -> bytes:
    """Return a source distribution in a tar; its last file says that it has *said* bytes."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, data in (("pyproject.toml", pyproject.encode()), *((name, b"") for name in names)):
            member = tarfile.TarInfo(f"demo-1.0/{name}")
            member.size = len(data)
            if said is not None and name == names[-1]:
                member.size = said
                held.write(member.tobuf())
            else:
                archive.addfile(member, io.BytesIO(data))
    return gzip.compress(held.getvalue())


def zipped(*names: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(f"demo-1.0/{name}", "")
    return held.getvalue()


def of(make_world: MakeWorld, place: Path, data: bytes, filename: str = "demo-1.0.tar.gz") -> tuple[bool | None, str]:
    """Return what is said of the source distribution *data* that no wheel is beside."""
    path = place / filename
    path.write_bytes(data)
    hashes = {"sha256": hashlib.sha256(data).hexdigest()}
    locked = LockedSdist(name="demo", version="1.0", filename=filename, hashes=hashes, path=str(path), size=len(data))
    return nature(make_world(), locked)


@pytest.mark.parametrize(
    ("data", "native", "why"),
    [
        (tar("demo/__init__.py"), False, "its source has nothing that is compiled"),
        (tar("demo/_fast.pyx"), True, "its source has `demo/_fast.pyx`"),
        (tar("CMakeLists.txt"), True, "its source has `CMakeLists.txt`"),
        (tar("demo/a\x1b[2J.c"), True, "its source has `demo/a?[2J.c`"),
        (tar("tests/data.c", "vendor/x.rs"), False, "its source has nothing that is compiled"),
        (tar(pyproject='[build-system]\nbuild-backend = "maturin"\n'), True, "its build backend is `maturin`"),
        (tar("demo.c")[:-20], None, "its source cannot be read: "),
        (b"no archive", None, "its source cannot be read: "),
        (tar("demo.c", said=MAX_UNPACKED + 1), None, "its source cannot be read: it has more in it than a source"),
    ],
)
def test_a_source_is_looked_into(
    make_world: MakeWorld,
    tmp_path: Path,
    data: bytes,
    native: bool | None,  # noqa: FBT001  # a case
    why: str,
) -> None:
    found = of(make_world, tmp_path, data)

    assert (found[0], found[1].startswith(why)) == (native, True), found


def test_so_is_a_zip(make_world: MakeWorld, tmp_path: Path) -> None:
    assert of(make_world, tmp_path, zipped("a.py", "a.c"), "demo-1.0.zip") == (True, "its source has `a.c`")


@pytest.mark.parametrize(
    ("offered", "found"),
    [
        (("any",), (False, "its wheels are for any platform")),
        (("win_amd64", "manylinux_2_28_x86_64"), (True, "its wheels are for manylinux_2_28_x86_64, win_amd64")),
    ],
)
def test_the_wheels_of_a_release_tell_it(
    make_world: MakeWorld, offered: tuple[str, ...], found: tuple[bool, str]
) -> None:
    locked = LockedSdist(
        name="demo", version="1.0", filename="demo-1.0.tar.gz", hashes={"sha256": "0" * 64}, offered=offered
    )

    assert nature(make_world(), locked) == found
