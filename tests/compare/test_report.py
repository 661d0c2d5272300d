"""What a comparison says: from numbers to sentences, tables and a page."""

from __future__ import annotations

import json

import msgspec
import pytest
from schemas import PUBLISHED, faults, published

from tare.bench.comparison import Build, Candidate, Comparison, Facts, Start
from tare.bench.result import Step
from tare.measure.sizes import ImageSizes
from tare.report.compare import compare_json, compare_text, document
from tare.report.page.html import to_html
from tare.report.page.markdown import to_markdown
from tare.report.page.words import words
from tare.report.verdict import verdict

MB = 1_000_000


def candidate(base: str, *, pull: int, imports: float, line: float, builder: str = "docker") -> Candidate:
    return Candidate(
        base=base,
        builder=builder,
        digest="sha256:" + "0" * 64,
        reference="oci:image",
        sizes=ImageSizes(pull=pull, unpacked=3 * pull, rootfs=2 * pull, waste=pull, store=4 * pull, shown=3 * pull),
        builds=(
            Build(change="cold", seconds=90, steps=(Step(name="RUN uv sync", kind="install", start=0, end=80),)),
            Build(change="dependency", seconds=40, note="the lockfile was touched"),
            Build(change="line", seconds=line),
        ),
        start=Start(
            container=(0.5, 0.4, 0.6),
            interpreter=(0.01, 0.02, 0.03),
            imports=(imports, imports - 0.1, imports + 0.1),
            first=2.0,
            modules=("pandas",),
            memory=110 * MB,
        ),
        facts=Facts(python="3.13.5", libc="glibc 2.41", pgo=True, lto=None, bytecode=False, user="1000"),
    )


def comparison(*candidates: Candidate) -> Comparison:
    return Comparison(
        project="science",
        made="2026-11-24 10:00 UTC",
        machine="Linux x86_64, 2 CPUs",
        engine="docker",
        rounds=3,
        candidates=candidates,
        command="tare compare .",
    )


FULL = candidate("python:3.13", pull=400 * MB, imports=1.0, line=30)
SLIM = candidate("python:3.13-slim", pull=100 * MB, imports=1.01, line=30)
ALPINE = candidate("python:3.13-alpine", pull=80 * MB, imports=1.5, line=45)
DEB = candidate("deb:trixie", pull=70 * MB, imports=1.0, line=0.2, builder="tare")
FAILED = Candidate(base="nope:1", builder="tare", status="failed", why="`tare build` failed: no such image")


def sentences(*candidates: Candidate, language: str = "en") -> list[str]:
    return list(verdict(comparison(*candidates), words(language)))


def test_what_is_better_in_everything_is_to_be_taken() -> None:
    assert sentences(FULL, DEB) == [
        "Take deb:trixie, tare: nothing else is better in size or in start.",
        "The smallest to pull is deb:trixie, tare, with 70.0 MB; the largest is python:3.13, docker, 5.7 times that.",
        "The project's imports take about as long in all: they differ by less than 5 %, or by less than starts of one image do.",
        "After a changed line, deb:trixie, tare has its image again in 200 ms; python:3.13, docker takes 150 times that.",
    ]


def test_where_one_is_smaller_and_another_faster_it_is_between_them() -> None:
    assert sentences(SLIM, ALPINE) == [
        "It is between python:3.13-slim, docker and python:3.13-alpine, docker: one is smaller, another starts sooner.",
        "The smallest to pull is python:3.13-alpine, docker, with 80.0 MB; the largest is python:3.13-slim, docker, "
        "1.2 times that.",
        "The project's imports take 1.0 s on python:3.13-slim, docker; on python:3.13-alpine, docker they take "
        "1.49 times that.",
        "After a changed line, python:3.13-slim, docker has its image again in 30.0 s; python:3.13-alpine, docker takes "
        "1.5 times that.",
    ]


def test_an_image_that_compiles_what_it_imports_is_told_from_one_that_need_not() -> None:
    compiled = msgspec.structs.replace(SLIM, facts=msgspec.structs.replace(SLIM.facts, bytecode=True))
    slow = candidate("deb:trixie", pull=70 * MB, imports=1.5, line=0.2, builder="tare")

    assert sentences(compiled, slow)[3:5] == [
        "Without bytecode of what the project imports, which each fresh container then compiles: deb:trixie, tare. "
        "With it: python:3.13-slim, docker.",
        '`bytecode = "auto"` below `[tool.tare]` puts it into the images that tare builds, too, which grow by it.',
    ]
    assert len(sentences(compiled, ALPINE)) == len(sentences(SLIM, ALPINE)) + 1
    assert not any("bytecode" in each for each in sentences(SLIM, slow))


