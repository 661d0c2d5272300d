"""What `docs/bench.md` says is proved by a test: that the test is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOLD = (ROOT / "docs" / "bench.md").read_text("utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TOLD)


def test_all_ten_have_one() -> None:
    rows = re.findall(r"(?m)^\| (\d+)\. .*$", TOLD)

    assert rows == [str(number) for number in range(1, 11)]
    assert len(NAMED) >= 10


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_the_documentation_names_is_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))

    assert name in {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
