"""How much bytecode an image is to have, as people write it."""

from __future__ import annotations

from typing import Final, Literal

Wish = Literal["none", "auto", "all"] | int
"""`none`, what the start needs, everything; or what the start needs within a number of bytes."""

EXPECTED: Final = "`none`, `auto`, `all`, or a limit such as `budget:20MB`"


def read(text: object) -> Wish | None:
    """Return what *text* wishes, or None if it is not understood.

    >>> read("budget:20MB")
    20000000
    """
    if text == "none" or text == "auto" or text == "all":  # noqa: PLR1714  # so that the type is narrowed
        return text
    if not isinstance(text, str) or not text.startswith("budget:"):
        return None
    from tare.projects.sizes import size

    return size(text.removeprefix("budget:")) or None


def told(wish: Wish) -> str:
    """Return a wish as it is written.

    >>> told(20_000_000)
    'budget:20000000'
    """
    return f"budget:{wish}" if isinstance(wish, int) else wish
