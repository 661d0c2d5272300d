"""`Warning: 299 - "text"`: what a registry wants people to read.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings: shown, and never acted on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from tare.stores.registry.problems import shown

_MAX: Final = 4096
_warning = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')


def texts(values: Iterable[str]) -> Iterator[str]:
    """Yield the texts of warnings in the form that the specification gives; others are passed over.

    >>> list(texts(['299 - "This tag goes away", 199 - "no"']))
    ['This tag goes away']
    """
    for value in values:
        for found in _warning.finditer(value[:_MAX]):
            if text := shown(re.sub(r"\\(.)", r"\1", found[1]), ()):
                yield text
