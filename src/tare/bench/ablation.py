"""What a difference is made of: the same image with one thing changed, beside itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ABLATIONS: Final[Mapping[str, Mapping[str, str]]] = {
    # Large blocks come from mimalloc instead of the libc, which CPython has inside from 3.13 on.
    "mimalloc": {"PYTHONMALLOC": "mimalloc"},
    # Small blocks come from the libc, too: how much pymalloc hides of it.
    "libc's malloc": {"PYTHONMALLOC": "malloc"},
    # Every start compiles what it imports: none is written, and what the image has is looked for where nothing can be.
    "no bytecode": {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/dev/null"},
}
"""By what is changed, the environment that changes it."""


def ablation_of(name: str, names: Mapping[str, str]) -> str | None:
    """Return which of *names* has one thing changed in the candidate called *name*; None if nothing is."""
    found = (each for each in names for what in ABLATIONS if name == f"{each}, {what}")
    return next(found, None)


def ablated(names: Mapping[str, str]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return *names* with an ablation of each beside it, and the environments of those."""
    found: dict[str, str] = {}
    environments: dict[str, dict[str, str]] = {}
    for name, reference in names.items():
        found[name] = reference
        for what, environment in ABLATIONS.items():
            found[f"{name}, {what}"] = reference
            environments[f"{name}, {what}"] = dict(environment)
    return found, environments
