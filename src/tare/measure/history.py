"""Which instruction made each layer, as the configuration's history tells it."""

from __future__ import annotations

import re

from tare.oci.config import ImageConfig

_nothing = re.compile(r"^(?:/bin/sh -c|\|\d+ .*?/bin/sh -c)? *#\(nop\) *")
_shell = re.compile(r"^(?:\|\d+ (?:\S+=\S* )*)?/bin/sh -c +")


def instructions(config: ImageConfig, layers: int) -> tuple[str, ...]:
    """Return the instruction of each of *layers*, bottom first; all empty where history does not fit the layers."""
    made = [_plain(entry.created_by or entry.comment or "") for entry in config.history or () if not entry.empty_layer]
    return tuple(made) if len(made) == layers else ("",) * layers


def _plain(text: str) -> str:
    """Return what was written in the Dockerfile, as far as it can be told.

    >>> _plain("/bin/sh -c #(nop) COPY file:1234 in /app ")
    'COPY file:1234 in /app'
    >>> _plain("RUN /bin/sh -c pip install pandas # buildkit")
    'RUN pip install pandas'
    >>> _plain("/bin/sh -c apt-get update")
    'RUN apt-get update'
    """
    text = " ".join(text.split()).removesuffix(" # buildkit")
    if _nothing.match(text):
        return _nothing.sub("", text).strip()
    if _shell.match(text):
        return "RUN " + _shell.sub("", text)
    if text.startswith("RUN "):
        return "RUN " + _shell.sub("", text[4:])
    return text
