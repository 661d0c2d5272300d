"""Why images differ, as far as their interpreters say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tare.bench.result import Facts, Run
from tare.report.bench import reasons
from tare.report.bench_cells import labelled, shown
from tare.report.page.document import Block, Column, Table, Text
from tare.report.page.words import Words
from tare.report.text import megabytes


def why(run: Run, texts: Words) -> Iterator[Block]:
    """Yield what explains figures: how interpreters were built, and what is around them."""
    known = [(each, each.facts) for each in shown(run) if each.facts]
    if not known:
        return
    rows = {name: tuple(_fact(facts, name, texts) for _, facts in known) for name in _FACTS}
    yield Table(
        caption=texts("explains"),
        columns=(Column(name=texts("what")), *(Column(name=labelled(each)) for each, _ in known)),
        rows=tuple((title, *rows[name]) for name, title in _FACTS.items()),
    )
    yield from (Text(text=f"{sentence}.") for sentence in reasons(run))


_FACTS: Final = {
    "python": "CPython",
    "pgo": "PGO",
    "lto": "LTO",
    "libc": "libc",
    "allocator": "allocator",
    "thread_stack": "thread stack",
    "bytecode": "bytecode",
    "event_loop": "event loop",
    "http_parser": "HTTP parser",
    "driver": "driver",
    "built": "built from source",
    "seccomp": "seccomp",
}
"""The facts of an interpreter, by the names that its own documentation has for them."""


def _fact(facts: Facts, name: str, texts: Words) -> str:
    value = getattr(facts, name)
    if value is None:
        return texts("unknown")
    if isinstance(value, bool):
        return texts("yes" if value else "no")
    if name == "thread_stack":
        return megabytes(value)
    return (", ".join(value) if isinstance(value, tuple) else value) or "–"
