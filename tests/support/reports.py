"""A document with every kind of block, and words that a careless page would take for its own."""

from __future__ import annotations

from tare.report.page.document import (
    Axis,
    Bar,
    Bars,
    Column,
    Curves,
    Document,
    Estimate,
    Forest,
    Part,
    Plot,
    Point,
    Sample,
    Scatter,
    Section,
    Series,
    Span,
    Strip,
    Table,
    Text,
    Timeline,
    Track,
)

HOSTILE = "<script>alert(1)</script> & \"quoted\" `code` |cell| $x^2$ _a_ 'b' 한국어"
SECONDS = Axis(name="time", unit="s")

PLOTS: tuple[Plot, ...] = (
    Bars(
        title="Bars",
        axis=Axis(name="unpacked", unit="MB"),
        bars=(
            Bar(name=HOSTILE, parts=(Part(name="base", value=120), Part(name=HOSTILE, value=80.5))),
            Bar(name="empty", parts=()),
        ),
    ),
    Timeline(
        title="Timeline",
        axis=SECONDS,
        tracks=(
            Track(
                name="slim",
                spans=(
                    Span(name="pull", kind="network", start=0, end=1.5),
                    Span(name="unpack", kind="disk", start=1.5, end=1.75),
                ),
            ),
        ),
    ),
    Curves(
        title="Curves",
        x=Axis(name="percentile"),
        y=Axis(name="latency", unit="ms", logarithmic=True),
        series=(
            Series(name="slim", points=((50, 2.5), (99, 40))),
            Series(name=HOSTILE, points=((50, 3), (99, 90))),
            Series(name="nothing", points=()),
        ),
    ),
    Forest(
        title="Forest",
        axis=Axis(name="ratio"),
        threshold=1.02,
        estimates=(
            Estimate(name="sort", subject="alpine", ratio=1.2, low=1.15, high=1.25, verdict="slower"),
            Estimate(name="sort", subject=HOSTILE, ratio=1, low=0.99, high=1.01, verdict="no difference"),
        ),
    ),
    Scatter(
        title="Scatter",
        x=Axis(name="transfer", unit="MB"),
        y=SECONDS,
        points=(
            Point(name="full", x=380, y=1),
            Point(name="slim", x=60, y=1, best=True),
            Point(name=HOSTILE, x=30, y=1.25, best=True),
        ),
    ),
    Strip(title="Strip", axis=SECONDS, samples=(Sample(name="slim", values=(1, 1.5)), Sample(name="none", values=()))),
)


def document(language: str = "en", *plots: Plot) -> Document:
    """Return a document with *plots*, or with one of each kind."""
    table = Table(
        caption="Table",
        columns=(Column(name="image"), Column(name="size", number=True)),
        rows=((HOSTILE, "1.5"), ("slim", "212")),
        notes=("A note",),
    )
    texts = (
        Text(text="Take slim", kind="verdict"),
        Text(text="Two cores", kind="warning"),
        Text(text=HOSTILE),
        Text(text="$ tare `weigh`", kind="code"),
    )
    return Document(
        title=f"Title {HOSTILE}",
        subtitle="Subtitle",
        language=language,
        sections=(
            Section(title="Verdict", blocks=texts),
            Section(title="Plots", blocks=(*(plots or PLOTS), table)),
        ),
        command="tare compare . --base 'deb:trixie'",
        data=b'{"measured": [1, 2]}',
    )
