"""Whether a program or library converts characters with the C library, which then loads a module for each encoding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MAGIC: Final = b"\x7fELF"
NAME: Final = b"iconv_open\0"
"""The end of a name in a table of strings: linkers let `iconv_open` be the end of `g_iconv_open`, as in GLib."""


def uses_iconv(data: bytes) -> bool:
    r"""Whether the ELF file *data* names the C library's conversion of characters.

    >>> uses_iconv(b"\x7fELF...\0g_iconv_open\0"), uses_iconv(b"#!/bin/sh iconv_open\0")
    (True, False)
    """
    return data.startswith(MAGIC) and NAME in data


def found_in(pieces: Iterable[bytes], text: bytes = NAME) -> bool:
    r"""Whether *text* is in what *pieces* are together, which is never held as a whole.

    >>> found_in([b"a g_iconv", b"_op", b"en\0 b"]), found_in([b"iconv_", b"close"])
    (True, False)
    """
    last = b""
    for piece in pieces:
        last += piece
        if text in last:
            return True
        last = last[-len(text) :]
    return False
