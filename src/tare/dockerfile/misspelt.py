"""Comments that are meant to silence a finding, and are not written so that they do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from tare.dockerfile.parse.document import Dockerfile
from tare.dockerfile.parse.source import Span

_understood = re.compile(r"#\s*tare:\s*(?:ignore|ignore-file)\s*\[[^\]]*\].*", re.IGNORECASE | re.DOTALL)
_for_us = re.compile(r"#\s*tare\b\s*(?P<colon>:?)\s*(?P<word>[a-z][a-z-]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_codes = re.compile(
    r"\s*[=:(\[]?\s*(?P<codes>(?:TP|DL|SC|D)\d+(?:[\s,]+(?:TP|DL|SC|D)\d+)*)\s*[)\]]?(?P<rest>.*)", re.IGNORECASE
)
_because = re.compile(r"\s*(?:because\b|[:#-]+)?\s*(.*)", re.IGNORECASE)
_words = ("ignore", "ignores", "ignored", "disable", "skip", "noqa", "nolint", "suppress", "allow")


class Misspelt(msgspec.Struct, frozen=True, kw_only=True):
    """A comment that silences nothing, though it seems to want to."""

    span: Span
    meant: str
    """How it has to be written; empty when it does not say which finding it is for."""


def misspelt(file: Dockerfile) -> Iterator[Misspelt]:
    """Yield the comments of *file* that begin as an ignore does and are none."""
    for comment in file.comments:
        if "tare" not in comment.text or _understood.fullmatch(comment.text):
            continue
        match = _for_us.fullmatch(comment.text)
        if match is None:
            continue
        whole = match["word"].lower().endswith("-file")
        named = _codes.fullmatch(match["rest"])
        # Without a colon, or with a word of another tool, a comment is one for us only if it names a finding.
        if _means_ignore(match["word"].lower().removesuffix("-file")) and (named or match["colon"]):
            yield Misspelt(span=comment.span, meant=_written(named, whole=whole) if named else "")


def _means_ignore(word: str) -> bool:
    from difflib import SequenceMatcher

    return word in _words or SequenceMatcher(None, word, "ignore").ratio() >= 0.75


def _written(named: re.Match[str], *, whole: bool) -> str:
    codes = ",".join(re.split(r"[\s,]+", named["codes"].upper()))
    reason = _because.fullmatch(named["rest"])
    because = f" because {reason[1].strip()}" if reason and reason[1].strip() else ""
    return f"# tare: ignore{'-file' if whole else ''}[{codes}]{because}"
