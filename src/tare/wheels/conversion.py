"""Whether a program or library converts characters with the C library, which then loads a module for each encoding."""

from __future__ import annotations

from typing import Final

NAME: Final = b"iconv_open\0"
"""The end of a name in a table of strings: linkers let `iconv_open` be the end of `g_iconv_open`, as in GLib."""


def uses_iconv(data: bytes) -> bool:
    r"""Whether the ELF file *data* names the C library's conversion of characters.

    >>> uses_iconv(b"\x7fELF...\0g_iconv_open\0"), uses_iconv(b"#!/bin/sh iconv_open\0")
    (True, False)
    """
    return data.startswith(b"\x7fELF") and NAME in data
