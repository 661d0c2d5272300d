"""What `tare bench` says: text for the terminal, Markdown for a pull request, a document for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from tare.bench.analysis import Analysis
from tare.bench.doctor import Finding
from tare.bench.families import Family, unsure
from tare.bench.result import Results, Run, Sample
from tare.report.bench_cells import CONTROL, beside, cell_table, interval, labelled, legend_of, percent, replicas, shown
from tare.report.text import megabytes, table

_WIDEST: Final = 140
"""Columns beyond which a table of many images has its cells below each other."""


def bench_text(results: Results, found: Analysis) -> str:
    """Return a report for the terminal: the verdict first, then each workload, then why, then how noisy it was."""
    run = results.run
    parts = ["\n".join(filter(None, (_headline(results, found), replicas(run)))), "\n".join(_verdicts(run, found))]
    parts += [_sizes(run)] if any(each.sizes for each in run.candidates) else []
    parts += [_workload(run, found, name) for name in dict.fromkeys(each.workload for each in found.cells)]
    legend = legend_of(run) if found.families else ""
    parts += [legend, _why(run), "\n".join(_noise(run, found)), f"To repeat it: {run.command}"]
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(results: Results, found: Analysis) -> str:
    plan = results.run.plan
    rounds = len({(each.block, each.round) for each in results.samples})
    machine = next(iter(results.run.machines.values()), None)
    where = f"{machine.engine} on {machine.cores} cores" if machine else "nowhere"
    server = "" if plan.database == "sqlite" else f" and {plan.database}"
    return f"{plan.profile}: {rounds} round{'' if rounds == 1 else 's'} with {where}{server}, against {found.baseline}"


def _verdicts(run: Run, found: Analysis) -> Iterable[str]:
    """Yield a sentence for each candidate and workload, in words that the intervals carry."""
    if len(shown(run)) == 1:
        yield (
            f"{found.baseline} alone was measured: there is nothing to compare it with. {CONTROL} is what it differs by "
            "from itself, which is noise. Name more with `--image`"
        )
    labels = {each.name: labelled(each) for each in shown(run)}
    for family in found.families:
        yield (
            f"{labels[family.candidate]} beside {labels[beside(run, family.candidate)]}, {family.workload}: "
            f"{_words_of(family)}, the geometric mean of {family.cases} case{'' if family.cases == 1 else 's'}: "
            f"{family.faster} faster, {family.slower} slower, {family.undecided} undecided"
        )
    if found.front:
        names = " or ".join(labels.get(each, each) for each in found.front)
        said = f"Nothing is both smaller and faster than {names}, by what is pulled and by {found.front_of}"
        open_names = ", ".join(labels.get(each, each) for each in unsure(found.families, found.front_of))
        yield said + (
            f"; the time of {open_names} is undecided, and counts as that of {labels[found.baseline]}"
            if open_names
            else ""
        )


def _words_of(family: Family) -> str:
    whole = family.comparison
    if family.mixed:
        return f"faster in some, slower in others, {percent(family.ratio)}"
    if whole is None:
        return f"undecided, {percent(family.ratio)}"
    return f"{whole.words}, {interval(whole)}"


def _sizes(run: Run) -> str:
    rows: list[tuple[str, ...]] = [("", "pull", "unpacked", "rootfs", "waste", "store")]
    for each in shown(run):
        if each.sizes:
            sizes = each.sizes
            figures = (sizes.pull, sizes.unpacked, sizes.rootfs, sizes.waste, sizes.store)
            rows.append((labelled(each), *map(megabytes, figures)))
    return "size\n" + _indented(table(rows, right=frozenset(range(1, 6))))


def _workload(run: Run, found: Analysis, workload: str) -> str:
    made = cell_table(run, found, workload)
    text = table([("", *made.heads), *made.rows], right=frozenset(range(1, len(made.heads) + 1)))
    if max(map(len, text.splitlines())) > _WIDEST:
        text = table([line for row in made.rows for line in _long(row, made.heads)], right=frozenset())
    return "\n".join([workload, _indented(text), *(f"  {note}" for note in made.notes)])


def _long(row: Sequence[str], heads: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Yield a row of a table that would be too wide, with its cells below each other."""
    yield row[0], ""
    yield from ((f"  {head}", cell) for head, cell in zip(heads, row[1:], strict=True))


def _why(run: Run) -> str:
    rows = [("", *(labelled(each) for each in shown(run)))]
    facts = [each.facts for each in shown(run)]
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
        **(
            {"driver": [each.driver or "none" for each in facts if each]}
            if any(each.driver for each in facts if each)
            else {}
        ),
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
    facts = {each.name: each.facts for each in shown(run) if each.facts}
    without = sorted(name for name, each in facts.items() if each.pgo is False)
    if without and len(without) < len(facts):
        found.append(
            f"{', '.join(without)}: the interpreter is built without PGO, which is known to cost pure Python 10 to 30 %; "
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


def _noise(run: Run, found: Analysis) -> Iterable[str]:
    for workload, ratio in found.noise.items():
        yield f"noise: the baseline against itself differs by up to {(ratio - 1) * 100:.1f} % in {workload}"
    yield from (f"warning: {text}" for text in found.warnings)
    yield from (f"warning: {text}" for each in run.machines.values() for text in each.warnings)
    names = {each.name for each in shown(run)}
    compared = [each.comparison for each in found.cells if each.comparison and each.candidate in names]
    undecided = [each for each in compared if each.verdict == "undecided"]
    wanted = sorted(each.more for each in undecided if each.more)
    if wanted:
        half = wanted[len(wanted) // 2]
        cases = f"{len(undecided)} case{'' if len(undecided) == 1 else 's'}"
        yield f"undecided: {cases}; `tare bench run --more {half}` would decide about half of them"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def bench_markdown(results: Results, found: Analysis) -> str:
    """Return the report for a pull request."""
    run = results.run
    verdicts = list(_verdicts(run, found))
    lines = [f"### {_headline(results, found)}", "", *(f"- {line}" for line in verdicts), *([""] if verdicts else [])]
    for workload in dict.fromkeys(each.workload for each in found.cells):
        made = cell_table(run, found, workload)
        lines += [f"| {workload} | " + " | ".join(made.heads) + " |", "|---|" + "---:|" * len(made.heads)]
        lines += ["| " + " | ".join(each.strip() for each in row) + " |" for row in made.rows]
        lines += ["", *(f"- {note}" for note in made.notes), *([""] if made.notes else [])]
    legend = legend_of(run) if found.families else ""
    control = f"{CONTROL}: the same image again, under another name" if len(run.candidates) > len(shown(run)) else ""
    said = (legend, control, replicas(run).replace("*", "\\*"), *reasons(run), *_noise(run, found))
    lines += [f"- {text}" for text in said if text]
    lines += ["", "```", run.command, "```", ""]
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
