"""Where a project's files are to be had, whatever its tool calls that."""

from __future__ import annotations

from pathlib import Path

import pytest
from trees import write

from tare.projects import project
from tare.projects.locks import indexes
from tare.projects.locks.indexes import Index

A, B = "https://a.example/simple", "https://b.example/simple"
NAME = '[project]\nname = "api"\n'


@pytest.mark.parametrize(
    ("files", "path", "expected"),
    [
        ({"requirements.txt": f"-i {A}\n--extra-index-url {B}\n-f wheels\n"}, "", [Index(url=A, default=True), Index(url=B), Index(url="wheels", is_page=True)]),
        (
            {"pyproject.toml": f'{NAME}[[tool.uv.index]]\nname = "a"\nurl = "{A}"\ndefault = true\n'},
            "",
            [Index(url=A, name="a", default=True)],
        ),
        (
            {"uv.lock": "", "pyproject.toml": f'{NAME}[[tool.uv.index]]\nurl = "{A}"\nformat = "flat"\n'},
            "",
            [Index(url=A, is_page=True)],
        ),
        (
            {"poetry.lock": "", "pyproject.toml": f'[[tool.poetry.source]]\nname = "a"\nurl = "{A}"\n'},
            "",
            [Index(url=A, name="a", default=True)],
        ),
        (
            {"pdm.lock": "", "pyproject.toml": f'[[tool.pdm.source]]\nname = "a"\nurl = "{A}"\n'},
            "",
            [Index(url=A, name="a")],
        ),
        (
            {"Pipfile.lock": f'{{"_meta": {{"sources": [{{"name": "a", "url": "{A}"}}]}}}}'},
            "",
            [Index(url=A, name="a", default=True)],
        ),
        (
            {"job.py": f'# /// script\n# [[tool.uv.index]]\n# url = "{A}"\n# ///\n'},
            "job.py",
            [Index(url=A)],
        ),
        ({"main.py": ""}, "", []),
    ],
)  # fmt: skip
def test_every_tool_has_its_own_words_for_it(
    tmp_path: Path, files: dict[str, str], path: str, expected: list[Index]
) -> None:
    root = write(tmp_path, files)

    assert list(indexes.of_project(project.read(root / path), {})) == expected


def test_credentials_are_not_shown() -> None:
    assert repr(Index(url="https://me:pw@a.example/simple")) == "Index(name=None, url='https://a.example/simple')"
