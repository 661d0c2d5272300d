"""A figure of matplotlib, as an SVG that belongs to a page.

Colours are the page's own variables, so that a plot follows its light and dark dress: matplotlib is given colours that
nobody uses, and in its output they are replaced with names. https://matplotlib.org/stable/users/explain/customizing.html
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK: Final = "#010203"
FAINT: Final = "#010204"
BAND: Final = "#010205"
SERIES: Final = tuple(f"#0103{number:02x}" for number in range(1, 9))
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "*")
"""By the series' place: a colour alone is not seen by everybody."""
DASHES: Final = ("-", "--", "-.", ":")

_NAMES: Final = {
    INK: "var(--ink)",
    FAINT: "var(--line)",
    BAND: "var(--band)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, 1)},
}
_STYLE: Final = {
    "svg.fonttype": "none",  # Text stays text: it can be read, searched and copied.
    "svg.hashsalt": "tare",  # The same plot is the same SVG.
    "font.family": ["DejaVu Sans"],  # which text is measured with: matplotlib has it; the page has its own.
    "text.parse_math": False,  # Names are names, also with dollars in them.
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 9,
    "legend.frameon": False,
}
WIDTH: Final = 8.0
"""Inches; the page scales a plot to its column."""


def colour(place: int) -> str:
    """Return the colour of the series at *place*; there are eight, then they come again."""
    return SERIES[place % len(SERIES)]


def marker(place: int) -> str:
    """Return the shape of the series at *place*."""
    return MARKERS[place % len(MARKERS)]


@contextmanager
def canvas(height: float) -> Iterator[tuple[Figure, Axes, list[str]]]:
    """Yield a figure, its axes, and a list that has its SVG when the block was left."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    drawn: list[str] = []
    style: dict[Any, Any] = _STYLE
    with mpl.rc_context(style):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        yield figure, figure.add_subplot(), drawn
        stream = io.StringIO()
        with warnings.catch_warnings():
            # Measured with another font than it is shown with: Hangul is not in the font that matplotlib brings.
            warnings.filterwarnings("ignore", message=r"Glyph \d+")
            figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn.append(stream.getvalue())


def inline(svg: str, *, title: str, name: str) -> str:
    """Return *svg* as an element of a page, where *name* makes its identifiers different from other plots'."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"(?s)<metadata>.*?</metadata>", "", body)
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", body)
    for sentinel, variable in _NAMES.items():
        body = body.replace(sentinel, variable)
    body = re.sub(r" font-family: [^;]*;", "", body).replace("xlink:href", "href")
    body = re.sub(r"(?s)<defs>\s*<style.*?</style>\s*</defs>", "", body)
    head, _, content = body.partition(">")
    [box] = re.findall(r'viewBox="[^"]*"', head)
    opening = f'<svg {box} role="img" aria-labelledby="{name}-title">'
    return f'{opening}<title id="{name}-title">{escape(title)}</title>{content.strip()}'
