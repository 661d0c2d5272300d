"""How noisy a benchmark was, and on what machines."""

from __future__ import annotations

from collections.abc import Iterator

from tare.bench.analysis import Analysis
from tare.bench.result import Results, Run
from tare.report.page.document import Axis, Block, Column, Plot, Sample, Strip, Table, Text
from tare.report.page.words import Words
from tare.report.text import megabytes


def noise(results: Results, found: Analysis, texts: Words) -> Iterator[Block]:
    """Yield what the baseline differs from itself by, what is to be warned of, and single rounds."""
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


def machines(run: Run, texts: Words) -> Table:
    """Return the machines that measured."""
    rows = [
        (name, each.system, each.processor, str(each.cores), megabytes(each.memory), each.engine, each.cgroup)
        for name, each in run.machines.items()
    ]
    names = ("block", "system", "processor", "cores", "memory", "engine")
    heads = (*(Column(name=texts(name)) for name in names), Column(name="cgroup"))
    return Table(caption=texts("section_machine"), columns=heads, rows=tuple(rows))
