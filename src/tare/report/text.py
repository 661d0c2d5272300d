"""Small things that people read: sizes, durations, tables."""

from __future__ import annotations

from collections.abc import Sequence


def megabytes(size: int) -> str:
    """Return a size in decimal units, as Docker and disks count.

    >>> megabytes(52_338_558)
    '52.3 MB'
    >>> megabytes(812)
    '812 B'
    """
    if size < 1000:
        return f"{size} B"
    if size < 1_000_000:
        return f"{size / 1000:.1f} kB"
    if size < 1_000_000_000:
        return f"{size / 1_000_000:.1f} MB"
    return f"{size / 1_000_000_000:.2f} GB"


def known_size(size: int | None) -> str:
    """Return a size as `megabytes` does, and `?` for one that nobody knows."""
    return "?" if size is None else megabytes(size)


def counted(number: int, noun: str) -> str:
    """Return how many there are of something.

    >>> counted(1, "library"), counted(2, "library"), counted(3, "base")
    ('1 library', '2 libraries', '3 bases')
    """
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def duration(seconds: float) -> str:
    """Return a length of time, as short as it is still true.

    >>> duration(0.0624)
    '62 ms'
    >>> duration(75)
    '1 min 15 s'
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def age(seconds: float) -> str:
    """Return how long ago something was, in one unit.

    >>> age(3 * 86400)
    '3 days ago'
    """
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def table(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> str:
    """Return *rows* with aligned columns; those in *right* are aligned to the right.

    >>> print(table([("a", "10"), ("bb", "9")], right=frozenset({1})))
    a   10
    bb   9
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def printable(text: str) -> str:
    r"""Return *text* that somebody else wrote on one line, without what would move a terminal's cursor.

    >>> printable("RUN echo \x1b[2J\n  done")
    'RUN echo ?[2J done'
    """
    return "".join(each if each.isprintable() else "?" for each in " ".join(text.split()))


def shortened(text: str, width: int) -> str:
    """Return *text* in at most *width* characters.

    >>> shortened("manylinux", 5)
    'many…'
    """
    return text if len(text) <= width else f"{text[: width - 1]}…"
