"""Layers applied in order give the root file system that the specification describes."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make.images import (
    Entry,
    MemberOfTar,
    content,
    directory,
    hardlink,
    image,
    layer,
    member,
    raw_layer,
    symlink,
    tar_of,
)

from tare.engines.rootfs import write_rootfs
from tare.engines.rootfs_cache import RootfsCache, chain_id
from tare.errors import IntegrityError
from tare.oci.digest import sha256
from tare.oci.image import Image, MemoryBlob

pytestmark = pytest.mark.skipif(os.name == "nt", reason="root file systems are written on POSIX systems only")


def written(place: Path, *layers: tuple[MemberOfTar, ...]) -> Path:
    place.mkdir(exist_ok=True)
    value = image(*(raw_layer(tar_of(*members)) for members in layers))
    write_rootfs(value, place, as_root=os.geteuid() == 0, note=lambda _: None)
    return place


def names(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*"))


def folder(name: str, mode: int = 0o755, mtime: int = 0) -> MemberOfTar:
    return member(name, kind=tarfile.DIRTYPE, mode=mode, mtime=mtime)


def test_everything_that_an_image_may_have_is_written(tmp_path: Path) -> None:
    below = layer([directory("app", 0o750), Entry("app/run", b"#!/bin/sh\n", mode=0o755), Entry("app/empty")])
    above = layer([symlink("latest", "app/run"), hardlink("app/same", "app/run"), Entry("ü/ñ", b"text")])
    write_rootfs(image(below, above), tmp_path, as_root=False, note=print)

    assert names(tmp_path) == ["app", "app/empty", "app/run", "app/same", "latest", "ü", "ü/ñ"]
    assert (tmp_path / "app/run").read_text() == "#!/bin/sh\n"
    assert stat.S_IMODE((tmp_path / "app/run").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "app").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "ü").stat().st_mode) == 0o755
    assert str((tmp_path / "latest").readlink()) == "app/run"
    assert (tmp_path / "app/run").stat().st_ino == (tmp_path / "app/same").stat().st_ino
    assert (tmp_path / "app/run").stat().st_mtime == 315532800


def test_a_directory_may_be_closed_to_its_owner(tmp_path: Path) -> None:
    place = written(tmp_path / "r", (folder("a", 0o555, 5), folder("a/b", 0, 6), member("a/b/c", b"x")))

    assert stat.S_IMODE((place / "a").stat().st_mode) == 0o555
    assert stat.S_IMODE((place / "a/b").stat().st_mode) == 0
    assert ((place / "a").stat().st_mtime, (place / "a/b").stat().st_mtime) == (5, 6)
    (place / "a/b").chmod(0o755)
    assert (place / "a/b/c").read_text() == "x"
    (place / "a").chmod(0o755)  # so that pytest can remove it


def test_the_umask_does_not_show(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        place = written(tmp_path / "r", (folder("a"), member("a/b/c", b"x")))
    finally:
        os.umask(before)

    modes = {name: stat.S_IMODE((place / name).stat().st_mode) for name in names(place)}
    assert modes == {"a": 0o755, "a/b": 0o755, "a/b/c": 0o644}
    assert stat.S_IMODE(place.stat().st_mode) == 0o755


def test_a_later_entry_replaces_an_earlier_one(tmp_path: Path) -> None:
    old = (folder("a"), member("a/x", b"1"), member("b", b"1"), member("c", b"1"))
    new = (member("a", b"2"), folder("b"), member("b/x", b"2"), member("c", b"22"), member("c", b"222"))
    place = written(tmp_path / "r", old, new)

    assert names(place) == ["a", "b", "b/x", "c"]
    assert [(place / name).read_text() for name in ("a", "b/x", "c")] == ["2", "2", "222"]


def test_a_directory_that_is_there_keeps_what_is_in_it(tmp_path: Path) -> None:
    place = written(tmp_path / "r", (folder("a"), member("a/x", b"1")), (folder("a", 0o700),))

    assert names(place) == ["a", "a/x"]
    assert stat.S_IMODE((place / "a").stat().st_mode) == 0o700


def test_a_whiteout_removes_what_lower_layers_have(tmp_path: Path) -> None:
    old = (folder("a/b"), member("a/b/c", b""), member("d", b""), member("e", b""))
    place = written(tmp_path / "r", old, (member("a/.wh.b"), member(".wh.d")))

    assert names(place) == ["a", "e"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_whiteout_does_not_touch_its_own_layer(tmp_path: Path, order: int) -> None:
    new = (member("a/new", b"2"), member("a/.wh.new"), member("a/.wh..wh..opq"), member("b/c/new"), member(".wh.b"))
    old = (folder("a"), member("a/old"), member("a/new", b"1"), folder("b/old"), member("b/c/old"))
    place = written(tmp_path / "r", old, new[::order])

    assert names(place) == ["a", "a/new", "b", "b/c", "b/c/new"]


def test_links_within_the_image_are_followed_within_it(tmp_path: Path) -> None:
    old = (folder("usr/lib"), member("lib", kind=tarfile.SYMTYPE, linkname="usr/lib"))
    place = written(tmp_path / "r", old, (member("lib/x.so", b"elf"), folder("lib/sub")))

    assert names(place) == ["lib", "usr", "usr/lib", "usr/lib/sub", "usr/lib/x.so"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files to others")
def test_files_belong_to_whom_the_image_says(tmp_path: Path) -> None:
    place = written(tmp_path / "r", (member("a", b"", uid=65532, gid=7), folder("d")))

    assert ((place / "a").stat().st_uid, (place / "a").stat().st_gid) == (65532, 7)
    assert (place / "d").stat().st_uid == 0


# A property: what the specification says in words, as a dictionary, against what is written.

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CHANGES = st.tuples(st.sampled_from(["file", "directory", "whiteout", "opaque"]), PATHS)
LAYERS = st.lists(st.lists(CHANGES, max_size=6), min_size=1, max_size=4)


def expected(layers: list[list[tuple[str, str]]]) -> dict[str, str] | None:
    """Apply changes to a dictionary of paths; None for layers that no file system could have."""
    lower: dict[str, str] = {}
    for changes in layers:
        own: dict[str, str] = {}
        for what, path in changes:
            if what in {"file", "directory"} and not add(own, path, what):
                return None
        for what, path in changes:
            if what == "whiteout":
                lower = {name: kind for name, kind in lower.items() if name != path and not name.startswith(path + "/")}
            elif what == "opaque":
                lower = {name: kind for name, kind in lower.items() if not name.startswith(path + "/")}
        for name, kind in own.items():
            if kind == "file" or lower.get(name) == "file":
                lower = {at: was for at, was in lower.items() if at != name and not at.startswith(name + "/")}
        lower |= own
    return lower


def add(own: dict[str, str], path: str, what: str) -> bool:
    """Add a path with its parents; False if it contradicts what its own layer has."""
    parts = path.split("/")
    parents = ["/".join(parts[:count]) for count in range(1, len(parts))]
    if any(own.get(parent) == "file" for parent in parents) or own.get(path, what) != what:
        return False
    own |= dict.fromkeys(parents, "directory")
    own[path] = what
    return True


def as_member(change: tuple[str, str]) -> MemberOfTar:
    what, path = change
    parent, _, name = path.rpartition("/")
    if what == "whiteout":
        return member(f"{parent}/.wh.{name}".lstrip("/"))
    if what == "opaque":
        return member(f"{path}/.wh..wh..opq")
    return folder(path) if what == "directory" else member(path, b"x")


def parents_first(changes: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Whiteouts stand before what their own layer adds, and directories before what is in them."""
    return sorted(changes, key=lambda change: (change[0] in {"file", "directory"}, change[1].count("/")))


