"""Errors as text: the one place that writes `error:`, `caused by:` and `hint:`."""

from __future__ import annotations

import sys

from tare import __version__
from tare.errors import TareError


def render_error(error: TareError) -> str:
    """Return an expected failure as a person reads it."""
    lines = [f"error: {error.message}", *(f"  caused by: {cause}" for cause in _causes(error))]
    if error.hints:
        lines += ["", *(f"hint: {hint}" for hint in error.hints)]
    return "\n".join(map(_printable, lines)) + "\n"


def _printable(line: str) -> str:
    """Escape what a hostile name could use to move the cursor or to hide text."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)


def render_bug(error: BaseException) -> str:
    """Return an unexpected failure: an apology, and what to report."""
    python = ".".join(map(str, sys.version_info[:3]))
    return (
        "error: something is wrong in tare itself, sorry\n"
        f"  caused by: {type(error).__name__}: {error}\n"
        "\n"
        f"hint: Please report it with the output of the same command and `--verbose` (tare {__version__}, CPython {python}, {sys.platform})\n"
    )


def _words(cause: BaseException) -> str:
    if isinstance(cause, TareError):
        return cause.message
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__


def _causes(error: TareError) -> list[str]:
    """Return the reasons, outermost first: the error's own, then those of what it was raised from.

    What others raised is only shown where nothing of ours says why: most errors of ours put it into better words.
    """
    causes = list(error.causes)
    explained = bool(error.causes)
    cause = error.__cause__
    while cause is not None:
        text = _words(cause)
        if isinstance(cause, TareError):
            causes += [text, *cause.causes]
            explained = bool(cause.causes)
        elif not explained and not any(text in known for known in causes):
            causes.append(text)
        cause = cause.__cause__
    return causes
