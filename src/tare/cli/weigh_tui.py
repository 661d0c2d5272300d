"""`tare weigh --interactive`: the terminal is handed to the explorer, where the extra `tui` is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tare.errors import MachineError

if TYPE_CHECKING:
    from tare.flow.weigh import Opened
    from tare.measure.weighed import Weighed


def explore(opened: Opened, weighed: Weighed, *, name: str) -> None:
    """Show what was weighed until the person leaves."""
    del opened, weighed
    raise MachineError(
        f"cannot explore `{name}` in the terminal",
        causes=("the library `textual` is not installed",),
        hints=("Install it with `pip install 'pytare[tui]'`",),
    )
