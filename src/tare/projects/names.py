"""Names of distributions, extras and groups, in the form in which they are compared.

https://packaging.python.org/en/latest/specifications/name-normalization/
"""

from __future__ import annotations

import re

from tare.errors import UsageError

_separators = re.compile(r"[-_.]+")


def normalize(name: str) -> str:
    """Return *name* as it is compared.

    >>> normalize("Typing_Extensions")
    'typing-extensions'
    """
    return _separators.sub("-", name).lower()


def check_known(kind: str, asked: tuple[str, ...], known: tuple[str, ...], source: str) -> None:
    """Raise `UsageError` when one of *asked* is not among *known*: the extras or groups of *source*."""
    for name in asked:
        if name in known:
            continue
        from tare.projects.values import nearest

        offer = ", ".join(f"`{each}`" for each in known)
        near = nearest(name, known)
        raise UsageError(
            f"`{source}` has no {kind} `{name}`",
            causes=(f"it has {offer}" if known else f"it has no {kind}s",),
            hints=(f"Did you mean `{near}`?",) if near else (),
        )
