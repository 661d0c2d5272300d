"""A benchmark's results as a document: the verdict, what it rests on, why, and how noisy it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from tare.bench.analysis import Analysis
from tare.bench.cell import Cell
from tare.bench.result import Results, Run
from tare.report.bench import bench_json
from tare.report.bench_builds import builds
from tare.report.bench_cells import labelled, shown
from tare.report.bench_load import loads
from tare.report.bench_medians import medians
from tare.report.bench_noise import machines, noise
from tare.report.bench_start import waterfalls
from tare.report.bench_verdict import relative_to, verdict
from tare.report.bench_why import why
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
    Section,
    Table,
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
        *(_section(results, found, name, texts) for name in workloads),
        Section(title=texts("section_why"), blocks=tuple(why(run, texts))),
        Section(title=texts("section_noise"), blocks=tuple(noise(results, found, texts))),
        Section(title=texts("section_machine"), blocks=(machines(run, texts),)),
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
        engine=run.plan.engine if run.plan.database == "sqlite" else f"{run.plan.engine}, {run.plan.database}",
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


def _section(results: Results, found: Analysis, workload: str, texts: Words) -> Section:
    cells = [each for each in found.cells if each.workload == workload]
    blocks: list[Block] = list(_forest(cells, relative_to(results.run, texts), texts))
    samples = [each for each in results.samples if each.workload == workload]
    blocks += builds(cells, shown(results.run), texts)
    blocks += waterfalls(samples, [each.name for each in shown(results.run)], texts)
    blocks += loads(samples, texts)
    blocks.append(medians(results.run, cells, workload, found.baseline, texts))
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
