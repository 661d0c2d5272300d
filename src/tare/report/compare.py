"""The comparison of a project's images as a document, and as a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Final

import msgspec

from tare.bench.comparison import Build, Candidate, Comparison
from tare.report.page.document import (
    Axis,
    Bar,
    Bars,
    Column,
    Document,
    Part,
    Point,
    Sample,
    Scatter,
    Section,
    Span,
    Strip,
    Table,
    Text,
    Timeline,
    Track,
)
from tare.report.page.words import Words
from tare.report.text import duration, megabytes, table
from tare.report.verdict import front, imports_of, verdict

_MEGA: Final = 1_000_000


def compare_json(comparison: Comparison) -> str:
    """Return *comparison* as a document (docs/schemas/compare.json)."""
    return msgspec.json.format(msgspec.json.encode(comparison), indent=2).decode() + "\n"


def compare_text(comparison: Comparison, texts: Words) -> str:
    """Return *comparison* as a person reads it on a terminal."""
    good = [each for each in comparison.candidates if each.status == "ok"]
    summary = _summary(comparison, good, texts)
    right = frozenset(place for place, column in enumerate(summary.columns) if column.number)
    lines = [table([tuple(column.name for column in summary.columns), *summary.rows], right=right), ""]
    lines += verdict(comparison, texts)
    if len(good) > 1 and any(each.builds for each in good):
        lines.append(texts("few_rounds"))
    lines += [f"{each.name}: {each.why}" for each in comparison.candidates if each.status != "ok"]
    lines += ["", *comparison.notes] if comparison.notes else []
    lines += ["", *summary.notes] if summary.notes else []
    return "\n".join(lines) + "\n"


def document(comparison: Comparison, texts: Words) -> Document:
    """Return *comparison* as a report in the language of *texts*."""
    good = [each for each in comparison.candidates if each.status == "ok"]
    sections = [
        Section(title=texts("section_verdict"), blocks=(*_verdict(comparison, good, texts), *_pareto(good, texts))),
        Section(title=texts("section_summary"), blocks=(_summary(comparison, good, texts),)),
        Section(title=texts("section_sizes"), blocks=tuple(_sizes(good, texts))),
        Section(title=texts("section_builds"), blocks=tuple(_builds(good, texts))),
        Section(title=texts("section_start"), blocks=tuple(_starts(good, texts))),
        Section(title=texts("section_why"), blocks=(_facts(good, texts),) if good else ()),
    ]
    failed = [each for each in comparison.candidates if each.status != "ok"]
    if failed:
        sections.append(Section(title=texts("section_failed"), blocks=(_failed(failed, texts),)))
    return Document(
        title=texts("compare_title", project=comparison.project, count=len(comparison.candidates)),
        subtitle=texts(
            "compare_subtitle",
            made=comparison.made,
            machine=comparison.machine,
            engine=comparison.engine or "–",
            rounds=comparison.rounds,
        ),
        language=texts.language,
        sections=tuple(each for each in sections if each.blocks),
        command=comparison.command,
        data=msgspec.json.encode(comparison),
    )


def _verdict(comparison: Comparison, good: list[Candidate], texts: Words) -> Iterator[Text]:
    for place, sentence in enumerate(verdict(comparison, texts)):
        yield Text(text=sentence, kind="verdict" if place == 0 else "plain")
    if any(each.builds for each in good):
        yield Text(text=texts("few_rounds"), kind="warning")
    for note in comparison.notes:
        yield Text(text=note, kind="warning")


def _pareto(good: list[Candidate], texts: Words) -> Iterator[Scatter]:
    best = front(good)
    points = tuple(
        Point(name=each.name, x=each.sizes.pull / _MEGA, y=imports_of(each), best=each in best)
        for each in good
        if each.sizes and imports_of(each)
    )
    if points:
        yield Scatter(
            title=texts("pull_and_start"),
            x=Axis(name=texts("pull"), unit="MB"),
            y=Axis(name=texts("imports"), unit="s"),
            points=points,
            best=texts("pareto"),
        )


def _summary(comparison: Comparison, good: list[Candidate], texts: Words) -> Table:
    keys = (
        "pull", "unpacked", "store", "shown", "cold", "dependency", "line", "container", "interpreter",
        "imports", "serving", "memory",
    )  # fmt: skip
    rows = [(each.name, *_cells(each)) for each in comparison.candidates]
    kept = [place for place, _ in enumerate(keys, 1) if any(row[place] for row in rows)]
    notes = [texts("docker_shows")] if good else []
    if any(each.facts.replica for each in good):
        notes.append(texts("replicas"))
    notes += [f"{each.name}: {build.note}" for each in good for build in each.builds if build.note]
    notes += [f"{each.name}: {each.start.unserved}" for each in good if each.start and each.start.unserved]
    return Table(
        caption=texts("summary"),
        columns=(Column(name=texts("image")), *(Column(name=texts(keys[place - 1]), number=True) for place in kept)),
        rows=tuple((row[0], *(row[place] for place in kept)) for row in rows),
        notes=tuple(notes),
    )


def _cells(each: Candidate) -> tuple[str, ...]:
    sizes, start = each.sizes, each.start
    starts = (start.container, start.interpreter, start.imports, start.serving) if start else ((), (), (), ())
    times = {build.change: duration(build.seconds) for build in each.builds}
    return (
        *((megabytes(size) for size in (sizes.pull, sizes.unpacked, sizes.store)) if sizes else ("", "", "")),
        megabytes(sizes.shown) if sizes and sizes.shown else "",
        *(times.get(change, "") for change in ("cold", "dependency", "line")),
        *map(_middle, starts),
        megabytes(start.memory) if start and start.memory else "",
    )


def _sizes(good: list[Candidate], texts: Words) -> Iterator[Bars]:
    bars = tuple(
        Bar(
            name=each.name,
            parts=(
                Part(name=texts("rootfs"), value=each.sizes.rootfs / _MEGA),
                Part(name=texts("waste"), value=each.sizes.waste / _MEGA),
            ),
        )
        for each in good
        if each.sizes
    )
    if bars:
        yield Bars(title=texts("unpacked"), axis=Axis(name=texts("size"), unit="MB"), bars=bars)


def _builds(good: list[Candidate], texts: Words) -> Iterator[Timeline]:
    for change in ("cold", "dependency", "line"):
        tracks = tuple(
            Track(name=each.name, spans=_spans(build, texts))
            for each in good
            for build in each.builds
            if build.change == change
        )
        if tracks:
            title = texts("build_steps", change=texts(change))
            yield Timeline(title=title, axis=Axis(name=texts("time"), unit="s"), tracks=tracks, kinds=texts.kinds())


def _spans(build: Build, texts: Words) -> tuple[Span, ...]:
    steps = [Span(name=each.name, kind=texts.kind(each.kind), start=each.start, end=each.end) for each in build.steps]
    return tuple(steps) or (Span(name=build.change, kind=texts.kind("build"), start=0, end=build.seconds),)


def _starts(good: list[Candidate], texts: Words) -> Iterator[Timeline | Strip]:
    tracks = tuple(Track(name=each.name, spans=tuple(_phases(each, texts))) for each in good if each.start)
    if tracks:
        yield Timeline(title=texts("waterfall"), axis=Axis(name=texts("time"), unit="s"), tracks=tracks)
        yield Strip(
            title=texts("every_import"),
            axis=Axis(name=texts("imports"), unit="s"),
            samples=tuple(Sample(name=each.name, values=each.start.imports) for each in good if each.start),
        )


def _phases(each: Candidate, texts: Words) -> Iterator[Span]:
    """Yield the container, the interpreter in it, imports and the first answer, each less what it has of those before."""
    if each.start is None:
        return
    at = 0.0
    interpreter = median(each.start.interpreter)
    lengths = {
        "container": median(each.start.container) - interpreter,
        "interpreter": interpreter,
        "imports": median(each.start.imports) - interpreter,
    }
    if each.start.serving:
        lengths["serving"] = median(each.start.serving) - median(each.start.container) - lengths["imports"]
    for key, length in lengths.items():
        yield Span(name=texts(key), kind=texts(key), start=at, end=at + max(length, 0))
        at += max(length, 0)


def _facts(good: list[Candidate], texts: Words) -> Table:
    names = (texts("image"), "Python", "libc", "PGO", "LTO", texts("bytecode"), texts("user"))
    rows = []
    for each in good:
        facts = each.facts
        flags = (_flag(flag, texts) for flag in (facts.pgo, facts.lto, facts.bytecode))
        rows.append((each.name, facts.python, facts.libc, *flags, facts.user))
    columns = tuple(Column(name=name) for name in names)
    return Table(caption=texts("explains"), columns=columns, rows=tuple(rows))


def _failed(failed: list[Candidate], texts: Words) -> Table:
    return Table(
        caption=texts("section_failed"),
        columns=(Column(name=texts("image")), Column(name=texts("reason"))),
        rows=tuple((each.name, each.why) for each in failed),
    )


def _flag(flag: bool | None, texts: Words) -> str:  # noqa: FBT001  # a value to show, not an option
    return texts("unknown") if flag is None else texts("yes" if flag else "no")


def _middle(values: tuple[float, ...]) -> str:
    return duration(median(values)) if values else ""
