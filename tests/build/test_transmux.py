"""Wheels become layers without being compressed again, and what comes out is what went in."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import shutil
import subprocess
import tarfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make.errors import told
from make.layers import MTIME, SITE, files_of, layer_of, read_tree, transmuxed
from make.wheels import DIST_INFO, METADATA, make_wheel, open_bytes
from make.zips import DEFLATED, STORED, Entry, deflate, deflate_in_blocks

from tare.build.transmux import begin_layer
from tare.errors import HostileInputError, MachineError
from tare.oci.compression import stored
from tare.oci.digest import sha256
from tare.plan.plan import HostFile, Link, PlannedFile, PlannedLayer
from tare.wheels.wheel import Wheel

NOISE = random.Random(5).randbytes(300_000)  # noqa: S311  # the same bytes on every run
TEXT = b"import this\n" * 30_000


def wheel(name: str = "sample", extra: dict[str, bytes | Entry] | None = None) -> Wheel:
    files: dict[str, bytes | Entry] = {
        f"{name}/__init__.py": TEXT,
        f"{name}/empty.py": b"",
        f"{name}/stored.bin": Entry(name=f"{name}/stored.bin", data=NOISE, method=STORED),
        f"{name}/blocks.py": Entry(name=f"{name}/blocks.py", data=TEXT, stream=deflate_in_blocks(TEXT, 5_000)),
        f"{name}/streamed.py": Entry(name=f"{name}/streamed.py", data=TEXT[:999], descriptor="bare32"),
        f"{name}/größe.txt": b"1",
        f"{name}-1.0.data/scripts/{name}-old": b"#!python\n",
        f"{name}-1.0.dist-info/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n".encode(),
        **(extra or {}),
    }
    data = make_wheel(files, dist_info=f"{name}-1.0.dist-info", metadata=METADATA.replace(b"sample", name.encode()))
    return open_bytes(data, f"{name}-1.0-py3-none-any.whl")


PLANNED = (
    PlannedFile("opt/venv/bin/python", 0o777, 0, Link("/usr/bin/python3.13")),
    PlannedFile("opt/venv/pyvenv.cfg", 0o644, 4, b"home"),
)


@pytest.mark.skipif(shutil.which("gzip") is None, reason="there is no gzip")
@pytest.mark.parametrize("single_member", [False, True], ids=["transmuxed", "in one member"])
def test_the_program_gzip_finds_the_diff_id(tmp_path: Path, single_member: bool) -> None:  # noqa: FBT001  # pytest calls
    layer, written = transmuxed(wheel("a"), wheel("b"), files=PLANNED, single_member=single_member)
    file = tmp_path / "layer.tar.gz"
    file.write_bytes(layer)
    subprocess.run(["gzip", "-t", str(file)], check=True)
    done = subprocess.run(["gzip", "-dc", str(file)], capture_output=True, check=True)
    assert done.stderr == b""
    assert "sha256:" + hashlib.sha256(done.stdout).hexdigest() == written.diff_id
    assert done.stdout == gzip.decompress(layer)


@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar")
def test_the_program_tar_lists_what_tarfile_lists(tmp_path: Path) -> None:
    layer, _ = transmuxed(wheel("a"), files=PLANNED)
    file = tmp_path / "layer.tar.gz"
    file.write_bytes(layer)
    command = ["tar", "--quoting-style=literal", "-tzf", str(file)]
    done = subprocess.run(command, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}, capture_output=True, check=True)
    assert done.stderr == b""
    with tarfile.open(file) as archive:
        assert done.stdout.decode().splitlines() == [name.name + "/" * name.isdir() for name in archive]


def test_what_is_known_of_the_layer_is_true() -> None:
    layer, written = transmuxed(wheel("a"), wheel("b"), files=PLANNED)
    assert written.descriptor.digest == sha256(layer)
    assert written.descriptor.size == len(layer)
    assert written.diff_id == sha256(gzip.decompress(layer))
    assert written.unpacked == sum(map(len, files_of(read_tree(layer)).values()))
    assert written.unpacked == layer_of([wheel("a"), wheel("b")], PLANNED).unpacked


def test_directories_come_first_then_wheels_then_what_was_planned() -> None:
    layer, _ = transmuxed(wheel("b"), wheel("a"), files=PLANNED)
    tree = read_tree(layer)
    kinds = [kind for kind, _, _ in tree.values()]
    directories = kinds.count("directory")
    assert kinds == ["directory"] * directories + ["file"] * (len(kinds) - directories - 2) + ["symlink", "file"]
    assert list(tree)[:5] == ["opt", "opt/venv", "opt/venv/bin", "opt/venv/lib", "opt/venv/lib/python3.13"]
    assert tree["opt/venv/bin/python"] == ("symlink", 0o777, "/usr/bin/python3.13")
    assert tree["opt/venv/pyvenv.cfg"] == ("file", 0o644, b"home")
    assert {mode for kind, mode, _ in tree.values() if kind == "directory"} == {0o755}


def test_every_deflate_stream_is_taken_over_as_it_is() -> None:
    layer, _ = transmuxed(wheel("a"))
    for raw in (deflate(TEXT), deflate_in_blocks(TEXT, 5_000), deflate(TEXT[:999]), deflate(b"1")):
        assert layer.count(raw) >= 1
    assert layer.count(b"".join(stored(iter([NOISE]), len(NOISE)))) == 1


def test_a_layer_in_one_member_has_the_same_content() -> None:
    layer, written = transmuxed(wheel("a"), files=PLANNED)
    single, again = transmuxed(wheel("a"), files=PLANNED, single_member=True)
    assert (again.diff_id, again.unpacked) == (written.diff_id, written.unpacked)
    decoder = zlib.decompressobj(31)
    assert decoder.decompress(single) == gzip.decompress(layer)
    assert (decoder.eof, decoder.unused_data) == (True, b"")


def test_a_wheel_whose_streams_are_not_taken_over_is_compressed_by_the_own_coder() -> None:
    plain, other = wheel("a"), wheel("b")
    layer, written = transmuxed(plain, other, recoded=frozenset({plain.digest}))
    same, expected = transmuxed(plain, other)
    assert written.diff_id == expected.diff_id
    assert layer != same
    assert layer.count(deflate_in_blocks(TEXT, 5_000)) == 1
    assert same.count(deflate_in_blocks(TEXT, 5_000)) == 2


def test_how_the_builder_compressed_does_not_show_in_a_wheel_that_is_compressed_again() -> None:
    layers = []
    for level in (1, 9):
        files = {
            "x.py": Entry(name="x.py", data=TEXT, level=level),
            "y.py": Entry(name="y.py", data=TEXT, method=STORED),
        }
        built = open_bytes(make_wheel(files))
        layers.append(transmuxed(built, recoded=frozenset({built.digest})))
    assert layers[0] == layers[1]


def test_two_writings_are_equal() -> None:
    assert transmuxed(wheel("a"), wheel("b"), files=PLANNED) == transmuxed(wheel("a"), wheel("b"), files=PLANNED)


contents = (
    st.binary(max_size=50) | st.integers(0, 140_000).map(lambda size: NOISE[:size]) | st.integers(0, 300_000).map(bytes)
)
entries = st.builds(
    Entry,
    name=st.just(""),
    data=contents,
    method=st.sampled_from([STORED, DEFLATED]),
    level=st.integers(0, 9),
    descriptor=st.sampled_from([None, "signed32", "signed64", "bare32", "bare64"]),
    zip64=st.booleans(),
    mode=st.sampled_from([0o100644, 0o100755, 0]),
)


@given(st.lists(entries, max_size=6), st.booleans())
@settings(max_examples=40)
def test_any_sound_wheel_becomes_its_files(given_entries: list[Entry], single_member: bool) -> None:  # noqa: FBT001  # the same
    files: dict[str, bytes | Entry] = {}
    for number, entry in enumerate(given_entries):
        entry.name = f"sample/m{number}.bin"
        files[entry.name] = entry
    layer, written = transmuxed(open_bytes(make_wheel(files)), single_member=single_member)
    tree = read_tree(layer)
    for number, entry in enumerate(given_entries):
        mode = 0o755 if entry.mode & 0o111 else 0o644
        assert tree[f"{SITE}/sample/m{number}.bin"] == ("file", mode, entry.data)
    assert written.diff_id == sha256(gzip.decompress(layer))
    assert len(files_of(tree)) == len(given_entries) + 4


def host_layer(path: Path, data: bytes) -> PlannedLayer:
    """Return a layer of the file at *path*, planned when its content was *data*."""
    file = PlannedFile("app/main.py", 0o755, len(data), HostFile(str(path), sha256(data)))
    return PlannedLayer(kind="project", why="a test", files=(file,), directories=("app/empty",))


def test_a_projects_files_are_written_as_the_plan_saw_them(tmp_path: Path) -> None:
    path = tmp_path / "main.py"
    path.write_bytes(NOISE * 5)
    out = io.BytesIO()
    written = begin_layer(host_layer(path, NOISE * 5), {}, out, mtime=MTIME)()
    assert read_tree(out.getvalue()) == {
        "app": ("directory", 0o755, ""),
        "app/empty": ("directory", 0o755, ""),
        "app/main.py": ("file", 0o755, NOISE * 5),
    }
    assert written.unpacked == 5 * len(NOISE)


@pytest.mark.parametrize(
    "now", [b"chang", b"hello, again", b"hell", b"", NOISE], ids=["changed", "longer", "shorter", "empty", "large"]
)
def test_a_projects_file_that_changed_since_stops_the_build(tmp_path: Path, now: bytes) -> None:
    path = tmp_path / "main.py"
    path.write_bytes(now)
    with pytest.raises(MachineError) as caught:
        begin_layer(host_layer(path, b"hello"), {}, io.BytesIO(), mtime=MTIME)()
    assert told(caught.value) == (
        MachineError,
        f"`{path}` changed while it was being built",
        (),
        ("Run the command again",),
    )


def test_a_projects_file_that_is_gone_stops_the_build(tmp_path: Path) -> None:
    path = tmp_path / "main.py"
    with pytest.raises(MachineError) as caught:
        begin_layer(host_layer(path, b"hello"), {}, io.BytesIO(), mtime=MTIME)()
    assert told(caught.value) == (MachineError, f"cannot read `{path}`", ("No such file or directory",), ())


@pytest.mark.parametrize("single_member", [False, True], ids=["transmuxed", "in one member"])
def test_a_file_that_is_not_what_record_says_stops_the_build(single_member: bool) -> None:  # noqa: FBT001  # the same
    data = make_wheel({"x.py": b"evil"}, rows=lambda rows: [("x.py", rows[0][1][:-1] + "A", "4"), *rows[1:]])
    with pytest.raises(HostileInputError):
        transmuxed(open_bytes(data), single_member=single_member)


def test_an_empty_wheel_has_the_files_that_say_so() -> None:
    layer, _ = transmuxed(open_bytes(make_wheel({})))
    assert [path.rpartition("/")[2] for path in files_of(read_tree(layer))] == [
        "INSTALLER",
        "METADATA",
        "RECORD",
        "WHEEL",
    ]
    assert f"{SITE}/{DIST_INFO}" in read_tree(layer)
