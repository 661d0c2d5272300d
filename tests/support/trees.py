"""Trees of files, written from a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent


def write(root: Path, files: Mapping[str, str]) -> Path:
    """Write *files* below *root*, their text dedented, and return *root*."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return root
