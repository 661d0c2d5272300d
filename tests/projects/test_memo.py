"""What is remembered is whole, or it is not remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tare.projects import memo

PARTS = st.lists(st.one_of(st.binary(max_size=4), st.text(max_size=4)), max_size=4)


def as_bytes(parts: list[bytes | str]) -> list[bytes]:
    return [part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part for part in parts]


@given(PARTS, PARTS)
def test_two_lists_of_parts_have_one_key_only_when_they_are_equal(
    first: list[bytes | str], second: list[bytes | str]
) -> None:
    assert (memo.key("a", first) == memo.key("a", second)) == (as_bytes(first) == as_bytes(second))


def test_the_kind_is_a_part_of_the_key() -> None:
    assert memo.key("a", ("b",)) != memo.key("b", ("a",))


def test_what_is_kept_is_recalled(tmp_path: Path) -> None:
    directory = str(tmp_path / "deep" / "memo")

    assert memo.recall(directory, "x") is None
    memo.keep(directory, "x", b"data")
    assert memo.recall(directory, "x") == b"data"
    assert [path.name for path in Path(directory).iterdir()] == ["x"]


@pytest.mark.parametrize("damage", [b"", b"short", bytes(32) + b"other"])
def test_what_is_damaged_is_forgotten(tmp_path: Path, damage: bytes) -> None:
    memo.keep(str(tmp_path), "x", b"data")
    (tmp_path / "x").write_bytes(damage)

    assert memo.recall(str(tmp_path), "x") is None
    assert memo.remembered(str(tmp_path), "x", lambda: b"new") == b"new"
    assert memo.recall(str(tmp_path), "x") == b"new"


def test_a_memo_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    assert memo.remembered(str(tmp_path / "file"), "x", lambda: b"data") == b"data"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_without_a_directory_nothing_is_kept() -> None:
    assert [memo.remembered(None, "x", lambda: b"1"), memo.remembered(None, "x", lambda: b"2")] == [b"1", b"2"]


def test_what_fails_is_not_kept(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise LookupError

    with pytest.raises(LookupError):
        memo.remembered(str(tmp_path), "x", fail)

    assert list(tmp_path.iterdir()) == []
