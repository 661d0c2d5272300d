"""A terminal of few words: what is on its screen after a program wrote to it."""

from __future__ import annotations

import os
import re

_PIECE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+")


def screen(written: str) -> list[str]:
    """Return the lines of the screen, as the codes that we use (return, erase the line) leave it."""
    lines, column = [""], 0
    for piece in _PIECE.findall(written):
        if piece == "\n":
            lines.append("")
            column = 0
        elif piece == "\r":
            column = 0
        elif piece == "\x1b[2K":
            lines[-1] = ""
        elif piece.startswith("\x1b"):
            raise AssertionError(f"a code that this terminal does not know: {piece!r}")
        else:
            line = lines[-1].ljust(column)
            lines[-1] = line[:column] + piece + line[column + len(piece) :]
            column += len(piece)
    return [line.rstrip() for line in lines]


def read_all(master: int) -> str:
    """Return everything that was written to a pseudo-terminal until its last writer closed it."""
    data = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # Linux says EIO at the end
            break
        if not piece:
            break
        data += piece
    return data.decode().replace("\r\n", "\n")
