"""What `tare bench` and `tare report` refuse before anything is measured."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
from bench_runs import simulated
from command import Place

from tare.bench.journal import Journal
from tare.cli.settings import repeated


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ("run", "python:3.13-slim"),
            "error: `tare bench run` takes no `python:3.13-slim`\n\n"
            "hint: Name images with `--image`, and with `--output` where results go\n",
        ),
        (
            ("run", "--fail-on", "cpu>1.05"),
            "error: `tare bench run` has no limits that it could fail on\n\n"
            "hint: Measure first, and then write `tare bench compare DIR --fail-on …`\n",
        ),
        (
            ("compare", "old", "new", "--html", "page.html"),
            "error: `tare bench compare` makes no page and no Markdown\n\n"
            "hint: Write `tare bench report DIR` for what one run showed\n",
        ),
        (
            ("run", "--html", "nowhere/page.html"),
            "error: there is no directory `nowhere`\n\nhint: Make it, or name another `--html`\n",
        ),
        (
            ("run", "--workloads", ","),
            "error: no workload was named\n\nhint: Choose of size, build, start, io, cpu, frames, learning\n",
        ),
        (
            ("run", "--workloads", "gpu"),
            "error: there is no workload `gpu`\n\nhint: Choose of size, build, start, io, cpu, frames, learning\n",
        ),
        (
            ("run", "--workloads", "size"),
            "error: an interpreter of this machine has no size\n\nhint: Name images with `--image`, or other workloads\n",
        ),
        (
            ("run", "--more", "2", "-o", "nowhere"),
            "error: there are no results in `nowhere` that rounds could be added to\n\n"
            "hint: Leave `--more` out, or name the directory with `--output`\n",
        ),
        (
            ("run", "--more", "2", "--executor", "kubernetes:registry.example/tare:1"),
            "error: pods keep no results that rounds could be added to\n\n"
            "hint: Leave `--more` out: each run adds blocks to those in `--output`\n",
        ),
        (
            ("run", "--workloads", "io", "--database", "sqlite:///x"),
            "error: `sqlite:///x` is not the address of a PostgreSQL\n\n"
            "hint: Write `--database postgresql://USER@HOST/NAME`\n",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(place: Place, words: tuple[str, ...], error: str) -> None:
    ran = place("bench", *words)

    assert (ran.code, ran.out, ran.err) == (2, "", error)


def test_without_the_engine_that_was_named_nothing_is_begun(place: Place) -> None:
    words = ("run", "--engine", "docker", "--image", "deb:trixie", "--workloads", "start", "-o", "results")
    ran = place("bench", *words, env={"PATH": "/nowhere"})

    assert (ran.code, ran.out, ran.err) == (
        2,
        "",
        "error: the engine `docker` cannot be used here\n  caused by: docker: there is no `docker` on PATH\n\n"
        "hint: Start Docker, or install podman\n",
    )
    assert not (place.app / "results").exists()


@pytest.mark.parametrize(
    ("lacks", "words", "error"),
    [
        (
            "hdrh.histogram",
            ("run", "--workloads", "io", "--database", "postgresql://nowhere.example/x"),
            "error: the latencies of a load need `hdrhistogram`\n\nhint: Install the extra: `pip install 'pytare[bench]'`\n",
        ),
        (
            "matplotlib",
            ("run", "--html", "page.html"),
            "error: a page of HTML needs what is not installed here\n  caused by: there is no `matplotlib`\n\n"
            "hint: Run `pip install 'pytare[report]'`\n",
        ),
    ],
)
def test_what_would_be_missed_after_an_hour_is_missed_at_once(
    place: Place, monkeypatch: pytest.MonkeyPatch, lacks: str, words: tuple[str, ...], error: str
) -> None:
    monkeypatch.setitem(sys.modules, lacks, None)
    ran = place("bench", *words)

    assert (ran.code, ran.out, ran.err) == (2, "", error)


@pytest.mark.parametrize(
    ("schema", "error"),
    [
        (
            "tare.bench/0",
            "error: `results/run.json` was written by an older version of tare\n"
            "  caused by: `tare.bench/0`, by 0.0.9; this version reads `tare.bench/1`\n\n"
            "hint: Read it with that version, or measure again\n",
        ),
        (
            "tare.bench/2",
            "error: `results/run.json` was written by a newer version of tare\n"
            "  caused by: `tare.bench/2`, by 0.0.9; this version reads `tare.bench/1`\n\n"
            "hint: Read it with that version, or a newer one\n",
        ),
        (
            "asv/1",
            "error: `results/run.json` is not the head of a benchmark\n  caused by: its schema is `asv/1`\n",
        ),
    ],
)
@pytest.mark.parametrize(
    "words", [("report", "results"), ("compare", "results"), ("run", "--workloads", "start", "-o", "results")]
)
def test_results_of_another_version_are_refused_before_anything_is_measured(
    place: Place, words: tuple[str, ...], schema: str, error: str
) -> None:
    results = simulated({"slim": 0.0})
    run = msgspec.structs.replace(results.run, schema=schema, tare="0.0.9")
    Journal(place.app / "results").write(msgspec.structs.replace(results, run=run))

    ran = place("bench", *words)

    assert (ran.code, ran.out, ran.err) == (2, "", error)
    assert Journal(place.app / "results").directory.joinpath("samples.jsonl").stat().st_size > 0


@pytest.mark.parametrize(
    ("database", "wanted"),
    [
        ((), "30.0 GB wanted"),
        (("--database", "postgresql://me@localhost/x"), "30.0 GB wanted"),
        (("--database", "postgresql://me@db.example/x"), "4.0 GB wanted"),
    ],
)
def test_a_table_on_another_machine_needs_no_disk_here(place: Place, database: tuple[str, ...], wanted: str) -> None:
    ran = place("bench", "doctor", "--profile", "full", "--workloads", "io", *database)
    [disk] = [line for line in ran.out.splitlines() if line.split()[1] == "disk"]

    assert disk.endswith(wanted)


def test_the_command_that_is_kept_with_results_has_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    words = (
        "bench",
        "run",
        "--database",
        "postgresql://me:s3cr@t@db.example/x",
        "--image",
        "docker://h:1/p:3@sha256:ab",
    )
    monkeypatch.setattr(sys, "argv", ["tare", *words, "--image", "docker://python:3@sha256:ab"])

    assert repeated() == (
        "tare bench run --database 'postgresql://me:***@db.example/x' --image docker://h:1/p:3@sha256:ab "
        "--image docker://python:3@sha256:ab"
    )


@pytest.mark.parametrize("option", ["--rounds", "--more"])
@pytest.mark.parametrize("value", ["0", "-2", "x"])
def test_rounds_are_numbers_from_one_on(place: Place, option: str, value: str) -> None:
    ran = place("bench", "run", f"{option}={value}")

    assert (ran.code, ran.out) == (2, "")
    assert f"`{value}` is not a number from 1 on" in ran.err


def test_blocks_of_several_machines_are_one_report(place: Place, tmp_path: Path) -> None:
    for block in ("one", "two"):
        Journal(tmp_path / block).write(simulated({"slim": 0.0, "alpine": 0.2}, rounds=3, block=block))
    ran = place("report", str(tmp_path / "one"), str(tmp_path / "two"))

    assert (ran.code, ran.err) == (0, "")
    assert "smoke, rounds: 6, against slim" in ran.out


def test_a_report_is_a_page_too(place: Place, tmp_path: Path) -> None:
    Journal(tmp_path / "one").write(simulated({"slim": 0.0, "alpine": 0.2}, rounds=5))
    page = tmp_path / "page.html"
    ran = place("bench", "report", str(tmp_path / "one"), "--html", str(page), "--language", "ko")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("smoke: 5 rounds")
    assert "이미지 2개 측정 결과" in page.read_text("utf-8")


def test_a_document_is_reported_alone(place: Place, tmp_path: Path) -> None:
    Journal(tmp_path / "one").write(simulated({"slim": 0.0}, rounds=3))
    ran = place("report", str(tmp_path / "one"), str(tmp_path / "results.json"))

    assert (ran.code, ran.out, ran.err) == (
        2,
        "",
        "error: `TMP/results.json` is not a directory of results\n\n"
        "hint: Name several only if `tare bench run` made them\n",
    )


def test_a_page_that_cannot_be_written_is_said_before_anything_is_built(place: Place) -> None:
    ran = place("compare", ".", "--build-only", "--html", "nowhere/page.html")

    assert (ran.code, ran.out, ran.err) == (
        2,
        "",
        "error: there is no directory `nowhere`\n\nhint: Make it, or name another `--html`\n",
    )
