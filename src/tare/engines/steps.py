"""What a build says of its steps, read: BuildKit's `--progress=plain` and `rawjson`, and the lines of buildah and podman."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec

LONGEST: Final = 4000
"""Characters of one line that are looked at. A build may print anything."""

MOST: Final = 10_000
"""Steps of one build that are remembered."""

_vertex = re.compile(r"#(\d{1,9}) (.*)", re.DOTALL)
_done = re.compile(r"DONE (\d{1,9}\.\d{1,6})s")
_logged = re.compile(r"\d{1,9}\.\d{1,6} .*", re.DOTALL)
_digest = re.compile(r"sha256:[0-9a-f]{64}")
_place = re.compile(r"\[(?:(?P<stage>\S+) +)?(?P<number>\d{1,6})/(?P<of>\d{1,6})\] (?P<text>.*)", re.DOTALL)
_buildah = re.compile(
    r"(?:\[(?P<stage>\d{1,6})/\d{1,6}\] )?STEP (?P<number>\d{1,6})/(?P<of>\d{1,6}): (?P<text>.*)", re.DOTALL
)
_commit = re.compile(r"(?:\[(?P<stage>\d{1,6})/\d{1,6}\] )?COMMIT\b.*")
_zone = re.compile(r"(\.\d{1,6})\d*")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a build."""

    name: str
    """As the engine calls it, for example `[build 2/4] RUN make`."""

    seconds: float | None = None
    """How long it took; None for a step that did not end, or whose end the engine does not tell."""

    cached: bool = False
    error: str | None = None

    @property
    def instruction(self) -> str | None:
        """Return the instruction of the Dockerfile that it carries out; None for what the engine does by itself."""
        match = _place.fullmatch(self.name)
        return match["text"] if match else None

    @property
    def stage(self) -> str | None:
        """Return the name of its stage, or `stage-N`; None where there is but one stage without a name."""
        match = _place.fullmatch(self.name)
        return match["stage"] if match else None


def parse_plain(lines: Iterable[str]) -> tuple[Step, ...]:
    """Return the steps that `--progress=plain` tells of, in the order in which they began."""
    found: dict[str, Step] = {}
    for line in lines:
        match = _vertex.fullmatch(line[:LONGEST].rstrip("\r\n"))
        if match is None or match[1] == "0":  # 0 is what buildx says of itself
            continue
        number, text = match.groups()
        if number not in found:
            if len(found) < MOST and not _says_how_it_ended(text):
                found[number] = Step(name=text)
            continue
        found[number] = _heard(found[number], text)
    return tuple(found.values())


def _says_how_it_ended(text: str) -> bool:
    return bool(_done.fullmatch(text)) or text in {"CACHED", "CANCELED"} or text.startswith("ERROR: ")


def _heard(step: Step, text: str) -> Step:
    """Return *step* after one line more; what the program of the step printed itself has a time before it."""
    if _logged.fullmatch(text) or _digest.fullmatch(text):
        return step
    done = _done.fullmatch(text)
    if done:
        return msgspec.structs.replace(step, seconds=float(done[1]))
    if text == "CACHED":
        return msgspec.structs.replace(step, cached=True, seconds=0.0)
    if text.startswith("ERROR: "):
        return msgspec.structs.replace(step, error=text.removeprefix("ERROR: "))
    return step


class _Vertex(msgspec.Struct, kw_only=True):
    digest: str = ""
    name: str = ""
    started: str | None = None
    completed: str | None = None
    cached: bool = False
    error: str = ""


class _Status(msgspec.Struct, kw_only=True):
    vertexes: list[_Vertex] = []


def parse_rawjson(text: str) -> tuple[Step, ...]:
    """Return the steps that `--progress=rawjson` tells of, in the order in which they are first named.

    A step may begin and end several times; the times that it was at work are added up, overlaps once. What follows the
    last document, such as an error in words, is left out.
    """
    steps: dict[str, Step] = {}
    times: dict[str, dict[str, float]] = {}
    for status in _documents(text):
        for vertex in status.vertexes:
            known = steps.get(vertex.digest)
            if known is None and len(steps) >= MOST:
                continue
            steps[vertex.digest] = Step(
                name=vertex.name[:LONGEST],
                cached=vertex.cached or (known is not None and known.cached),
                error=vertex.error[:LONGEST] or (known.error if known else None),
            )
            start, end = _seconds(vertex.started), _seconds(vertex.completed)
            if start is not None and end is not None and vertex.started is not None:
                times.setdefault(vertex.digest, {})[vertex.started] = end
    return tuple(
        msgspec.structs.replace(step, seconds=_at_work(times[digest])) if digest in times else step
        for digest, step in steps.items()
    )


def _documents(text: str) -> Iterator[_Status]:
    """Yield the JSON documents of *text*, which follow each other, in one line or in many."""
    import json

    decoder = json.JSONDecoder()
    at = 0
    while True:
        start = text.find("{", at)
        if start < 0:
            return
        try:
            value, at = decoder.raw_decode(text, start)
            yield msgspec.convert(value, _Status)
        except msgspec.ValidationError:
            continue
        except (json.JSONDecodeError, RecursionError):
            line = text.find("\n", start)
            if line < 0:
                return
            at = line + 1


def _seconds(time: str | None) -> float | None:
    """Return seconds since 1970; BuildKit has nanoseconds, of which Python takes six digits."""
    if time is None:
        return None
    try:
        return datetime.fromisoformat(_zone.sub(r"\1", time[:40])).timestamp()
    except (ValueError, OverflowError):
        return None


def _at_work(ends: dict[str, float]) -> float:
    spans = sorted((start, end) for text, end in ends.items() if (start := _seconds(text)) is not None)
    total, until = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return round(total, 6)


def parse_buildah(lines: Iterable[tuple[float, str]], end: float) -> tuple[Step, ...]:
    """Return the steps of buildah or podman, from *lines* with the second in which each was heard.

    Neither tells how long a step took. It lasts until the next begins; the last until *end*.
    """
    found: list[tuple[float, Step]] = []
    for second, raw in lines:
        line = raw[:LONGEST].rstrip("\r\n")
        match = _buildah.fullmatch(line)
        if match and len(found) < MOST:
            stage = f"{match['stage']} " if match["stage"] else ""
            found.append((second, Step(name=f"[{stage}{match['number']}/{match['of']}] {match['text']}")))
        elif _commit.fullmatch(line) and len(found) < MOST:
            found.append((second, Step(name=line)))
        elif line == "--> Using cache" or line.startswith("--> Using cache "):
            if found:
                found[-1] = (found[-1][0], msgspec.structs.replace(found[-1][1], cached=True))
        elif line.startswith("Error: ") and found:
            found[-1] = (found[-1][0], msgspec.structs.replace(found[-1][1], error=line.removeprefix("Error: ")))
    ends = [*(second for second, _ in found), end][1:]
    return tuple(
        msgspec.structs.replace(step, seconds=round(max(0.0, after - second), 6))
        for (second, step), after in zip(found, ends, strict=True)
    )
