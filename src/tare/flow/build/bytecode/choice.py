"""Which modules an image has bytecode of when there is room for some."""

from __future__ import annotations

from collections.abc import Sequence

from tare.flow.build.bytecode.work import Module


def within(modules: Sequence[Module], budget: int) -> tuple[Module, ...]:
    """Return the *modules* that save most for their bytes, and weigh no more than *budget* together; sorted by path.

    They are taken in the order of what one byte saves. What it saves is counted and not timed, so that the same image
    always gets the same modules.
    """
    order = sorted(modules, key=lambda each: (-each.weight / len(each.data), each.path))
    left = budget
    taken = []
    for module in order:
        if len(module.data) <= left:
            left -= len(module.data)
            taken.append(module)
    return tuple(sorted(taken, key=lambda each: each.path))
