"""How far a load is: said in a person's words, and asked of nobody once the table is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tare.bench.doctor import used
from tare.bench.postgres import Database
from tare.bench.watching import Loading, watched


def test_the_rows_that_are_there_tell_how_long_the_others_take() -> None:
    loading = Loading(rows=100_000_000)

    assert loading.words("rows 1000000", 10.0) == "1,000,000 of 100,000,000 rows"
    assert loading.words("rows 11000000", 20.0) == "11,000,000 of 100,000,000 rows, about 89 s left"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("index building index: loading tuples in tree", "index: building index: loading tuples in tree"),
        ("analyze", "the table is analysed"),
        ("", ""),
    ],
)
def test_what_else_a_database_does_is_said(said: str, words: str) -> None:
    assert Loading(rows=1).words(said, 0.0) == words


def test_a_table_that_is_there_is_not_watched(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    psql = tmp_path / "psql"
    psql.write_text(f"#!/bin/sh\necho once >>{asked}\necho loaded\n")
    psql.chmod(0o755)
    said: list[str] = []

    with watched(Database("postgresql://", str(psql)), "event", 1, said.append):
        pass
    assert (asked.read_text(), said) == ("once\n", [])


def test_a_database_that_does_not_answer_ends_no_run(tmp_path: Path) -> None:
    psql = tmp_path / "psql"
    psql.write_text("#!/bin/sh\nexit 2\n")
    psql.chmod(0o755)

    with watched(Database("postgresql://", str(psql)), "event", 1, lambda _: None):
        pass


def test_what_a_database_has_already_need_not_be_free(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "1").write_bytes(b"x" * 5_000_000)

    assert 5_000_000 <= used(tmp_path) < 5_100_000
    assert used(tmp_path / "nothing") == 0
