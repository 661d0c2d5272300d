"""Layers that want out of their root: none of them touches anything outside.

The families are those of containerd's, moby's and umoci's tests and of the advisories since 2014: links of both kinds,
absolute and climbing names, whiteouts of what is not theirs, directories that turn into links while they are written to.
The cases are made here, by generators.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from make.errors import told
from make.images import MemberOfTar, image, member, raw_layer, snapshot, tar_of

from tare.engines.rootfs import write_rootfs
from tare.errors import HostileInputError, IntegrityError, TareError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="root file systems are written on POSIX systems only")

DIRECTORY, LINK, HARD = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE

Members = tuple[MemberOfTar, ...]
Tree = dict[str, str]


class Case(NamedTuple):
    """Layers, and what becomes of them: all that is in the root afterwards, or why they are refused."""

    title: str
    layers: Callable[[str], tuple[Members, ...]]
    """Gets the absolute path of the directory outside."""

    outcome: Tree | str


def folder(name: str, mode: int = 0o755) -> MemberOfTar:
    return member(name, kind=DIRECTORY, mode=mode)


def link(name: str, target: str) -> MemberOfTar:
    return member(name, kind=LINK, linkname=target)


def hard(name: str, target: str, mode: int = 0o644) -> MemberOfTar:
    return member(name, kind=HARD, linkname=target, mode=mode)


def evil(name: str, mode: int = 0o644, uid: int = 0) -> MemberOfTar:
    return member(name, b"evil", mode=mode, uid=uid)


def one(title: str, outcome: Tree | str, *members: MemberOfTar) -> Case:
    return Case(title, lambda _: (members,), outcome)


def two(title: str, outcome: Tree | str, below: Members, above: Members) -> Case:
    return Case(title, lambda _: (below, above), outcome)


DOTS = "its path has `..`"
NOT_A_FILE = "it is a link to `{}`, which is not a file of the image"

CASES = [
    # Names that climb
    one("a name above the root", DOTS, evil("../victim")),
    one("a name far above the root", DOTS, evil("../../../../../../victim")),
    one("a name that climbs from a directory", DOTS, folder("a"), evil("a/../../victim")),
    one("a name that climbs and stays inside", DOTS, folder("a"), evil("a/../b")),
    one("a name that ends above", DOTS, folder("a/..")),
    one("a climbing directory", DOTS, folder("../outside/new")),
    one("a climbing link", DOTS, link("../link", "/")),
    one("an absolute name is taken from the root", {"victim": "evil"}, evil("/victim")),
    one("an absolute name with many slashes", {"etc": "dir", "etc/passwd": "evil"}, evil("///etc//./passwd")),
    Case("the outside's own absolute name", lambda out: ((evil(f"{out}/victim"),),), "contained"),
    # The root itself
    one("the root as a link", "the root is not a directory", link("/.", "../outside")),
    one("the root as a link by another name", "the root is not a directory", link("/./.", "../outside")),
    one("the root as a file", "the root is not a directory", evil("//.")),
    one("a hard link to the root", "it is a link to the root", hard("a", "/")),
    one("the root as a hard link", "the root is not a directory", hard("/.", "a")),
    # Symbolic links, written through
    one("a file through a relative link", {"outside": "dir", "outside/victim": "evil", "a": "-> ../outside"},
        link("a", "../outside"), evil("outside/victim"), evil("a/victim")),
    Case("a file through an absolute link", lambda out: ((link("a", out), evil("a/victim")),), "contained"),
    Case("a file through two links", lambda out: ((link("a", "b"), link("b", out), evil("a/victim")),), "contained"),
    one("a file through a link to the root's parent", {"a": "-> ..", "victim": "evil"}, link("a", ".."), evil("a/victim")),
    one("a file through a deep climbing link", {"a": "dir", "a/b": "-> ../../../../..", "victim": "evil"},
        folder("a"), link("a/b", "../../../../.."), evil("a/b/victim")),
    Case("a file through a link with a trailing slash", lambda out: ((link("a", f"{out}/"), evil("a/victim")),), "contained"),
    one("a file through an empty component", {"a": "-> ..//.", "victim": "evil"}, link("a", "..//."), evil("a/victim")),
    one("a file in the place of a link", {"a": "evil"}, link("a", "../outside/victim"), evil("a")),
    one("a directory in the place of a link", {"a": "dir", "a/victim": "evil"},
        link("a", "../outside"), folder("a"), evil("a/victim")),
    one("a link in the place of a link", {"a": "-> /etc", "etc": "dir", "etc/victim": "evil"},
        link("a", "../outside"), link("a", "/etc"), evil("a/victim")),
    one("a link in a circle", "its symbolic links lead in a circle", link("a", "b"), link("b", "a"), evil("a/victim")),
    one("a link to itself", "its symbolic links lead in a circle", link("a", "a"), evil("a/victim")),
    one("links that double", "its symbolic links lead in a circle",
        *(link(f"l{n}", f"l{n + 1}/l{n + 1}") for n in range(30)), link("l30", "."), evil("l0/victim")),
    two("a directory turns into a link between layers", {"a": "-> ../outside", "outside": "dir", "outside/new": "evil"},
        (folder("a"), evil("a/old")), (link("a", "../outside"), evil("a/new"))),
    one("a directory turns into a link within a layer", {"a": "-> ../outside", "outside": "dir", "outside/new": "evil"},
        folder("a"), evil("a/old"), link("a", "../outside"), evil("a/new")),
    one("a directory above turns into a link", {"a": "-> ../outside", "outside": "dir", "outside/b": "dir", "outside/b/new": "evil"},
        folder("a/b"), evil("a/b/old"), link("a", "../outside"), evil("a/b/new")),
    two("a link of a lower layer is written through", {"a": "-> /etc", "etc": "dir", "etc/victim": "evil"},
        (folder("etc"), link("a", "/etc")), (evil("a/victim"),)),
    one("a file is no directory", "Not a directory", evil("a"), evil("a/b")),
    # Hard links
    one("a hard link above the root", DOTS, hard("a", "../outside/victim")),
    Case("a hard link to an absolute name", lambda out: ((hard("a", f"{out}/victim"),),), "No such file or directory"),
    Case("a hard link through a link", lambda out: ((link("a", out), hard("b", "a/victim")),), "No such file or directory"),
    one("a hard link through a climbing link", "No such file or directory",
        folder("d"), link("d/a", "../../outside"), hard("b", "d/a/victim")),
    Case("a hard link to a link is that link", lambda out: ((link("a", f"{out}/victim"), hard("b", "a"), evil("b")),), {
        "a": "-> {}/victim", "b": "evil"}),
    one("a hard link to a directory", NOT_A_FILE.format("a"), folder("a"), hard("b", "a")),
    one("a hard link to nothing", NOT_A_FILE.format("nothing"), hard("a", "nothing")),
    one("a hard link to itself", NOT_A_FILE.format("a"), evil("a"), hard("a", "a")),
    Case("a hard link cannot change a mode outside",
         lambda out: ((link("a", f"{out}/victim"), hard("b", "a", mode=0o777)),),
         {"a": "-> {}/victim", "b": "-> {}/victim"}),
    # Whiteouts
    one("a whiteout of the directory above", "it is a whiteout of nothing, or of a directory above", member(".wh...")),
    one("a whiteout of this directory", "it is a whiteout of nothing, or of a directory above", member("a/.wh..")),
    one("a whiteout of nothing", "it is a whiteout of nothing, or of a directory above", member(".wh.")),
    one("a whiteout that climbs", DOTS, member("../outside/.wh.victim")),
    two("a whiteout through an absolute link", {"a": "-> /outside"}, (link("a", "/outside"),), (member("a/.wh.victim"),)),
    two("a whiteout through a climbing link", {"a": "-> ../outside"}, (link("a", "../outside"),), (member("a/.wh.victim"),)),
    Case("a whiteout through the outside's own name",
         lambda out: ((link("a", out),), (member("a/.wh.victim"),)), {"a": "-> {}"}),
    two("an opaque whiteout through a link", {"a": "-> ../outside"}, (link("a", "../outside"),), (member("a/.wh..wh..opq"),)),
    two("a whiteout of a link removes the link alone", {"etc": "dir", "etc/kept": "evil"},
        (folder("etc"), evil("etc/kept"), link("a", "etc")), (member(".wh.a"),)),
    two("a whiteout of a directory does not follow what is in it", {},
        (folder("a"), link("a/b", "../../outside")), (member(".wh.a"),)),
    two("a whiteout of what is not there", {"a": "evil"}, (evil("a"),), (member("b/c/.wh.d"), member(".wh.e"))),
    two("an opaque whiteout of the root", {"new": "evil"}, (evil("old"), folder("d"), evil("d/old")),
        (member(".wh..wh..opq"), evil("new"))),
    one("names of AUFS are no whiteouts", {"a": "evil"}, evil("a"), member(".wh..wh.plnk", kind=DIRECTORY), member(".wh..wh.aufs")),
    # What must not be made
    one("a character device", {"dev": "dir"}, folder("dev"), member("dev/mem", kind=tarfile.CHRTYPE, devmajor=1, devminor=1)),
    one("a block device in the place of a file", {}, evil("sda"), member("sda", kind=tarfile.BLKTYPE, devmajor=8)),
    one("set-user-ID and its like", {"su": "evil"}, evil("su", mode=0o6755)),
    one("a directory that gives its group away", {"d": "dir"}, folder("d", mode=0o2777)),
    # What is too much
    one("a tower of directories", "more than 200 directories lie in each other", evil("d/" * 300 + "x")),
    one("a tower built through a link", "more than 200 directories lie in each other",
        folder("d/" * 150), link("top", "d/" * 150), evil("top/" + "e/" * 100 + "x")),
    one("a name that is too long", "File name too long", evil("a" * 256)),
    one("an owner that is none", "its owner 4294967295:0 is no number of a user", evil("a", uid=2**32 - 1)),
]  # fmt: skip


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory beside the root with what a layer would like to change."""
    place = tmp_path / "outside"
    (place / "sub").mkdir(parents=True)
    (place / "victim").write_text("innocent")
    (place / "sub" / "deep").write_text("innocent")
    (tmp_path / "victim").write_text("innocent")
    return place


