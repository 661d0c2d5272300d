"""`tare lint`: Dockerfiles, checked for what they do to a Python project."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, NamedTuple, cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.lint_inputs import beside_of, find_hadolint, found_here, read, settings_of
from tare.cli.lint_measure import MeasureArguments, add_measure_options, chosen_builder, measured
from tare.errors import UsageError

if TYPE_CHECKING:
    from tare.dockerfile.beside import Beside
    from tare.dockerfile.hadolint import Hadolint
    from tare.dockerfile.lint import Result
    from tare.dockerfile.parse.source import Source
    from tare.dockerfile.settings import Settings
    from tare.flow.dockerfiles.measure import Measured


class LintArguments(MeasureArguments):
    """What `tare lint` is given."""

    files: list[str]
    context: str | None
    select: list[str]
    ignore: list[str]
    fix: bool
    diff: bool
    explain: str | None
    no_hadolint: bool
    form: str


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "files", nargs="*", metavar="FILE",
        help="Dockerfiles, or - for standard input (default: Dockerfile*, Containerfile*, *.dockerfile here)",
    )  # fmt: skip
    parser.add_argument(
        "--context",
        metavar="DIR",
        help="what the build is given (default: the nearest project upwards, or its workspace)",
    )
    rules = parser.add_argument_group("rules")
    rules.add_argument(
        "--select", action="append", default=[], metavar="CODES", help="only these; TP2 is all that begin so"
    )
    rules.add_argument("--ignore", action="append", default=[], metavar="CODES", help="all but these")
    rules.add_argument(
        "--no-hadolint", action="store_true", help="leave out hadolint's rules, although it is installed"
    )
    rules.add_argument("--explain", metavar="CODE", help="show what a rule is for; `all` lists them")
    fixes = parser.add_argument_group("fixes")
    fixes.add_argument("--diff", action="store_true", help="show what --fix would change, and change nothing")
    fixes.add_argument("--fix", action="store_true", help="show it, and change it")
    add_measure_options(parser)
    forms = parser.add_mutually_exclusive_group()
    for name, text in (
        ("json", "print a document that machines read"),
        ("sarif", "print SARIF, for code scanning"),
        ("github", "print annotations of GitHub's workflows"),
    ):
        forms.add_argument(f"--{name}", dest="form", action="store_const", const=name, default="text", help=text)


def execute(arguments: Arguments) -> int:
    """Check, perhaps fix, and say what remains."""
    arguments = cast("LintArguments", arguments)
    if arguments.explain is not None:
        sys.stdout.write(_explained(arguments.explain))
        return 0
    names = arguments.files or found_here()
    hadolint = None if arguments.no_hadolint else find_hadolint()
    builder = chosen_builder(arguments) if arguments.measure else None
    results: list[Result] = []
    every: list[Measured] = []
    fixed = 0
    for name in names:
        checked = _checked(arguments, name, hadolint)
        results.append(checked.result)
        fixed += checked.fixed
        if builder is not None and checked.repairs:
            texts = (checked.source.text, checked.repaired)
            every.append(measured(arguments, builder, checked.beside, name, texts, fixed=checked.repairs))
    _say_notes(results, arguments, missing=hadolint is None and not arguments.no_hadolint)
    if not (arguments.diff and arguments.form == "text"):
        sys.stdout.write(_written(arguments.form, results, fixed, every if arguments.measure else None))
    return 1 if any(result.findings for result in results) else 0


class _Checked(NamedTuple):
    """A file that was checked, and what its fixes make of it."""

    result: Result
    fixed: int
    """How many findings were repaired in the file."""

    source: Source
    beside: Beside
    repaired: str
    repairs: int
    """How many findings the fixes are for, whether or not they are written."""


def _checked(arguments: LintArguments, name: str, hadolint: Hadolint | None) -> _Checked:
    source = read(name)
    beside = beside_of(name, source, arguments.context)
    settings = settings_of(beside, select=arguments.select, ignore=arguments.ignore)
    result = _lint(source, beside, settings, hadolint)
    if not (arguments.fix or arguments.diff or arguments.measure):
        return _Checked(result, 0, source, beside, source.text, 0)
    from tare.dockerfile.repair import repaired

    original = result
    result, total = repaired(original, lambda changed: _lint(changed, beside, settings, hadolint))
    if total and (arguments.fix or arguments.diff):
        _show_and_write(arguments, name, source, result.source)
    shown, count = (result, total) if arguments.fix else (original, 0)
    return _Checked(shown, count, source, beside, result.source.text, total)


def _show_and_write(arguments: LintArguments, name: str, old: Source, new: Source) -> None:
    from tare.dockerfile.parse.source import encode
    from tare.report.lint import diff_text

    shown = diff_text(old, new.text)
    if arguments.fix and name == "-":
        raise UsageError("standard input cannot be fixed", hints=("`tare lint --diff -` shows the fix",))
    (sys.stderr if arguments.fix or arguments.form != "text" else sys.stdout).write(shown)
    if arguments.fix:
        with open(name, "wb") as file:
            file.write(encode(old, new.text))


def _lint(source: Source, beside: Beside, settings: Settings, hadolint: Hadolint | None) -> Result:
    import datetime as dt

    from tare.dockerfile.lint import lint

    today = dt.datetime.fromtimestamp(time.time(), tz=dt.UTC).date()
    return lint(source, beside=beside, today=today, settings=settings, hadolint=hadolint)


def _say_notes(results: list[Result], arguments: LintArguments, *, missing: bool) -> None:
    for note in dict.fromkeys(note for result in results for note in result.notes):
        sys.stderr.write(f"note: {note}\n")
    if missing and arguments.form == "text":
        sys.stderr.write(
            "note: general rules are not checked, since hadolint is not installed (`pip install 'pytare[lint]'`)\n"
        )


def _written(form: str, results: list[Result], fixed: int, every: list[Measured] | None) -> str:
    from tare.report import lint as report

    if form == "json":
        return report.lint_json(results, fixed=fixed, measured=_measured_data(every))
    if form == "github":
        return report.lint_github(results)
    if form == "sarif":
        from tare.dockerfile.rules.registry import about, codes
        from tare.report.sarif import lint_sarif

        known = set(codes())
        broken = {finding.code for result in results for finding in result.findings}
        return lint_sarif(results, {code: about(code) for code in sorted(broken & known)})
    text = report.lint_text(results, fixed=fixed)
    if not every:
        return text
    from tare.report.lint_measured import measured_text

    return f"{text}\n{measured_text(every)}"


def _measured_data(every: list[Measured] | None) -> list[dict[str, object]] | None:
    if every is None:
        return None
    from tare.report.lint_measured import measured_data  # with all that engines need: 20 ms

    return measured_data(every)


def _explained(code: str) -> str:
    from tare.dockerfile.rules.registry import about, codes
    from tare.dockerfile.settings import check_codes
    from tare.report.lint import explanation, rules_text

    if code.lower() == "all":
        return rules_text([about(each) for each in codes()])
    wanted = code.upper()
    if wanted not in codes():
        if wanted.startswith(("DL", "SC")):
            where = (
                "https://github.com/hadolint/hadolint/wiki/"
                if wanted.startswith("DL")
                else "https://www.shellcheck.net/wiki/"
            )
            return f"{wanted} is hadolint's: {where}{wanted}\n"
        check_codes([wanted], "`--explain`", codes())
        raise UsageError(f"`--explain {code}` is the beginning of several codes", hints=("`--explain all` lists them",))
    return explanation(about(wanted))
