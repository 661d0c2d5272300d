"""What `tare bench` says: text for the terminal, Markdown for a pull request, a document for machines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from tare.bench.analysis import Analysis, Cell
from tare.bench.doctor import Finding
from tare.bench.result import Candidate, Results, Run, Sample
from tare.bench.statistics import UNBOUNDED, Comparison
from tare.report.text import duration, megabytes, table

_RATES: Final = {"/s", "rows/s", "requests/s"}


def bench_text(results: Results, found: Analysis) -> str:
    """Return a report for the terminal: the verdict first, then each workload, then why, then how noisy it was."""
    parts = [_headline(results, found), "\n".join(_verdicts(found))]
    parts += [_sizes(results.run)] if any(each.sizes for each in results.run.candidates) else []
    parts += [_workload(results, found, name) for name in dict.fromkeys(each.workload for each in found.cells)]
    parts += [_why(results.run), _noise(results, found), f"To repeat it: {results.run.command}"]
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(results: Results, found: Analysis) -> str:
    plan = results.run.plan
    rounds = len({(each.block, each.round) for each in results.samples})
    machine = next(iter(results.run.machines.values()), None)
    where = f"{machine.engine} on {machine.cores} cores" if machine else "nowhere"
    return f"{plan.profile}: {rounds} rounds with {where}, against {found.baseline}"


def _verdicts(found: Analysis) -> Iterable[str]:
    """Yield a sentence for each candidate and workload, in words that the intervals carry."""
    for family in found.families:
        decided = family.cases - family.undecided
        word = _words_of(family.faster, family.slower, decided)
        yield (
            f"{family.candidate}, {family.workload}: {word} "
            f"(geometric mean {_percent(family.ratio)}; of {family.cases} cases {family.faster} faster, "
            f"{family.slower} slower, {family.undecided} undecided)"
        )
    if found.front:
        yield f"Nothing is both smaller and faster than {' or '.join(found.front)}"


def _words_of(faster: int, slower: int, decided: int) -> str:
    if not decided:
        return "undecided"
    if faster and slower:
        return "faster in some, slower in others"
    if faster or slower:
        return "faster" if faster else "slower"
    return "no practical difference"


def _sizes(run: Run) -> str:
    rows: list[tuple[str, ...]] = [("", "pull", "unpacked", "rootfs", "waste", "store")]
    for each in _shown(run):
        if each.sizes:
            sizes = each.sizes
            figures = (sizes.pull, sizes.unpacked, sizes.rootfs, sizes.waste, sizes.store)
            rows.append((_named(each), *map(megabytes, figures)))
    return "size\n" + _indented(table(rows, right=frozenset(range(1, 6))))


def _workload(results: Results, found: Analysis, workload: str) -> str:
    shown = [each.name for each in _shown(results.run)]
    cells = {(each.case, each.candidate): each for each in found.cells if each.workload == workload}
    rows = [("", *shown)]
    rows += [
        (case, *(_cell(cells.get((case, name)), baseline=name == found.baseline) for name in shown))
        for case in dict.fromkeys(case for case, _ in cells)
    ]
    return f"{workload}\n" + _indented(table(rows, right=frozenset(range(1, len(shown) + 1))))


def _cell(cell: Cell | None, *, baseline: bool) -> str:
    if cell is None:
        return "–"
    if cell.status != "ok" or cell.median is None:
        return cell.status
    figure = amount(cell.median, cell.unit)
    if baseline or cell.comparison is None:
        return figure
    words = f"{figure}  {mark(cell.comparison)} {interval(cell.comparison)}"
    own = cell.processor
    if cell.comparison.verdict == "undecided" and own is not None and own.verdict in {"faster", "slower"}:
        words += f"; processor {mark(own)} {_percent(own.ratio)}"
    return words


def amount(value: float, unit: str) -> str:
    """Return a figure with its unit.

    >>> amount(0.0123, "s")
    '12.3 ms'
    >>> amount(31250.0, "requests/s")
    '31,250 requests/s'
    """
    if unit == "s":
        return f"{value * 1e3:.1f} ms" if value < 1 else duration(value) if value >= 60 else f"{value:.2f} s"
    if unit == "bytes":
        return megabytes(round(value))
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"


def mark(comparison: Comparison) -> str:
    """Return a sign for a verdict: + faster, − slower, = no practical difference, ? undecided."""
    return {"faster": "+", "slower": "−", "no practical difference": "="}.get(comparison.verdict, "?")


def interval(comparison: Comparison) -> str:
    """Return how much more it takes, with its interval."""
    if comparison.high >= UNBOUNDED or comparison.low <= 0:
        return f"{_percent(comparison.ratio)} (too few rounds)"
    return f"{_percent(comparison.ratio)} ({_percent(comparison.low)} to {_percent(comparison.high)})"


def _percent(ratio: float) -> str:
    """Return a ratio as a difference, or as a multiple where that reads better.

    >>> _percent(1.14), _percent(0.97), _percent(3.2)
    ('+14 %', '−3 %', '3.2×')
    """
    if math.isnan(ratio):
        return "–"
    if ratio >= 2:
        return f"{ratio:.1f}×"
    change = (ratio - 1) * 100
    return f"{'−' if change < 0 else '+'}{abs(change):.0f} %"


def _why(run: Run) -> str:
    rows = [("", *(_named(each) for each in _shown(run)))]
    facts = [each.facts for each in _shown(run)]
    if not all(facts):
        return ""
    explains = {
        "interpreter": [each.python for each in facts if each],
        "PGO": [_yes(each.pgo) for each in facts if each],
        "LTO": [_yes(each.lto) for each in facts if each],
        "libc": [each.libc or "?" for each in facts if each],
        "allocator": [each.allocator for each in facts if each],
        "thread stack": [megabytes(each.thread_stack) if each.thread_stack else "?" for each in facts if each],
        "bytecode": [_yes(each.bytecode) for each in facts if each],
        "event loop": [each.event_loop for each in facts if each],
        "HTTP parser": [each.http_parser or "none" for each in facts if each],
        "built from source": [", ".join(each.built) or "nothing" for each in facts if each],
        "seccomp": [each.seccomp or "?" for each in facts if each],
    }
    rows += [(name, *values) for name, values in explains.items()]
    lines = ["why", _indented(table(rows))]
    lines += [f"  {sentence}" for sentence in reasons(run)]
    return "\n".join(lines)


def reasons(run: Run) -> list[str]:
    """Return in sentences what the facts explain, where the candidates differ in them."""
    found = []
    facts = {each.name: each.facts for each in _shown(run) if each.facts}
    without = sorted(name for name, each in facts.items() if each.pgo is False)
    if without and len(without) < len(facts):
        found.append(
            f"{', '.join(without)}: the interpreter is built without PGO, which alone costs pure Python 10 to 30 %; "
            "that is not the libc"
        )
    musl = sorted(name for name, each in facts.items() if each.libc.startswith("musl"))
    if musl and len(musl) < len(facts):
        found.append(f"{', '.join(musl)}: musl's allocator is slow for blocks over 512 bytes, above all with threads")
    small = sorted(name for name, each in facts.items() if (each.thread_stack or 2**30) < 2**20)
    if small:
        found.append(f"{', '.join(small)}: threads of extension modules have a small stack, and deep recursion crashes")
    bare = sorted(name for name, each in facts.items() if each.bytecode is False)
    if bare:
        found.append(
            f"{', '.join(bare)}: no bytecode of the standard library; each fresh container compiles what it imports"
        )
    return found


def _yes(value: bool | None) -> str:  # noqa: FBT001  # one value, and its word
    return "?" if value is None else "yes" if value else "no"


def _noise(results: Results, found: Analysis) -> str:
    lines = [
        f"noise: the baseline against itself differs by up to {(ratio - 1) * 100:.1f} % in {workload}"
        for workload, ratio in found.noise.items()
    ]
    lines += [f"warning: {text}" for text in found.warnings]
    lines += [f"warning: {text}" for each in results.run.machines.values() for text in each.warnings]
    undecided = [each.comparison for each in found.cells if each.comparison and each.comparison.verdict == "undecided"]
    wanted = [each.more for each in undecided if each.more]
    if wanted:
        lines.append(
            f"undecided: {len(undecided)} cases; `tare bench run --more {max(sorted(wanted)[: len(wanted) // 2 + 1])}` would decide about half of them"
        )
    return "\n".join(lines)


def _shown(run: Run) -> list[Candidate]:
    return [each for each in run.candidates if each.control is None]


def _named(candidate: Candidate) -> str:
    return f"{candidate.name} (replica)" if candidate.replica else candidate.name


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def bench_markdown(results: Results, found: Analysis) -> str:
    """Return the report for a pull request."""
    lines = [f"### {_headline(results, found)}", "", *(f"- {line}" for line in _verdicts(found)), ""]
    names = [each.name for each in _shown(results.run)]
    for workload in dict.fromkeys(each.workload for each in found.cells):
        cells = {(each.case, each.candidate): each for each in found.cells if each.workload == workload}
        lines += [f"| {workload} | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
        for case in dict.fromkeys(case for case, _ in cells):
            figures = (_cell(cells.get((case, name)), baseline=name == found.baseline) for name in names)
            lines.append(f"| {case} | " + " | ".join(figures) + " |")
        lines.append("")
    lines += [f"- {text}" for text in (*reasons(results.run), *found.warnings)]
    lines += ["", "```", results.run.command, "```", ""]
    return "\n".join(lines)


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of a run: what was asked for, every sample, and what they show."""

    schema: str
    run: Run
    samples: tuple[Sample, ...]
    analysis: Analysis


def bench_json(results: Results, found: Analysis) -> str:
    """Return the document `tare.bench/1`."""
    document = Document(schema=results.run.schema, run=results.run, samples=results.samples, analysis=found)
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def doctor_text(findings: Sequence[Finding]) -> str:
    """Return what the doctor found."""
    rows = [(each.kind, each.what, each.text) for each in findings]
    return table(rows) + "\n" if rows else "nothing to say\n"
