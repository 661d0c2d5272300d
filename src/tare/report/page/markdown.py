"""A document as Markdown, for a pull request: plots are their tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tare.report.page.document import Block, Document, Table, Text
from tare.report.page.twins import twin
from tare.report.page.words import Words, words


def to_markdown(document: Document) -> str:
    """Return *document* in GitHub's Markdown."""
    texts = words(document.language)
    return "\n\n".join(_parts(document, texts)) + "\n"


def _parts(document: Document, texts: Words) -> Iterator[str]:
    yield f"# {_plain(document.title)}"
    yield _plain(document.subtitle)
    for section in document.sections:
        yield f"## {_plain(section.title)}"
        for block in section.blocks:
            yield from _block(block, texts)
    yield f"{texts('again')}:"
    yield _code(document.command)


def _block(block: Block, texts: Words) -> Iterator[str]:
    match block:
        case Text(kind="code"):
            yield _code(block.text)
        case Text(kind="verdict"):
            yield f"**{_plain(block.text)}**"
        case Text(kind="warning"):
            yield f"> {_plain(block.text)}"
        case Text():
            yield _plain(block.text)
        case Table():
            yield from _table(block)
        case _:
            yield from _folded(twin(block, texts))


def _table(table: Table) -> Iterator[str]:
    yield f"**{_plain(table.caption)}**"
    rule = ["---:" if column.number else "---" for column in table.columns]
    rows = [[_plain(column.name) for column in table.columns], rule, *(map(_plain, row) for row in table.rows)]
    yield "\n".join(f"| {' | '.join(row)} |" for row in rows)
    yield from map(_plain, table.notes)


def _folded(table: Table) -> Iterator[str]:
    caption, rows, *notes = _table(table)
    yield f"<details><summary>{caption.strip('*')}</summary>"
    yield rows
    yield from notes
    yield "</details>"


def _plain(text: str) -> str:
    r"""Return *text* on one line, with what Markdown would read as its own taken literally.

    >>> _plain("a|b <i>*x*")
    'a\\|b \\<i>\\*x\\*'
    """
    return re.sub(r"([\\`*_\[<|])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"{fence}console\n{text}\n{fence}"
