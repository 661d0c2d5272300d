"""No file makes the checker fail or wait: mutated ones, random ones, and ones that are made to be slow."""

from __future__ import annotations

import datetime as dt
import random
import time

import pytest
from dockerfile_corpus import CASES
from hypothesis import given, settings
from hypothesis import strategies as st

from tare.dockerfile.beside import Beside
from tare.dockerfile.lint import Result, lint
from tare.dockerfile.parse.source import Source, decode
from tare.dockerfile.repair import fixed
from tare.dockerfile.settings import Settings

TODAY = dt.date(2026, 11, 24)
SELECT = Settings(select=("D", "TP", "TP303"))
PIECES = [
    *(
        "\\",
        "\n",
        "\r\n",
        "#",
        " ",
        '"',
        "'",
        "$",
        "${",
        "}",
        "[",
        "]",
        "<<EOF",
        "\nEOF\n",
        "--mount=",
        "\t",
        "=",
        "\\\n",
    ),
    *(
        "`",
        "# escape=`\n",
        ",",
        "RUN ",
        "FROM python:3.13\n",
        "ENV A=$A$A\n",
        "\ufeff",
        "\x00",
        "é",
        "\u3000",
        "\x0b",
        "\x85",
    ),
    *("pip install -r ", "&&", "||", "$(", "| sh", "COPY --from=", "COPY . .\n", "# tare: ignore[", "uv sync ", "<<-"),
]


def check(text: str | bytes) -> Result:
    source = decode(text) if isinstance(text, bytes) else Source(text)
    return lint(source, beside=Beside(), today=TODAY, settings=SELECT)


@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_mutated_files_are_checked(seed: int) -> None:
    """Ten of these make the thousand."""
    chance = random.Random(seed)  # noqa: S311 - the same thousand files each time
    for _ in range(100):
        text = chance.choice(CASES).text + chance.choice(CASES).text
        for _ in range(chance.randint(1, 12)):
            at = chance.randint(0, len(text))
            end = at + chance.choice([0, 0, 1, 5])
            text = text[:at] + chance.choice(PIECES) + text[end:]

        result = check(text)

        places = [(finding.line, finding.column) for finding in result.findings]
        assert places == sorted(places)
        assert all(line >= 1 and column >= 1 for line, column in places)
        new, count = fixed(result.source, result.findings)
        assert count == 0 or new != text


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
@settings(max_examples=300)
def test_pieces_in_any_order_are_checked(text: str) -> None:
    check("FROM python:3.13-slim\n" + text)


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_bytes_are_checked(data: bytes) -> None:
    check(data)


SLOW = {
    "a variable that doubles": "FROM scratch\n" + "ENV A=$A$A$A\n" * 2000,
    "as many variables": "FROM scratch\n" + "".join(f"ENV A{number}=1\n" for number in range(5000)),
    "substitutions within each other": "FROM scratch\nENV A=" + "${A:-" * 2000 + "}" * 2000 + "\n",
    "a pattern with many wildcards": "FROM scratch\nENV A=" + "a" * 3000 + "\nENV B=${A#" + "*a" * 60 + "b}\n",
    "heredocs without an end": "FROM scratch\n" + "".join(f"RUN <<E{number}\n" for number in range(5000)),
    "one line that goes on": "FROM scratch\nRUN " + "a && \\\n" * 20000 + "b\n",
    "one word": "FROM scratch\nRUN " + "a" * 500_000 + "\n",
    "quotes that do not end": "FROM scratch\n" + "RUN echo '\"$(`\n" * 5000,
    "scripts within each other": "FROM scratch\nRUN " + "$(" * 5000 + "\n",
    "comments at the ends of lines": "FROM scratch\nENV A=1 \\\n" + "  B=2 # c \\\n" * 2000 + "C=3\n",
    "arrays and signs": "FROM scratch\nCMD [" + '"]", ' * 5000 + '"a"] # c\n',
    "brackets": "FROM scratch\nCMD " + "[" * 100_000 + "\n",
    "stages": "".join(
        f"FROM python:3.13-slim AS s{number}\nCOPY --from=s{number - 1} /a /b\n" for number in range(800)
    ),
    "stages on stages": "FROM python:3.13-slim AS s0\n"
    + "".join(f"FROM s{number} AS s{number + 1}\nRUN uv sync\n" for number in range(400)),
    "environments handed on": "".join(
        f"FROM python:3.13-slim AS s{number}\nRUN python -m venv /v && uv sync\nCOPY --from=s{number - 1} /v /w\n"
        for number in range(400)
    ),
    "environments upon environments": "FROM python:3.13-slim AS s0\n"
    + "".join(f"FROM s{number} AS s{number + 1}\nRUN uv venv /v{number}\n" for number in range(200))
    + "".join(f"FROM scratch\nCOPY --from=s{number} / /\n" for number in range(200)),
    "copies and owners": "FROM python:3.13-slim\n" + "COPY a /b/\nRUN chown 1 /b\n" * 1000,
    "calls": "FROM python:3.13-slim\n" + "RUN pip install a b c && apt-get install gcc libpq-dev\n" * 2000,
    "assignments": "FROM scratch\nRUN " + "".join(f"A{number}=1; " for number in range(20000)) + "b\n",
    "ignores": "# tare: ignore[TP001]\n" * 3000 + "FROM python:3.13-slim\n" + "RUN a\n" * 3000,
}


@pytest.mark.parametrize("name", SLOW)
def test_a_file_that_is_made_to_be_slow_is_checked_in_bounded_time(name: str) -> None:
    started = time.process_time()

    check(SLOW[name])

    assert time.process_time() - started < 20  # far more than it takes; without a bound it would be minutes