@settings(max_examples=60)
@given(LAYERS)
def test_applying_changesets_gives_what_the_specification_says(layers: list[list[tuple[str, str]]]) -> None:
    want = expected(layers)
    if want is None:
        return
    explicit = []
    for changes in layers:
        added = [path for what, path in changes if what in {"file", "directory"}]
        above = [change for path in added for change in directories_above(path)]
        explicit.append(parents_first([*above, *changes]))
    place = Path(tempfile.mkdtemp())
    try:
        written(place, *(tuple(map(as_member, changes)) for changes in explicit))
        found = {str(path.relative_to(place)): "directory" if path.is_dir() else "file" for path in place.rglob("*")}
    finally:
        shutil.rmtree(place)
    assert found == want


def directories_above(path: str) -> list[tuple[str, str]]:
    parts = path.split("/")
    return [("directory", "/".join(parts[:count])) for count in range(1, len(parts))]


# The cache


def written_by(cache: RootfsCache, value: Image) -> Path:
    with cache.using(value, print) as place:
        return place


def test_a_root_file_system_is_written_once(tmp_path: Path) -> None:
    value = image(layer([Entry("a", b"1")]))
    (tmp_path / "boot").write_text("12-34\n")
    cache = RootfsCache(tmp_path / "c", as_root=False, boot=tmp_path / "boot")
    first = written_by(cache, value)
    inode = (first / "a").stat().st_ino

    assert written_by(cache, value) == first
    assert (first / "a").stat().st_ino == inode
    assert first.name == f"{chain_id(value).partition(':')[2]}-user-1234"


