"""What tests of hostile wheels share: a sound one to spoil, and a case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from make.errors import told
from make.layers import transmuxed
from make.wheels import DIST_INFO, FILENAME, make_wheel, open_bytes
from make.zips import Entry
from tare.errors import HostileInputError, TareError

MODULE = "sample/__init__.py"
CODE = b"VALUE = 1\n"
FILES: dict[str, bytes | Entry] = {MODULE: CODE, "sample/data.bin": bytes(range(256)) * 4}
RECORD = f"{DIST_INFO}/RECORD"
POINTS = f"{DIST_INFO}/entry_points.txt"
REFUSED = f"refusing `{FILENAME}`"


class Case(NamedTuple):
    """A wheel and all that is said of it."""

    title: str
    make: Callable[[], bytes]
    causes: tuple[str, ...]
    kind: type[TareError] = HostileInputError
    message: str = REFUSED


def wheel(files: dict[str, bytes | Entry] | None = None, **changes: Any) -> bytes:  # make_wheel's own
    return make_wheel({**FILES, **(files or {})}, **changes)


def module(**fields: Any) -> bytes:  # Entry's own
    """Return a wheel whose first module has these fields."""
    return wheel({MODULE: Entry(name=MODULE, **{"data": CODE, **fields})})


def named(title: str, name: str | bytes, cause: str, **fields: Any) -> Case:  # Entry's own
    return Case(title, lambda: wheel({"evil": Entry(name=name, data=b"evil", **fields)}), (cause,))


def check(case: Case) -> None:
    """Take the wheel all the way into a layer, and compare all that is said about what stopped it."""
    with pytest.raises(TareError) as caught:
        transmuxed(open_bytes(case.make()))
    assert told(caught.value) == (case.kind, case.message, case.causes, ())