def test_a_difference_that_is_noise_is_not_a_reason() -> None:
    assert sentences(FULL, SLIM)[0] == "Take python:3.13-slim, docker: nothing else is better in size or in start."


def test_what_is_alike_is_called_that_and_what_was_not_measured_is_said() -> None:
    """Bookworm is half a percent smaller than trixie: nobody should take it for that."""
    trixie = candidate("deb:trixie", pull=180 * MB, imports=1.0, line=1, builder="tare")
    bookworm = candidate("deb:bookworm", pull=179 * MB, imports=1.0, line=1, builder="tare")
    built = [msgspec.structs.replace(each, start=None) for each in (trixie, bookworm, FULL)]

    assert sentences(trixie, bookworm)[0] == (
        "Take deb:trixie, tare or deb:bookworm, tare: they are alike in size and in start."
    )
    assert sentences(*built[:2])[0] == (
        "Take deb:trixie, tare or deb:bookworm, tare: they are alike in size. How they start was not measured."
    )
    assert sentences(built[0], built[2])[0] == (
        "Take deb:trixie, tare: nothing else is smaller to pull. How they start was not measured."
    )


def test_starts_that_differ_by_as_much_in_one_image_are_called_equal() -> None:
    def told(*imports: float) -> Candidate:
        found = candidate("python:3.13-noisy", pull=90 * MB, imports=1.0, line=30)
        return msgspec.structs.replace(found, start=Start(imports=imports, modules=("pandas",)))

    steady, noisy, outlier = (
        told(1.0, 1.01, 1.02, 1.0, 0.99),
        told(0.9, 0.95, 1.1, 1.5, 1.6),
        told(0.5, 0.5, 0.5, 0.5, 2.0),
    )
    about = "The project's imports take about as long in all"

    assert any(each.startswith(about) for each in sentences(steady, noisy))
    assert not any(each.startswith(about) for each in sentences(steady, outlier))


def test_a_base_is_called_by_what_tells_it_from_others() -> None:
    image = msgspec.structs.replace(SLIM, base="docker://registry.example:5000/library/python:3.13-slim")

    assert image.name == "python:3.13-slim, docker"


def test_where_nothing_is_imported_the_size_decides() -> None:
    start = Start(interpreter=(0.01,), imports=(0.5,), container=(0.1,))
    slow, quick = (msgspec.structs.replace(each, start=start) for each in (DEB, FULL))

    assert sentences(slow, quick)[0] == "Take deb:trixie, tare: nothing else is better in size or in start."
    assert not any("imports" in sentence for sentence in sentences(slow, quick))


def test_one_image_is_not_compared() -> None:
    assert sentences(DEB) == []


def test_nothing_that_could_be_measured_is_said() -> None:
    assert sentences(FAILED) == ["No image could be measured."]


def test_the_terminal_has_a_row_for_each_and_the_reason_of_what_failed() -> None:
    lines = compare_text(comparison(DEB, FAILED), words("en")).splitlines()

    assert lines[:3] == [
        "image                pull  unpacked  docker images  engine's list        cold  a dependency more  a changed line  "
        "container  interpreter  imports    memory",
        "deb:trixie, tare  70.0 MB  210.0 MB       280.0 MB       210.0 MB  1 min 30 s             40.0 s          200 ms  "
        "   500 ms        20 ms    1.0 s  110.0 MB",
        "nope:1, tare",
    ]
    assert "nope:1, tare: `tare build` failed: no such image" in lines
    assert "deb:trixie, tare: the lockfile was touched" in lines


def test_a_replica_is_marked_wherever_it_is_named() -> None:
    replica = msgspec.structs.replace(SLIM, facts=Facts(replica=True))
    text = compare_text(comparison(replica, DEB), words("en"))

    assert "python:3.13-slim*, docker" in text
    assert "replicas of official images" in text


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("candidates", [(), (FAILED,), (DEB,), (FULL, SLIM, ALPINE, DEB, FAILED)])
def test_every_comparison_is_a_page_and_markdown(language: str, candidates: tuple[Candidate, ...]) -> None:
    found = document(comparison(*candidates), words(language))

    assert to_html(found).count("<section") == len(found.sections)
    assert to_markdown(found).count("\n## ") == len(found.sections)


def test_the_page_carries_the_document() -> None:
    whole = comparison(FULL, DEB)

    assert msgspec.json.decode(document(whole, words("en")).data, type=Comparison) == whole


def test_the_document_fits_its_schema() -> None:
    text = compare_json(comparison(FULL, SLIM, FAILED))

    assert faults(published("tare.compare.1"), json.loads(text)) == []


def test_the_schema_is_that_of_the_values() -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Comparison)}

    assert json.loads((PUBLISHED / "tare.compare.1.json").read_bytes()) == json.loads(json.dumps(schema))