def test_what_was_written_before_the_machine_was_started_is_written_again(tmp_path: Path) -> None:
    value = image(layer([Entry("a", b"1")]))
    (tmp_path / "boot").write_text("12-34\n")
    first = written_by(RootfsCache(tmp_path / "c", as_root=False, boot=tmp_path / "boot"), value)
    (tmp_path / "boot").write_text("56-78\n")
    second = written_by(RootfsCache(tmp_path / "c", as_root=False, boot=tmp_path / "boot"), value)

    assert not first.exists()
    assert (second / "a").read_bytes() == b"1"


def test_the_chain_id_is_the_specification_s() -> None:
    value = image(layer([Entry("a")]), layer([Entry("b")]), layer([Entry("c")]))
    a, b, c = value.config.rootfs.diff_ids

    assert chain_id(value) == sha256(f"{sha256(f'{a} {b}'.encode())} {c}".encode())
    assert chain_id(image(layer([Entry("a")]))) == a


def test_a_broken_image_leaves_nothing_in_the_cache(tmp_path: Path) -> None:
    good = image(layer([Entry("a", b"1")]))
    blob = good.layers[0]
    spoilt = Image(
        raw=good.raw,
        manifest=good.manifest,
        raw_config=good.raw_config,
        config=good.config,
        layers=(MemoryBlob(descriptor=blob.descriptor, data=content(layer([Entry("a", b"2")])[0])),),
    )
    with pytest.raises(IntegrityError):
        written_by(RootfsCache(tmp_path, as_root=False), spoilt)
    assert not [path.name for path in tmp_path.iterdir() if path.is_dir()]


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".tare-dead/closed").mkdir(parents=True)
    (tmp_path / ".tare-dead/closed/file").write_text("")
    (tmp_path / ".tare-dead/closed").chmod(0)
    written_by(RootfsCache(tmp_path, as_root=False), image(layer([Entry("a", b"1")])))

    assert not (tmp_path / ".tare-dead").exists()


def test_what_was_not_used_for_long_is_pruned(tmp_path: Path) -> None:
    cache = RootfsCache(tmp_path, as_root=False)
    old, new, busy = (image(layer([Entry(name, b"12345")])) for name in ("old", "new", "busy"))
    places = [written_by(cache, value) for value in (old, new, busy)]
    for place in (places[0], places[2]):
        os.utime(f"{place}.used", (1000, 1000))

    with cache.using(busy, print):
        os.utime(f"{places[2]}.used", (1000, 1000))
        assert cache.prune(unused_since=2000) == 5
    assert [place.exists() for place in places] == [False, True, True]
    assert cache.prune(unused_since=2**40) == 10
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_there_may_be_nothing_to_prune(tmp_path: Path) -> None:
    assert RootfsCache(tmp_path / "nothing", as_root=False).prune(unused_since=2**40) == 0
