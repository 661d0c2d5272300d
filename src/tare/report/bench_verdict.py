"""What a benchmark comes to, as the first section of its document: sentences, the front, a row for each image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tare.bench.analysis import Analysis
from tare.bench.families import Family, unsure
from tare.bench.result import Run
from tare.report.bench_cells import beside, labelled, shown
from tare.report.page.document import (
    Axis,
    Block,
    Column,
    Point,
    Scatter,
    Table,
    Text,
)
from tare.report.page.words import Words
from tare.report.text import megabytes

_MEGA: Final = 1_000_000


def verdict(run: Run, found: Analysis, texts: Words) -> Iterator[Block]:
    labels = {each.name: labelled(each) for each in shown(run)}
    sentences = [_of_family(each, run, labels, texts) for each in found.families]
    if found.front:
        names = ", ".join(labels[each] for each in found.front)
        sentences.insert(0, texts("front", names=names, workload=found.front_of))
        if open_names := ", ".join(labels.get(each, each) for each in unsure(found.families, found.front_of)):
            sentences[0] += " " + texts("front_unsure", names=open_names, baseline=labels[found.baseline])
    for place, sentence in enumerate(sentences or [texts("no_verdict")]):
        yield Text(text=sentence, kind="verdict" if place == 0 else "plain")
    if any(each.replica for each in shown(run)):
        yield Text(text=texts("replicas"))
    points = tuple(_points(run, found))
    if len(points) > 1:
        yield Scatter(
            title=texts("size_and_time"),
            x=Axis(name=texts("pull"), unit="MB"),
            y=Axis(name=texts("relative_time", baseline=found.baseline, workload=found.front_of)),
            points=points,
            best=texts("best"),
        )
    if found.families:
        yield _summary(run, found, texts)


def _of_family(each: Family, run: Run, labels: dict[str, str], texts: Words) -> str:
    return texts(
        "family",
        candidate=labels[each.candidate],
        beside=labels[beside(run, each.candidate)],
        workload=each.workload,
        word=_word(each, texts),
        ratio=_bounds(each),
        cases=each.cases,
        faster=each.faster,
        slower=each.slower,
        undecided=each.undecided,
    )


_WORDS: Final = {"faster": "word_faster", "slower": "word_slower", "no practical difference": "word_same"}


def _word(each: Family, texts: Words) -> str:
    if each.mixed:
        return texts("word_mixed")
    return texts(_WORDS.get(each.comparison.verdict if each.comparison else "", "word_undecided"))


def _bounds(each: Family) -> str:
    whole = each.comparison
    if whole is None or whole.low <= 0:
        return f"{each.ratio:.2f}×"
    return f"{whole.ratio:.2f}× ({whole.low:.2f}–{whole.high:.2f})"


def relative_to(run: Run, texts: Words) -> str:
    """Return what ratios are relative to."""
    changed = any(each.ablation_of for each in run.candidates)
    return run.plan.baseline + (texts("own_image") if changed else "")


def _summary(run: Run, found: Analysis, texts: Words) -> Table:
    """Return a row for each image and a column for each kind of work: never a score over all of them."""
    families = {(each.candidate, each.workload): each for each in found.families}
    workloads = list(dict.fromkeys(each.workload for each in found.families))
    rows = []
    for each in shown(run):
        cells = [families.get((each.name, workload)) for workload in workloads]
        said = (
            f"{_bounds(cell)} {_word(cell, texts)}" if cell else "1" if each.name == found.baseline else "–"
            for cell in cells
        )
        rows.append((labelled(each), megabytes(each.sizes.pull) if each.sizes else "–", *said))
    heads = (Column(name=texts("image")), Column(name=texts("pull"), number=True))
    return Table(
        caption=texts("by_work", baseline=relative_to(run, texts)),
        columns=(*heads, *(Column(name=workload, number=True) for workload in workloads)),
        rows=tuple(rows),
    )  # fmt: skip


def _points(run: Run, found: Analysis) -> Iterator[Point]:
    """Yield what is pulled, and the time of the one kind of work that the front is about; the baseline's is 1."""
    times = {each.candidate: each.ratio for each in found.families if each.workload == found.front_of}
    for each in shown(run):
        if (
            found.front_of
            and each.sizes
            and not each.ablation_of
            and (each.name in times or each.name == found.baseline)
        ):
            time = times.get(each.name, 1.0)
            yield Point(name=labelled(each), x=each.sizes.pull / _MEGA, y=time, best=each.name in found.front)
