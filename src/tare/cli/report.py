"""`tare report`: a page, or Markdown, from what was measured before."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from tare.cli.arguments import Arguments, Parser
from tare.errors import ProjectError, UsageError

if TYPE_CHECKING:
    from tare.report.page.document import Document
    from tare.report.page.words import Words


class ReportArguments(Arguments):
    """What `tare report` is given."""

    results: list[str]
    html: str | None
    markdown: bool
    json: bool
    language: str


class _Head(msgspec.Struct):
    """What tells documents of ours apart."""

    schema: str = ""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "results", nargs="+", metavar="RESULTS",
        help="directories that `tare bench run` made, or what `tare compare --json` printed; - reads standard input",
    )  # fmt: skip
    parser.add_argument("--html", metavar="FILE", help="write a page")
    parser.add_argument("--markdown", action="store_true", help="print Markdown (the default without --html)")
    parser.add_argument("--json", action="store_true", help="print the sections, tables and plots as a document")
    parser.add_argument("--language", default="en", metavar="LANG", help="en or ko (default: en)")


def execute(arguments: Arguments) -> int:
    """Write the report."""
    from tare.report.page.words import words

    arguments = cast("ReportArguments", arguments)
    if arguments.json and arguments.markdown:
        raise UsageError("`--json` and `--markdown` cannot both be printed", hints=("Give one of them",))
    document = _document(arguments.results, words(arguments.language))
    if arguments.html is not None:
        from tare.report.page.html import to_html

        Path(arguments.html).write_text(to_html(document), encoding="utf-8")
    if arguments.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
    elif arguments.markdown or arguments.html is None:
        from tare.report.page.markdown import to_markdown

        sys.stdout.write(to_markdown(document))
    return 0


def _document(names: list[str], texts: Words) -> Document:
    if len(names) > 1 or os.path.isdir(names[0]):
        return _of_bench(names, texts)
    [name] = names
    from tare.bench.comparison import SCHEMA, Comparison
    from tare.report.compare import document

    data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.schema == SCHEMA:
            return document(msgspec.json.decode(data, type=Comparison), texts)
    except msgspec.DecodeError as error:
        raise ProjectError(f"`{name}` cannot be read as results", causes=(str(error),)) from error
    raise ProjectError(
        f"`{name}` has no results that this version can report",
        causes=(f"expected the schema `{SCHEMA}`, found `{head.schema or 'none'}`",),
    )


def _of_bench(names: list[str], texts: Words) -> Document:
    """Return a report of a run, or of several machines' blocks of one."""
    from tare.bench.analysis import analyse
    from tare.bench.journal import Journal, merge
    from tare.report.bench_page import document

    for name in names:
        if not os.path.isdir(name):
            raise UsageError(
                f"`{name}` is not a directory of results", hints=("Name several only if `tare bench run` made them",)
            )
    results = merge(Journal(Path(each)).read() for each in names)
    return document(results, analyse(results), texts)