def write(layers: tuple[Members, ...], root: Path) -> list[str]:
    """Write the layers to *root* and return what was noted."""
    root.mkdir()
    notes: list[str] = []
    value = image(*(raw_layer(tar_of(*members)) for members in layers))
    write_rootfs(value, root, as_root=os.geteuid() == 0, note=notes.append)
    return notes


def tree(root: Path) -> Tree:
    """Return what is in *root*, as the cases spell it."""
    found = {}
    for parent, directories, names in os.walk(root):
        for name in (*directories, *names):
            path = Path(parent, name)
            kind = stat.S_IFMT(path.lstat().st_mode)
            assert kind in {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}
            assert not path.lstat().st_mode & 0o6000
            what = f"-> {os.readlink(path)}" if path.is_symlink() else "dir" if path.is_dir() else path.read_text()
            found[str(path.relative_to(root))] = what
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_nothing_outside_of_the_root_is_touched(tmp_path: Path, outside: Path, case: Case) -> None:
    if "owner" in case.title and os.geteuid() != 0:
        pytest.skip("only root gives files to others")
    root = tmp_path / "rootfs"
    before = {name: what for name, what in snapshot(tmp_path).items() if not name.startswith("rootfs")}
    layers = case.layers(str(outside))
    if isinstance(case.outcome, dict):
        write(layers, root)
        assert tree(root) == {path: what.replace("{}", str(outside)) for path, what in case.outcome.items()}
    elif case.outcome == "contained":
        write(layers, root)
        assert tree(root)[str((outside / "victim").relative_to("/"))] == "evil"
    else:
        with pytest.raises(TareError) as caught:
            write(layers, root)
        kind, message, causes, hints = told(caught.value)
        assert (kind, message, hints) == (HostileInputError, f"layer {len(layers)} of the image cannot be unpacked", ())
        assert len(causes) == 1
        assert causes[0].endswith(f"`: {case.outcome}")

    after = {name: what for name, what in snapshot(tmp_path).items() if not name.startswith("rootfs")}
    assert after == before


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 34
    assert len({case.title for case in CASES}) == len(CASES)


