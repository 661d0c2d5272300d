"""The words of reports, by language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from tare.errors import UsageError


class Words:
    """The words of one language: `words("image")`, `words("smaller", by=3)`."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = texts

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text of *key* with *values* put in."""
        return self._texts[key].format(**values)

    def kind(self, name: str) -> str:
        """Return what a kind of step is called, or the kind itself if it is none of ours."""
        return self._texts.get(f"kind_{name}", name)

    def kinds(self) -> tuple[str, ...]:
        """Return what all kinds of steps are called, in the order in which a build has them."""
        return tuple(text for key, text in self._texts.items() if key.startswith("kind_"))


def words(language: str) -> Words:
    """Return the words of *language*, or raise `UsageError` that names those there are."""
    table = catalogue()
    languages = sorted({each for texts in table.values() for each in texts})
    if language not in languages:
        raise UsageError(f"there are no words for the language `{language}`", hints=(f"There are {_list(languages)}",))
    return Words(language, {key: texts[language] for key, texts in table.items()})


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return every text by key, then by language."""
    return tomllib.loads(files("tare.report.page").joinpath("words.toml").read_text(encoding="utf-8"))


def _list(names: list[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)
