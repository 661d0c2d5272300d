"""A benchmark's results as a document: the verdict, what it rests on, why, and how noisy it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from tare.bench.analysis import Analysis, Cell
from tare.bench.result import Facts, Results, Run
from tare.report.bench import bench_json, reasons
from tare.report.bench_cells import amount, labelled, notes, peak, shown
from tare.report.bench_load import loads
from tare.report.bench_start import waterfalls
from tare.report.bench_verdict import relative_to, verdict
from tare.report.page.document import (
    Axis,
    Bar,
    Bars,
    Block,
    Column,
    Document,
    Estimate,
    Forest,
    Part,
    Plot,
    Sample,
    Section,
    Span,
    Strip,
    Table,
    Text,
    Timeline,
    Track,
)
from tare.report.page.words import Words
from tare.report.text import megabytes

_MEGA: Final = 1_000_000
_WIDEST: Final = 8.0
"""Intervals beyond this ratio are cut in plots; their table has them whole."""


def document(results: Results, found: Analysis, texts: Words) -> Document:
    """Return *results* as a report in the language of *texts*."""
    run = results.run
    workloads = list(dict.fromkeys(each.workload for each in found.cells))
    sections = (
        Section(title=texts("section_verdict"), blocks=tuple(verdict(run, found, texts))),
        Section(title=texts("section_size"), blocks=tuple(_sizes(run, texts))),
        Section(title=texts("section_build"), blocks=tuple(_builds(run, texts))),
        *(_section(results, found, name, texts) for name in workloads),
        Section(title=texts("section_why"), blocks=tuple(_why(run, texts))),
        Section(title=texts("section_noise"), blocks=tuple(_noise(results, found, texts))),
        Section(title=texts("section_machine"), blocks=(_machines(run, texts),)),
    )
    return Document(
        title=texts("bench_title", count=len(shown(run))),
        subtitle=_subtitle(results, texts),
        language=texts.language,
        sections=tuple(each for each in sections if each.blocks),
        command=run.command,
        data=bench_json(results, found).encode(),
    )


def _subtitle(results: Results, texts: Words) -> str:
    run = results.run
    return texts(
        "bench_subtitle",
        profile=run.plan.profile,
        rounds=len({(each.block, each.round) for each in results.samples}),
        baseline=run.plan.baseline,
        engine=run.plan.engine,
        machine=", ".join(f"{each.processor}, {each.cores} {texts('cores')}" for each in run.machines.values()),
        day=f"{datetime.fromtimestamp(run.started, UTC):%Y-%m-%d}",
    )


def _sizes(run: Run, texts: Words) -> Iterator[Block]:
    weighed = [(each, each.sizes) for each in shown(run) if each.sizes]
    if not weighed:
        return
    yield Bars(
        title=texts("layers"),
        axis=Axis(name=texts("pull"), unit="MB"),
        bars=tuple(
            Bar(
                name=labelled(each),
                parts=tuple(
                    Part(name=texts("layer", number=number), value=size / _MEGA)
                    for number, size in enumerate(sizes.layers or (sizes.pull,))
                ),
            )
            for each, sizes in weighed
        ),
    )
    names = ("pull", "unpacked", "rootfs", "waste", "store")
    rows = [(labelled(each), *(megabytes(getattr(sizes, name)) for name in names)) for each, sizes in weighed]
    heads = (Column(name=texts("image")), *(Column(name=texts(name), number=True) for name in names))
    yield Table(caption=texts("section_size"), columns=heads, rows=tuple(rows), notes=(texts("docker_shows"),))


def _builds(run: Run, texts: Words) -> Iterator[Block]:
    tracks = tuple(
        Track(
            name=labelled(each),
            spans=tuple(
                Span(name=step.name, kind=texts.kind(step.kind), start=step.start, end=step.end) for step in each.steps
            ),
        )
        for each in shown(run)
        if each.steps
    )
    if tracks:
        axis = Axis(name=texts("time"), unit="s")
        yield Timeline(title=texts("section_build"), axis=axis, tracks=tracks, kinds=texts.kinds())


def _section(results: Results, found: Analysis, workload: str, texts: Words) -> Section:
    cells = [each for each in found.cells if each.workload == workload]
    blocks: list[Block] = list(_forest(cells, relative_to(results.run, texts), texts))
    samples = [each for each in results.samples if each.workload == workload]
    blocks += waterfalls(samples, [each.name for each in shown(results.run)], texts)
    blocks += loads(samples, texts)
    blocks.append(_medians(results.run, cells, workload, found.baseline, texts))
    key = _TITLES.get(workload)
    title = workload if key is None else texts(key)
    return Section(title=title, blocks=tuple(blocks))


_TITLES: Final = {
    **{name: f"section_{name}" for name in ("size", "build", "start", "io", "cpu", "frames", "learning", "service")},
    "service, open loop": "section_open",
}


def _forest(cells: Sequence[Cell], baseline: str, texts: Words) -> Iterator[Plot]:
    estimates = tuple(
        Estimate(
            name=cell.case,
            subject=cell.candidate,
            ratio=comparison.ratio,
            low=max(comparison.low, 1 / _WIDEST),
            high=min(comparison.high, _WIDEST),
            verdict=comparison.words,
        )
        for cell in cells
        if (comparison := cell.comparison) is not None
    )
    if estimates:
        thresholds = [cell.comparison.threshold for cell in cells if cell.comparison]
        yield Forest(
            title=texts("ratios", baseline=baseline),
            axis=Axis(name=texts("ratio"), logarithmic=True),
            estimates=estimates,
            threshold=min(thresholds),
        )


def _medians(run: Run, cells: Sequence[Cell], workload: str, baseline: str, texts: Words) -> Table:
    names = [each.name for each in shown(run)]
    # What only the second self of an image did, such as loading a table once for all, was done by that image.
    selves = {each.name: each.control for each in run.candidates if each.control}
    by_place = {(each.case, selves[each.candidate]): each for each in cells if each.candidate in selves}
    by_place |= {(each.case, each.candidate): each for each in cells}
    rows: list[tuple[str, ...]] = []
    for case in dict.fromkeys(each.case for each in cells):
        found = [by_place.get((case, name)) for name in names]
        rows.append((case, *(_shown_cell(cell, baseline) for cell in found)))
        if any(cell is not None and "server" in cell.extra for cell in found):
            # Only the rest of the time can depend on the image.
            rows.append((texts("of_it_server", case=case), *map(_server, found)))
    peaks = [peak(cells, name) for name in names]
    if any(peaks):
        rows.append((texts("memory"), *peaks))
    heads = (Column(name=texts("case")), *(Column(name=labelled(each), number=True) for each in shown(run)))
    return Table(
        caption=texts("medians", workload=workload), columns=heads, rows=tuple(rows), notes=tuple(notes(cells, names))
    )


def _server(cell: Cell | None) -> str:
    return amount(cell.extra["server"], "s") if cell is not None and "server" in cell.extra else "–"


def _shown_cell(cell: Cell | None, baseline: str) -> str:
    if cell is None:
        return "–"
    if cell.status != "ok" or cell.median is None:
        return cell.status
    figure = amount(cell.median, cell.unit)
    if cell.candidate == baseline or cell.comparison is None:
        return figure
    return f"{figure} ({cell.comparison.ratio:.2f}×, {cell.comparison.words})"


def _why(run: Run, texts: Words) -> Iterator[Block]:
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


def _noise(results: Results, found: Analysis, texts: Words) -> Iterator[Block]:
    for workload, ratio in found.noise.items():
        yield Text(text=texts("aa", percent=(ratio - 1) * 100, workload=workload) + ".")
    for warning in found.warnings:
        yield Text(text=warning, kind="warning")
    for machine in results.run.machines.values():
        yield from (Text(text=warning, kind="warning") for warning in machine.warnings)
    yield from _strips(results, texts)


def _strips(results: Results, texts: Words) -> Iterator[Plot]:
    """Yield the rounds of the first case of each workload that is a time, for every candidate and the A/A control."""
    for workload in dict.fromkeys(each.workload for each in results.samples):
        timed = [each for each in results.samples if each.workload == workload and each.unit == "s"]
        if not timed:
            continue
        case = timed[0].case
        values: dict[str, list[float]] = {}
        for each in timed:
            if each.case == case and each.value is not None:
                values.setdefault(each.candidate, []).append(each.value)
        yield Strip(
            title=texts("rounds_of", case=f"{workload}, {case}"),
            axis=Axis(name=texts("time"), unit="s"),
            samples=tuple(Sample(name=name, values=tuple(found)) for name, found in values.items()),
        )


def _machines(run: Run, texts: Words) -> Table:
    rows = [
        (name, each.system, each.processor, str(each.cores), megabytes(each.memory), each.engine, each.cgroup)
        for name, each in run.machines.items()
    ]
    names = ("block", "system", "processor", "cores", "memory", "engine")
    heads = (*(Column(name=texts(name)) for name in names), Column(name="cgroup"))
    return Table(caption=texts("section_machine"), columns=heads, rows=tuple(rows))
