"""The document of a run: its schema is what the types say, and every document keeps to it."""

from __future__ import annotations

import json
import os

import msgspec
from bench_runs import simulated
from schemas import PUBLISHED, faults, published

from tare.bench.analysis import analyse
from tare.bench.result import SCHEMA
from tare.report.bench import Document, bench_json, bench_markdown, bench_text


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

    assert "alpine, cpu: slower (geometric mean +22 %; of 1 cases 0 faster, 1 slower, 0 undecided)" in text
    assert text.endswith("To repeat it: tare bench run\n")


def test_markdown_has_a_table_for_each_workload() -> None:
    results = simulated({"slim": 0.0, "alpine": 0.2}, noise=0.005)
    lines = bench_markdown(results, analyse(results)).splitlines()

    assert "| cpu | slim | alpine |" in lines
