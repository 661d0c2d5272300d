"""`.python-version`: the interpreters that a project is worked on with, as pyenv and uv read the file."""

from __future__ import annotations

import re

FILE = ".python-version"

_line = re.compile(r"(?:(?:cpython|python)[-@]?)?(?P<major>\d+)\.(?P<minor>\d+)(?:\.\d+)?(?:-\S*)?", re.IGNORECASE)


def named_series(text: str) -> tuple[tuple[int, int], ...]:
    r"""Return the series of CPython that *text* names, first the one that is taken; other interpreters are passed over.

    >>> named_series("# of pyenv\ncpython-3.12.7\npypy3.11\n3.11\n")
    ((3, 12), (3, 11))
    """
    words = (line.partition("#")[0].strip() for line in text.splitlines())
    matches = (_line.fullmatch(word) for word in words)
    return tuple((int(match["major"]), int(match["minor"])) for match in matches if match)
