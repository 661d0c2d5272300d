"""The tree: where paths are, what two packages may share, and the archive that comes of it."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from tare.bases.debian.assemble import write_layer
from tare.bases.debian.tree import Tree
from tare.errors import HostileInputError, TargetError


@pytest.fixture
def tree() -> Tree:
    return Tree(io.BytesIO())


def listing(tree: Tree) -> list[str]:
    """Return what `tar -t` would show of the layer."""
    out = io.BytesIO()
    write_layer(tree, out, mtime=0)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(out.getvalue()))) as archive:
        return [
            f"{info.mode:o} {info.uid} {info.name}" + (f" -> {info.linkname}" if info.linkname else "")
            for info in archive
        ]


def test_files_are_sorted_and_have_their_directories(tree: Tree) -> None:
    tree.file("usr/lib/z", [b"z"])
    tree.file("usr-b", [b"b"])
    tree.file("usr/bin/a", [b"a", b"a"], mode=0o755)

    assert listing(tree) == [
        "755 0 usr",
        "644 0 usr-b",
        "755 0 usr/bin",
        "755 0 usr/bin/a",
        "755 0 usr/lib",
        "644 0 usr/lib/z",
    ]


def test_the_top_directories_are_those_in_usr(tree: Tree) -> None:
    tree.file("lib/x86_64-linux-gnu/libc.so.6", [b"libc"])
    tree.directory("bin")
    tree.symlink("lib64/ld.so", "../lib/x86_64-linux-gnu/ld.so")

    assert [path for path, _ in tree] == ["usr/bin", "usr/lib/x86_64-linux-gnu/libc.so.6", "usr/lib64/ld.so"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/run", "run/lock"),
        ("../run", "run/lock"),
        ("../../../run", "run/lock"),
        ("/lib/x", "usr/lib/x/lock"),
        ("./spool/./", "var/spool/lock"),
    ],
)
def test_a_link_to_a_directory_is_followed_within_the_tree(tree: Tree, target: str, expected: str) -> None:
    tree.directory("var")
    tree.symlink("var/run", target)

    assert tree.file("var/run/lock", [b""]) == expected


@pytest.mark.parametrize("path", ["../etc/passwd", "a/../b", "/etc/passwd", "a//b", "./a", "a/", "a\0b", "..", "."])
def test_a_path_that_leaves_the_tree_is_refused(tree: Tree, path: str) -> None:
    with pytest.raises(HostileInputError):
        tree.file(path, [b""])


def test_links_in_a_circle_are_refused(tree: Tree) -> None:
    tree.symlink("a", "b")
    tree.symlink("b", "a")

    with pytest.raises(HostileInputError, match="which is no directory"):
        tree.file("a/x", [b""])


def test_nothing_lies_below_a_file(tree: Tree) -> None:
    tree.file("a", [b""])

    with pytest.raises(HostileInputError, match="`a/x` lies below `a`, which is no directory"):
        tree.file("a/x", [b""])
    with pytest.raises(HostileInputError):
        tree.directory("a")


def test_a_directory_that_is_a_link_stays_one_and_the_reverse(tree: Tree) -> None:
    tree.directory("usr/share/doc/a")
    tree.symlink("usr/share/doc/b", "a")

    tree.directory("usr/share/doc/b")
    tree.symlink("usr/share/doc/a", "elsewhere")

    assert [(path, node.kind) for path, node in tree] == [
        ("usr/share/doc/a", "directory"),
        ("usr/share/doc/b", "symlink"),
    ]


def test_two_packages_may_share_what_is_equal(tree: Tree) -> None:
    tree.file("a", [b"same"], owner="one")
    tree.file("a", [b"sa", b"me"], owner="two")
    tree.symlink("b", "a", owner="one")
    tree.symlink("b", "a", owner="two")

    assert {path: node.owner for path, node in tree} == {"a": "one", "b": "one"}


@pytest.mark.parametrize("second", [b"other", b"SAME"])
def test_two_packages_with_one_file_are_an_error(tree: Tree, second: bytes) -> None:
    tree.file("a", [b"same"], owner="one")

    with pytest.raises(TargetError) as caught:
        tree.file("a", [second], owner="two")
    assert caught.value.message == "`one` and `two` both have the file `/a`"


def test_a_package_may_replace_files_of_another(tree: Tree) -> None:
    tree.file("a", [b"old"], owner="one")
    tree.file("a", [b"new"], owner="two", replaces=("one",))

    node = tree.get("a")
    assert node is not None
    assert tree.read(node) == b"new"


def test_set_user_id_is_dropped_and_sticky_stays(tree: Tree) -> None:
    tree.file("su", [b""], mode=0o6755)
    tree.directory("tmp", mode=0o1777)
    tree.directory("mail", mode=0o2775)

    assert listing(tree) == ["775 0 mail", "755 0 su", "1777 0 tmp"]


def test_owners_are_root_but_where_it_matters(tree: Tree) -> None:
    tree.directory("home/me", mode=0o700, uid=65532, gid=65532)

    assert listing(tree) == ["755 0 home", "700 65532 home/me"]


def test_hard_links_come_after_the_first_of_their_names(tree: Tree) -> None:
    tree.file("z", [b"content"])
    tree.hard_link("a", "z")
    tree.file("empty1", [])
    tree.file("empty2", [])

    assert listing(tree) == ["644 0 a", "644 0 empty1", "644 0 empty2", "644 0 z -> a"]
    out = io.BytesIO()
    assert write_layer(tree, out, mtime=0).unpacked == 7


def test_a_hard_link_needs_its_file(tree: Tree) -> None:
    tree.directory("d")

    for target in ("gone", "d", "../d"):
        with pytest.raises(HostileInputError):
            tree.hard_link("a", target)


def test_directories_that_omissions_emptied_go(tree: Tree) -> None:
    tree.directory("usr/share/man/man1")
    tree.directory("var/empty")
    tree.file("usr/share/man/man1/a.1", [b""])
    tree.file("usr/share/other", [b""])

    tree.remove("usr/share/man/man1/a.1")
    tree.prune()

    assert [path for path, _ in tree] == ["usr/share/other", "var/empty"]


def test_equal_trees_give_equal_bytes_however_they_grew() -> None:
    layers = []
    for order in (("a/1", "b/2", "c"), ("c", "b/2", "a/1")):
        tree, out = Tree(io.BytesIO()), io.BytesIO()
        for path in order:
            tree.file(path, [path.encode()])
        layers.append((write_layer(tree, out, mtime=5), out.getvalue()))

    assert layers[0] == layers[1]


def test_a_large_file_is_written_in_pieces_and_whole(tree: Tree) -> None:
    content = bytes(range(256)) * 20_000
    tree.file("big", (content[at : at + 1000] for at in range(0, len(content), 1000)))

    out = io.BytesIO()
    write_layer(tree, out, mtime=0)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(out.getvalue()))) as archive:
        member = archive.extractfile("big")
        assert member is not None
        assert member.read() == content
