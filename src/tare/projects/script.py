"""PEP 723: the metadata that a single-file script carries in a comment.

https://packaging.python.org/en/latest/specifications/inline-script-metadata/
"""

from __future__ import annotations

from typing import Any

from tare.errors import ProjectError
from tare.projects import files

_START = "# /// script"
_END = "# ///"


def metadata(path: str, data: bytes) -> dict[str, Any] | None:
    """Return the decoded `script` block of *path*, or `None` when it has none."""
    lines = files.text(path, data).splitlines()
    starts = [number for number, line in enumerate(lines) if line == _START]
    if not starts:
        return None
    if len(starts) > 1:
        cause = f"line {starts[0] + 1} and line {starts[1] + 1} both start one"
        raise ProjectError(f"`{files.name(path)}` has more than one `script` block", causes=(cause,))
    block = _block(path, lines, starts[0])
    # Comment lines are dropped one for one, so a line of the block is a line of the file.
    return files.toml(path, ("\n" * (starts[0] + 1) + "\n".join(block)).encode())


def _block(path: str, lines: list[str], start: int) -> list[str]:
    """Return the content of the block that starts at line *start*, up to the last `# ///` of its comment."""
    found: list[str] = []
    end = None
    for line in lines[start + 1 :]:
        if line != "#" and not line.startswith("# "):
            break
        if line == _END:
            end = len(found)
        found.append(line[2:])
    if end is None:
        cause = f"line {start + 1} starts it, and no line of the comment is `{_END}`"
        raise ProjectError(f"the `script` block of `{files.name(path)}` does not end", causes=(cause,))
    return found[:end]
