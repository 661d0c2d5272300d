"""The document of a run: its schema is what the types say, and every document keeps to it."""

from __future__ import annotations

import json
import os
from typing import Any

import msgspec
import pytest
from bench_runs import head, simulated
from schemas import PUBLISHED, faults, published

from tare.bench.analysis import analyse
from tare.bench.result import SCHEMA, Counters, Results, Sample
from tare.report.bench import Document, bench_json, bench_markdown, bench_text
from tare.report.bench_page import document
from tare.report.page.words import words


def test_the_published_schema_is_that_of_the_types() -> None:
    made = msgspec.json.schema(Document)
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA, **made}
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    path = PUBLISHED / "tare.bench.1.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")

    assert path.read_text("utf-8") == text


def test_a_document_has_every_sample_and_keeps_to_the_schema() -> None:
    results = simulated({"slim": 0.0, "alpine": 0.2})
    document = json.loads(bench_json(results, analyse(results)))

    assert faults(published("tare.bench.1"), document) == []
    assert len(document["samples"]) == 30
    assert document["schema"] == "tare.bench/1"


def test_the_report_says_which_is_slower_and_how_to_repeat_it() -> None:
    results = simulated({"slim": 0.0, "alpine": 0.2}, noise=0.005)
    text = bench_text(results, analyse(results))

    assert (
        text
        == """\
smoke: 10 rounds with host on 2 cores, against slim

alpine beside slim, cpu: slower, +22 % (+22 % to +23 %), the geometric mean of 1 case: 0 faster, 1 slower, 0 undecided

cpu
           slim     A/A                                 alpine
  loops  1.00 s  −0.1 %  1.22 s  slower +22 % (+22 % to +23 %)

≈ no practical difference, ? undecided; how much more it takes than slim, with its 95 % interval

noise: the baseline against itself differs by up to 0.7 % in cpu

To repeat it: tare bench run
"""
    )


def test_a_report_names_the_server_that_was_asked() -> None:
    results = simulated({"slim": 0.0, "alpine": 0.2})
    plan = msgspec.structs.replace(results.run.plan, database="PostgreSQL 15.18")
    results = msgspec.structs.replace(results, run=msgspec.structs.replace(results.run, plan=plan))

    said = bench_text(results, analyse(results)).splitlines()[0]
    assert said == "smoke: 10 rounds with host on 2 cores and PostgreSQL 15.18, against slim"
    assert "with host, PostgreSQL 15.18 on" in document(results, analyse(results), words("en")).subtitle


def test_markdown_has_a_table_for_each_workload_and_says_how_noisy_it_was() -> None:
    results = simulated({"slim": 0.0, "alpine": 0.2}, noise=0.005)
    lines = bench_markdown(results, analyse(results)).splitlines()

    assert "| cpu | slim | A/A | alpine |" in lines
    assert "- A/A: the same image again, under another name" in lines
    assert any(line.startswith("- noise: the baseline against itself differs by up to ") for line in lines)


def test_one_image_alone_is_told_that_there_is_nothing_to_compare() -> None:
    results = simulated({"slim": 0.0}, noise=0.3)
    text = bench_text(results, analyse(results))

    assert "slim alone was measured: there is nothing to compare it with. A/A is what it differs by" in text
    assert "undecided" not in text


def of_cases(*cases: dict[str, Any], replica: str | None = None) -> Results:
    """Return a round of slim and alpine, with these fields of alpine's samples."""
    run = head("slim", "alpine")
    candidates = tuple(
        msgspec.structs.replace(each, replica=replica if each.name == "alpine" else None) for each in run.candidates
    )
    common = {"workload": "io", "round": 0, "order": 0, "block": "local"}
    samples = [
        Sample(
            **{**common, "candidate": name, "value": 0.5, "case": each["case"], **(each if name == "alpine" else {})}
        )
        for each in cases
        for name in ("slim", "alpine")
    ]
    return Results(run=msgspec.structs.replace(run, candidates=candidates), samples=tuple(samples))


def test_a_cell_without_a_figure_has_its_reason_below_the_table() -> None:
    note = "the load generator used 93% of a core"
    results = of_cases(*({"case": f"/db {rate}", "status": "invalid", "note": note} for rate in (1, 2, 3)))
    lines = bench_text(results, analyse(results)).splitlines()

    assert "  alpine, /db 1, /db 2 and 1 more: invalid: the load generator used 93% of a core" in lines


def test_the_servers_time_stands_below_the_whole_one() -> None:
    results = of_cases({"case": "postgres: point", "extra": {"server": 0.2, "client": 0.3}})
    found = analyse(results)

    assert "  of it the server" in bench_text(results, found)
    assert "| of it the server |  |  | 200.0 ms |" in bench_markdown(results, found)


@pytest.mark.parametrize(
    ("first", "values", "shown"),
    [(2.5, (1.0, 1.0), True), (1.2, (1.0, 1.0), False), (0.012, (0.005, 0.005), False), (2.5, (2.5,), False)],
)
def test_the_first_time_in_a_container_has_a_row_where_it_is_felt(
    first: float, values: tuple[float, ...], shown: bool
) -> None:
    results = of_cases({"case": "figure", "first": first, "values": values, "value": values[-1]})
    found = analyse(results)

    assert ("  the first time" in bench_text(results, found)) is shown
    assert (f"| the first time |  |  | {first:.2f} s |" in bench_markdown(results, found)) is shown


def test_peak_memory_and_throttling_are_shown() -> None:
    counters = Counters(memory_peak=80_000_000, throttled_seconds=1.25)
    results = of_cases({"case": "sort", "counters": counters})
    found = analyse(results)
    lines = bench_text(results, found).splitlines()

    assert [each.split() for each in lines if each.startswith("  peak memory")] == [["peak", "memory", "80.0", "MB"]]
    assert "warning: alpine was throttled for 1.2 s in 1 sample" in lines


def test_a_replica_is_marked_wherever_its_figures_are() -> None:
    results = of_cases({"case": "count"}, replica="python:3.13-alpine3.23")
    found = analyse(results)

    for text in (bench_text(results, found), bench_markdown(results, found)):
        assert "alpine*" in text
        assert "replica, made of the distribution's packages in the place of the official image: alpine" in text


def test_the_cells_of_many_images_stand_below_each_other() -> None:
    results = simulated({"slim": 0.0, **{f"another image, number {number}": 0.2 for number in range(4)}}, noise=0.001)
    lines = bench_text(results, analyse(results)).splitlines()

    assert "  loops" in lines
    assert max(map(len, lines)) <= 140
    assert sum(line.startswith("    another image, number ") for line in lines) == 4