def test_what_was_left_out_is_noted(tmp_path: Path) -> None:
    nodes = tuple(member(f"dev/{name}", kind=tarfile.CHRTYPE) for name in ("a", "b", "c", "d"))

    assert write((nodes,), tmp_path / "rootfs") == [
        "4 device nodes of the image were left out: `/dev/a`, `/dev/b`, `/dev/c`"
    ]


def test_a_layer_that_is_not_its_diff_id_is_refused(tmp_path: Path) -> None:
    (blob, right), (_, wrong) = raw_layer(tar_of(evil("a"))), raw_layer(tar_of(evil("b")))
    (tmp_path / "rootfs").mkdir()
    with pytest.raises(IntegrityError) as caught:
        write_rootfs(image((blob, wrong)), tmp_path / "rootfs", as_root=False, note=print)

    assert told(caught.value) == (
        IntegrityError,
        "layer 1 of the image is damaged",
        (f"expected diff ID {wrong}, got {right}",),
        (),
    )


def test_a_layer_with_content_after_its_end_is_refused(tmp_path: Path) -> None:
    data = tar_of(evil("a")) + tar_of(evil("b"))
    (tmp_path / "rootfs").mkdir()
    with pytest.raises(HostileInputError, match="has data after its end"):
        write_rootfs(image(raw_layer(data)), tmp_path / "rootfs", as_root=False, note=print)
