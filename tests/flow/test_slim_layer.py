"""A layer written again without some of its files: what stays is the same to the byte."""

from __future__ import annotations

import io
import tarfile

from tare.flow.slim.layer import Change, rewritten
from tare.flow.slim.whiteouts import idle_whiteouts
from tare.oci.tar import TarReader
from tare.wheels.strip import Cut


def archive(*members: tuple[str, bytes | str]) -> bytes:
    """Return a tar of files, and of hard links where the content is a text."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.mtime, info.uid, info.mode = 1_700_000_000, 1234, 0o640
            info.pax_headers = {"SCHILY.xattr.user.note": "kept"}
            if isinstance(content, str):
                info.type, info.linkname = tarfile.LNKTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def listing(data: bytes) -> list[tuple[str, bytes, int, int, int, dict[str, str]]]:
    reader = TarReader(io.BytesIO(data), what="a layer")
    return [(entry.path, reader.read(), entry.mtime, entry.uid, entry.mode, entry.xattrs) for entry in reader]


def test_what_stays_keeps_its_header_and_its_content() -> None:
    before = archive(("a", b"1" * 700), ("b", b"2"), ("c", b"3" * 512))
    after = b"".join(rewritten(io.BytesIO(before), {1: None}, what="a layer"))

    assert listing(after) == [each for each in listing(before) if each[0] != "b"]


def test_a_hard_link_goes_with_its_file() -> None:
    before = archive(("a", b"1"), ("link", "a"), ("b", b"2"))
    after = b"".join(rewritten(io.BytesIO(before), {0: None}, what="a layer"))

    assert [each[0] for each in listing(after)] == ["b"]


def test_whiteouts_are_not_counted_as_files() -> None:
    before = archive(("d/.wh.x", b""), ("a", b"1"), ("b", b"2"))
    after = b"".join(rewritten(io.BytesIO(before), {0: None}, what="a layer"))

    assert [each[0] for each in listing(after)] == ["d/.wh.x", "b"]


def test_a_changed_file_has_its_new_size() -> None:
    before = archive(("a", b"0123456789"), ("b", b"x" * 600), ("c", b"3"))
    changes: dict[int, Change] = {0: Cut(head=b"A", keep=4, tail=b"Z"), 1: b"RECORD"}
    after = b"".join(rewritten(io.BytesIO(before), changes, what="a layer"))

    assert [(each[0], each[1]) for each in listing(after)] == [("a", b"A123Z"), ("b", b"RECORD"), ("c", b"3")]
    assert [each[2:] for each in listing(after)] == [each[2:] for each in listing(before)]


def test_a_size_in_a_pax_header_is_changed_with_the_field() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, size in (("a", 700), ("b", 3)):
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = size, {"comment": "x", "size": str(size)}
            tar.addfile(info, io.BytesIO(b"1" * size))
    after = b"".join(rewritten(io.BytesIO(out.getvalue()), {0: b"short"}, what="a layer"))

    assert [each[:2] for each in listing(after)] == [("a", b"short"), ("b", b"111")]


def test_nothing_changed_is_the_same_archive_up_to_its_end() -> None:
    before = archive(("a", b"1" * 700), ("link", "a"))
    after = b"".join(rewritten(io.BytesIO(before), {}, what="a layer"))

    assert before.startswith(after[:-1024])
    assert after[-1024:] == bytes(1024)


def test_whiteouts_that_hide_nothing_any_more_go() -> None:
    before = archive(("d/.wh.x", b""), ("d/.wh.y", b""), ("a", b"1"))
    after = b"".join(rewritten(io.BytesIO(before), {}, what="a layer", without=frozenset({"d/.wh.x"})))

    assert [each[0] for each in listing(after)] == ["d/.wh.y", "a"]


def test_a_whiteout_stays_while_anything_of_its_name_is_below() -> None:
    def files(*paths: str) -> list[tuple[str, str, str]]:
        return [(path, "file", "") for path in paths]

    layers = [
        [*files("x", "y", "d/e/f", "w", "w"), ("dir", "directory", ""), ("l", "symlink", "d"), ("u", "hardlink", "x")],
        files(".wh.x", ".wh.y", ".wh.d", "./.wh.dir", "l/.wh.z", "./.wh.u", ".wh.w"),
        files("o/.wh..wh..opq", "o/new", "d/.wh..wh..opq", ".wh.never"),
    ]

    assert idle_whiteouts(layers, {0: {0, 3}}) == {
        1: frozenset({".wh.x", "./.wh.u"}),
        2: frozenset({"o/.wh..wh..opq", ".wh.never"}),
    }
