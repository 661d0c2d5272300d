"""`tare weigh --interactive`: the terminal is handed to the explorer, where the extra `tui` is installed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tare.errors import MachineError, UsageError

if TYPE_CHECKING:
    from tare.flow.images.weigh import Opened
    from tare.measure.weighed import Weighed


def check(name: str) -> None:
    """Raise unless there is a terminal, and what draws in it: before minutes go into reading layers."""
    try:
        import textual  # noqa: F401  # whether it is there
    except ImportError:
        raise MachineError(
            f"cannot explore `{name}` in the terminal",
            causes=("the library `textual` is not installed",),
            hints=("Install it with `pip install 'pytare[tui]'`",),
        ) from None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("`--interactive` needs a terminal", hints=("Leave it out, or use `--json`",))


def explore(opened: Opened, weighed: Weighed, *, name: str) -> None:
    """Show what was weighed until the person leaves."""
    from tare.cli.explorer import Explorer

    Explorer(opened.contents, weighed, name).run()
