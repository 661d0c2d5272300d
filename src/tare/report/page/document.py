"""What a report consists of, before it is drawn: values that the HTML page and Markdown are both made from."""

from __future__ import annotations

from typing import Literal

import msgspec


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a column."""

    name: str
    number: bool = False
    """Whether its cells are numbers, which stand to the right."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of text."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    """Each as long as `columns`."""
    notes: tuple[str, ...] = ()
    """What stands below it."""


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A paragraph, or something that stands out."""

    text: str
    kind: Literal["plain", "verdict", "warning", "code"] = "plain"


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """What a direction of a plot means."""

    name: str
    unit: str = ""
    logarithmic: bool = False

    @property
    def label(self) -> str:
        """Return the name with its unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a bar."""

    name: str
    value: float


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A bar of one or more parts."""

    name: str
    parts: tuple[Part, ...]


class Bars(msgspec.Struct, frozen=True, kw_only=True):
    """Horizontal bars, their parts beside each other: layers, kinds of files."""

    title: str
    axis: Axis
    bars: tuple[Bar, ...]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Something that lasted."""

    name: str
    kind: str
    """What its colour says."""
    start: float
    """Seconds from the beginning of the row."""
    end: float


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a timeline."""

    name: str
    spans: tuple[Span, ...]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What happened when: the steps of a build, the phases of a cold start."""

    title: str
    axis: Axis
    tracks: tuple[Track, ...]
    kinds: tuple[str, ...] = ()
    """Kinds that there may be, in the order of their colours: plots beside each other then have the same ones."""


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a plot of curves."""

    name: str
    points: tuple[tuple[float, float], ...]


class Curves(msgspec.Struct, frozen=True, kw_only=True):
    """Lines: throughput by concurrency, latency by percentile."""

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A ratio, and how sure it is."""

    name: str
    subject: str
    """Whose ratio it is: an image."""
    ratio: float
    low: float
    high: float
    verdict: str


class Forest(msgspec.Struct, frozen=True, kw_only=True):
    """Ratios with their intervals, and the band in which a difference does not matter."""

    title: str
    axis: Axis
    estimates: tuple[Estimate, ...]
    threshold: float
    """A ratio from `1 / threshold` to `threshold` makes no practical difference."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A thing with two measures."""

    name: str
    x: float
    y: float
    best: bool = False
    """Whether nothing is better in both."""


class Scatter(msgspec.Struct, frozen=True, kw_only=True):
    """Points, of which those that nothing beats in both directions are joined: a Pareto front."""

    title: str
    x: Axis
    y: Axis
    points: tuple[Point, ...]
    best: str = ""
    """The name of the line that joins those."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured of one thing."""

    name: str
    values: tuple[float, ...]


class Strip(msgspec.Struct, frozen=True, kw_only=True):
    """Every measured value, as it came: how noisy the machine was."""

    title: str
    axis: Axis
    samples: tuple[Sample, ...]


Plot = Bars | Timeline | Curves | Forest | Scatter | Strip
Block = Text | Table | Plot


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a document, with a heading."""

    title: str
    blocks: tuple[Block, ...]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A report."""

    title: str
    subtitle: str
    language: str
    """By its tag of BCP 47: `en`, `ko`."""
    sections: tuple[Section, ...]
    command: str
    """What makes it again."""
    data: bytes = b""
    """The JSON that it was made from, which the page carries."""
