"""What came of `--bytecode`."""

from __future__ import annotations

import msgspec

from tare.flow.build.prepared import ReadyLayer
from tare.projects.bytecode import Wish


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """How long the interpreter and the imports of a project take in a fresh container, measured: medians, in seconds."""

    before: float
    after: float
    runs: int
    engine: str


class Bytecode(msgspec.Struct, frozen=True, kw_only=True):
    """What was compiled for an image, and what was not."""

    wish: Wish
    layer: ReadyLayer | None
    """None where there was nothing to compile."""

    modules: int
    size: int
    """Bytes of their bytecode, uncompressed."""

    there: int
    """Modules that the base has bytecode of."""

    broken: tuple[str, ...]
    """Files that are no Python of the image's series, by their paths."""

    unequal: tuple[str, ...]
    """Modules that were left out since compiling them twice gave two results."""

    beyond: int
    """Modules that the budget had no room for."""

    start: Start
