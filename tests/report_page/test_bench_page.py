"""The page of a benchmark, from results that were made up to have everything in them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hdrh.histogram import HdrHistogram
from page_text import Page

from tare.bench.analysis import analyse
from tare.bench.result import Candidate, Facts, Machine, Plan, Results, Run, Sample
from tare.bench.suites import CONTAINER
from tare.measure.sizes import ImageSizes
from tare.report.bench_load import loads
from tare.report.bench_page import document
from tare.report.bench_start import waterfalls
from tare.report.page.document import Bars, Document, Forest, Scatter, Span, Strip, Table, Timeline
from tare.report.page.html import to_html
from tare.report.page.markdown import to_markdown
from tare.report.page.words import words

MB = 1_000_000
SIZES = ImageSizes(
    pull=60 * MB, unpacked=150 * MB, rootfs=149 * MB, waste=MB, store=210 * MB, layers=(50 * MB, 10 * MB)
)


def candidate(name: str, **more: object) -> Candidate:
    facts = Facts(python="CPython 3.13.5", pgo=name != "alpine", libc="musl 1.2" if name == "alpine" else "glibc 2.41")
    return Candidate(name=name, reference=name, facts=facts, sizes=SIZES, **more)  # type: ignore[arg-type]


def sample(name: str, turn: int, value: float | None, **more: object) -> Sample:
    told = {"workload": "cpu", "case": "sort", **more}
    return Sample(candidate=name, round=turn, order=0, block="local", value=value, **told)  # type: ignore[arg-type]


def results() -> Results:
    samples = []
    for turn in range(8):
        wobble = 1 + turn % 3 / 1000
        for name, value in (("slim", 1.0), ("slim (A/A)", 1.001), ("alpine", 1.25)):
            samples.append(sample(name, turn, value * wobble))
            samples.append(sample(name, turn, value / 10 * wobble, workload="start", case="interpreter"))
        samples.append(sample("slim", turn, 3.0, case="join"))
        samples.append(sample("alpine", turn, None, case="join", status="oom"))
    return Results(
        run=Run(
            tare="1",
            plan=Plan(
                profile="smoke", workloads=("start", "cpu"), rounds=8, seed=108, baseline="slim", rows=100, engine="docker",
                database="sqlite", compat="0",
            ),
            candidates=(
                candidate("slim"),
                candidate("slim (A/A)", control="slim"),
                candidate("alpine", replica="python:3.13-alpine3.23"),
            ),
            machines={"local": Machine(name="h", system="Linux", processor="x", cores=2, memory=8 * MB, engine="docker")},
            command="tare bench run -o results",
        ),
        samples=tuple(samples),
    )  # fmt: skip


def page(language: str = "en") -> Document:
    found = results()
    return document(found, analyse(found), words(language))


def blocks(found: Document, kind: type) -> list[object]:
    return [block for section in found.sections for block in section.blocks if isinstance(block, kind)]


def test_it_begins_with_the_verdict_and_ends_with_the_machine() -> None:
    assert [section.title for section in page().sections] == [
        "Verdict", "Size", "CPU-bound work", "Start", "Why", "Noise", "Where it was measured",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [Scatter, Bars, Forest, Strip, Table])
def test_what_was_measured_is_drawn(kind: type) -> None:
    assert blocks(page(), kind)


def test_a_sweep_and_an_open_load_are_curves() -> None:
    latencies: Any = HdrHistogram(1, 120_000_000, 3)
    for value in range(1, 1001):
        latencies.record_value(value * 1000)
    told = {"histogram": latencies.encode().decode(), "workload": "service"}
    rates = ((1, "/db: 1 connection"), (8, "/db: 8 connections"), (32, "/db: 32 connections"))
    samples = [sample("slim", 0, 100.0 * users, case=case, unit="requests/s", **told) for users, case in rates]
    samples.append(sample("slim", 0, 0.99, case="/db: latency at 50% of the weakest peak", **told))
    throughput, latency = loads(samples, words("en"))

    assert throughput.title == "Throughput by concurrency: /db"
    assert list(throughput.series[0].points) == [(1, 100.0), (8, 800.0), (32, 3200.0)]
    assert latency.title == "Latency by percentile: /db: latency at 50% of the weakest peak"
    assert [point for point, _ in latency.series[0].points] == [50.0, 75.0, 90.0, 95.0, 99.0, 99.9]
    assert latency.series[0].points[0][1] == pytest.approx(500, rel=0.01)


def test_a_start_is_a_waterfall_of_what_adds_up() -> None:
    cases = {CONTAINER: 0.5, "interpreter": 0.02, "import the standard library": 0.12}
    samples = [sample("slim", 0, value, workload="start", case=case) for case, value in cases.items()]
    [found] = waterfalls(samples, ["slim", "alpine"], words("en"))

    assert [(each.name, round(each.end, 3)) for each in found.tracks[0].spans] == [
        ("container", 0.48), ("interpreter", 0.5), ("imports", 0.6),
    ]  # fmt: skip
    assert [each.name for each in found.tracks] == ["slim"]


def test_the_steps_of_a_build_are_drawn_one_after_another_as_their_medians() -> None:
    """As the workload `build` leaves them behind, with the kind of each that colours it."""
    told: dict[str, Any] = {"workload": "build", "case": "docker: from nothing"}
    steps = [{"step (base): FROM": 2.0, "step (install): RUN uv sync": 6.0 + turn} for turn in range(3)]
    samples = tuple(sample("alpine", turn, 9.0, extra=each, **told) for turn, each in enumerate(steps))
    failed = tuple(sample("slim", turn, None, status="failed", **told) for turn in range(3))
    made = msgspec.structs.replace(results(), samples=(*failed, *samples))
    whole = document(made, analyse(made), words("en"))
    [found] = blocks(whole, Timeline)
    assert isinstance(found, Timeline)

    assert [section.title for section in whole.sections][2] == "Build"
    assert found.title == "Build steps: docker: from nothing"
    assert [(each.name, each.spans) for each in found.tracks] == [
        (
            "alpine*",
            (
                Span(name="FROM", kind="base", start=0.0, end=2.0),
                Span(name="RUN uv sync", kind="install", start=2.0, end=9.0),
            ),
        )
    ]


def test_a_slower_image_is_called_slower_and_the_control_is_not() -> None:
    [forest, _] = blocks(page(), Forest)
    assert isinstance(forest, Forest)

    assert {each.subject: each.verdict for each in forest.estimates} == {
        "alpine": "slower",
        "slim (A/A)": "no practical difference",
    }


def test_a_cell_without_a_figure_says_what_it_is() -> None:
    assert "| join | 3.00 s | oom |" in to_markdown(page())


def test_what_explains_it_is_printed_beside_it() -> None:
    text = to_markdown(page())

    assert "| PGO | yes | no |" in text
    assert "alpine: the interpreter is built without PGO" in text


@pytest.mark.parametrize(("language", "case"), [("en", "figure: the first time"), ("ko", "figure: 첫 번째 실행")])
def test_a_cold_first_time_stands_below_the_warm_median(language: str, case: str) -> None:
    made = results()
    cold = tuple(
        sample("alpine", turn, 0.2, case="figure", first=first, values=(0.2, 0.2))
        for turn, first in enumerate((0.7, 0.9, 0.8))
    )
    made = msgspec.structs.replace(made, samples=(*made.samples, *cold))
    tables = blocks(document(made, analyse(made), words(language)), Table)

    rows = [row for table in tables if isinstance(table, Table) for row in table.rows]
    assert (case, "–", "800.0 ms") in rows
    assert ("figure", "–", "200.0 ms") in rows
    assert not any(row[0].startswith("sort:") for row in rows)


def test_replicas_are_marked() -> None:
    assert "alpine\\*" in to_markdown(page())


def test_korean_has_no_english_heading() -> None:
    titles = [section.title for section in page("ko").sections]

    assert not any(title.isascii() for title in titles)


def test_the_page_has_every_sample_in_it_and_every_plot_its_table() -> None:
    found = page()
    html = Page(to_html(found))

    assert html.count("figure") == html.count("details")
    assert len(json.loads(found.data)["samples"]) == len(results().samples)


def test_a_page_of_a_whole_run_is_below_a_megabyte() -> None:
    """Ten rounds of three candidates with forty cases, each with its answer and repetitions."""
    values = tuple(0.123456789 + turn / 1000 for turn in range(3))
    samples = tuple(
        sample(name, turn, values[0], case=f"case {case}", values=values, first=0.5, check="[1.0, 2.0, 3.0]")
        for turn in range(10)
        for name in ("slim", "slim (A/A)", "alpine")
        for case in range(40)
    )
    whole = msgspec.structs.replace(results(), samples=samples)

    assert len(to_html(document(whole, analyse(whole), words("en")))) < MB


def test_a_run_without_samples_is_a_page_too() -> None:
    empty = msgspec.structs.replace(results(), samples=())

    assert "There is nothing to compare." in to_markdown(document(empty, analyse(empty), words("en")))
