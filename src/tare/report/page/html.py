"""A document as one page of HTML: no address is fetched, and nothing in it runs."""

from __future__ import annotations

import base64
from importlib.resources import files
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING, Final

from tare.errors import MachineError
from tare.report.page.document import Document, Plot, Table, Text
from tare.report.page.twins import twin
from tare.report.page.words import words

if TYPE_CHECKING:
    from jinja2 import Environment

_EXTRA: Final = "`pip install 'pytare[report]'`"


def check() -> None:
    """Raise `MachineError` if no page could be written, without loading what would draw it."""
    for name in ("jinja2", "matplotlib"):
        if find_spec(name) is None:
            raise _lacking(f"there is no `{name}`")


def to_html(document: Document) -> str:
    """Return *document* as a page, or raise `MachineError` when what draws it is not installed."""
    texts = words(document.language)
    data = f"data:application/json;base64,{base64.b64encode(document.data).decode()}" if document.data else ""
    return (
        _templates()
        .get_template("page.html.j2")
        .render(
            document=document,
            words=texts,
            css=_file("page.css"),
            twin=lambda plot: twin(plot, texts),
            draw=_drawer(),
            data=data,
        )
    )


def _templates() -> Environment:
    try:
        import matplotlib  # noqa: F401, ICN001  # drawn with later; said now
        from jinja2 import DictLoader, Environment, StrictUndefined
    except ImportError as error:
        raise _lacking(str(error)) from error
    templates = Environment(
        loader=DictLoader({"page.html.j2": _file("page.html.j2")}), autoescape=True, undefined=StrictUndefined
    )
    templates.tests["table"] = lambda block: isinstance(block, Table)
    templates.tests["text"] = lambda block: isinstance(block, Text)
    return templates


def _lacking(cause: str) -> MachineError:
    return MachineError("a page of HTML needs what is not installed here", causes=(cause,), hints=(f"Run {_EXTRA}",))


def _file(name: str) -> str:
    return files("tare.report.page").joinpath(name).read_text(encoding="utf-8")


def _drawer() -> object:
    from markupsafe import Markup

    from tare.report.page.plots.draw import draw

    numbers = count(1)

    def drawn(plot: Plot) -> Markup:
        return Markup(draw(plot, name=f"plot-{next(numbers)}"))  # noqa: S704  # matplotlib escapes what it writes

    return drawn
