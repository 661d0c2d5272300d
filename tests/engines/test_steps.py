"""What engines say while they build, as they said it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tare.engines.steps import Step, parse_buildah, parse_plain, parse_rawjson

RECORDED = Path(__file__).parent / "recorded"
SLEEP = "RUN sleep 1; echo hello; echo err >&2"
HEAD = "RUN --mount=type=cache,target=/var/cache/x head -c 1000000 /dev/zero > /big"


def recorded(name: str) -> str:
    return (RECORDED / name).read_text("utf-8")


def told(steps: tuple[Step, ...]) -> list[tuple[str, float | None, bool]]:
    return [(step.name, step.seconds, step.cached) for step in steps]


def test_plain_progress_of_docker_20_10() -> None:
    assert told(parse_plain(recorded("docker-20.10-plain.txt").splitlines())) == [
        ("[internal] load build definition from Dockerfile", 0.0, False),
        ("[internal] load .dockerignore", 0.0, False),
        ("[internal] load metadata for docker.io/library/probe:slim", 0.0, False),
        ("[stage-1 1/2] FROM docker.io/library/probe:slim", 0.0, False),
        ("[internal] load build context", 0.0, False),
        (f"[build 2/4] {SLEEP}", 1.2, False),
        ("[build 3/4] COPY a.txt /a.txt", 0.0, False),
        (f"[build 4/4] {HEAD}", 0.1, False),
        ("[stage-1 2/2] COPY --from=build /big /big", 0.0, False),
        ("exporting to image", 0.0, False),
    ]


def test_plain_progress_of_buildx_leaves_out_what_it_says_of_itself() -> None:
    steps = parse_plain(recorded("buildx-0.13-plain.txt").splitlines())

    assert len(steps) == 10
    assert told(steps)[3:6] == [
        ("[build 1/4] FROM docker.io/library/probe:slim", 0.0, True),
        ("[internal] load build context", 0.0, False),
        (f"[build 2/4] {SLEEP}", 1.2, False),
    ]


def test_steps_that_were_taken_over_are_told_apart() -> None:
    steps = parse_plain(recorded("docker-20.10-plain-cached.txt").splitlines())

    assert [step.instruction for step in steps if step.cached] == [
        SLEEP,
        "COPY a.txt /a.txt",
        HEAD,
        "COPY --from=build /big /big",
    ]


@pytest.mark.parametrize("name", ["docker-20.10-plain-error.txt", "buildx-0.13-rawjson-error.txt"])
def test_the_step_that_fails_has_the_error(name: str) -> None:
    text = recorded(name)
    steps = parse_rawjson(text) if "rawjson" in name else parse_plain(text.splitlines())

    assert [(step.instruction, step.error) for step in steps if step.error] == [
        ("RUN echo a && exit 3", "executor failed running [/bin/sh -c echo a && exit 3]: exit code: 3")
    ]


def test_raw_json_has_the_times_exactly() -> None:
    steps = parse_rawjson(recorded("buildx-0.13-rawjson.txt"))

    assert [(step.stage, step.instruction) for step in steps if step.instruction] == [
        ("build", "FROM docker.io/library/probe:slim"),
        ("build", SLEEP),
        ("build", "COPY a.txt /a.txt"),
        ("build", HEAD),
        ("stage-1", "COPY --from=build /big /big"),
    ]
    sleep = next(step for step in steps if step.instruction == SLEEP)
    assert sleep.seconds is not None
    assert 1.05 < sleep.seconds < 1.3
    assert all(step.seconds is not None for step in steps)


def test_a_step_that_works_twice_at_once_is_counted_once() -> None:
    def vertex(start: str, end: str) -> str:
        times = f'"started": "2026-01-01T00:00:{start}Z", "completed": "2026-01-01T00:00:{end}Z"'
        return f'{{"vertexes": [{{"digest": "sha256:a", "name": "x", {times}}}]}}\n'

    (step,) = parse_rawjson(vertex("00.000000000", "02.500000000") + vertex("02", "03") + vertex("10", "11"))

    assert step == Step(name="x", seconds=4.0)


def test_buildah_tells_no_times_so_they_are_heard() -> None:
    lines = [(index * 0.5, line) for index, line in enumerate(recorded("buildah-1.28.txt").splitlines())]

    assert told(parse_buildah(lines, end=20.0)) == [
        ("[1 1/4] FROM 127.0.0.1:5077/probe:slim AS build", 3.5, False),
        (f"[1 2/4] {SLEEP}", 1.5, False),
        ("[1 3/4] COPY a.txt /a.txt", 0.5, False),
        (f"[1 4/4] {HEAD}", 0.5, False),
        ("[2 1/4] FROM 127.0.0.1:5077/probe:slim", 0.5, False),
        ("[2 2/4] COPY --from=build /big /big", 0.5, False),
        ("[2 3/4] USER 1001", 0.5, False),
        ("""[2 4/4] CMD ["python3", "-c", "print('hi')"]""", 0.5, False),
        ("[2/2] COMMIT t1", 12.0, False),
    ]


def test_a_program_that_prints_like_an_engine_changes_no_step() -> None:
    lines = ["#1 [1/2] RUN x", "#1 0.1 #2 [2/2] RUN y", "#1 0.2 DONE 9.0s", "#1 0.3 ERROR: no", "#1 DONE 1.0s"]

    assert parse_plain(lines) == (Step(name="[1/2] RUN x", seconds=1.0),)


def test_damaged_output_is_read_as_far_as_it_goes() -> None:
    chance = random.Random(6)  # noqa: S311  # no secret
    texts = [recorded(path.name) for path in sorted(RECORDED.iterdir())]
    for _ in range(300):
        text = chance.choice(texts)
        start, end = sorted(chance.choices(range(len(text)), k=2))
        broken = text[:start] + chance.choice(["", "\x00", "{", '"', "\n", "[" * 2000, "#1 ", "9" * 50]) + text[end:]
        for step in (*parse_plain(broken.splitlines()), *parse_rawjson(broken), *parse_buildah([(0.0, broken)], 1.0)):
            assert len(step.name) <= 4200
