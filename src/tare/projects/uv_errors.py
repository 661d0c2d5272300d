"""What uv says when it fails, turned into an error of ours: its own reasons, without credentials or a traceback."""

from __future__ import annotations

import re

from tare.errors import IntegrityError, NetworkError, ProjectError, TareError, TargetError
from tare.projects.redaction import redacted

_LINES = 12
"""How many of uv's reasons are shown; a resolver can give hundreds."""

_NETWORK = (
    r"[Ff]ailed to fetch|[Rr]equest failed|error sending request|dns error|[Tt]imed out|[Cc]onnection (?:refused|reset)"
    r"|[Nn]etwork (?:was|connectivity is) disabled|authentication credentials|[Gg]it operation failed"
    r"|\b(?:401 Unauthorized|403 Forbidden|429 Too Many|50[0234] )"
)

_LOG = 8
"""How many lines of a build backend's log are shown."""

_KINDS: tuple[tuple[type[TareError], str], ...] = (
    (
        IntegrityError,
        r"[Hh]ash mismatch|[Hh]ash(?:es)? (?:do(?:es)?|did) not match|[Ff]ailed to (?:extract|read) archive|[Ii]nvalid zip",
    ),
    (NetworkError, _NETWORK),
    (TargetError, r"requested Python version|no wheels with a matching|matching (?:platform|Python)"),
)
"""The first kind whose expression is found in what uv said is what went wrong (uv 0.12 and 0.13, 2026-11)."""

_start = re.compile(r"^(?:error|\s*(?:cause|Caused by)): ?", re.IGNORECASE)
_noise = re.compile(
    r"^\s*(?:warning|Using CPython|Resolved |Prepared |Built |Updating |Updated |Building )", re.IGNORECASE
)


_of_no_use = re.compile(
    r'Traceback \(most recent call last\):|File ".*", line \d+.*|Failed to build `/.*`'
    r"|\[tool\.uv\..*\]|[\w.-]+ = \[.*\]|or `uv pip install .*"
)
"""Lines that help nobody who reads them here: frames of the backend, a directory that is gone, and options of uv."""


def from_failure(what: str, stderr: str) -> TareError:
    """Return the error for a run of uv that failed: *what* could not be done."""
    causes, hints = _read(redacted(stderr))
    said = "\n".join((*causes, *hints))
    kind = next((kind for kind, found in _KINDS if re.search(found, said)), ProjectError)
    # A hint that names an index or the network is the reason; the others advise how to use uv.
    causes += tuple(hint for hint in hints if re.search(_NETWORK, hint))
    return kind(what, causes=_shortened(causes) or ("uv gave no reason",), hints=_advice(said))


def _read(stderr: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split what uv wrote into its chain of reasons, with the end of a build's log after it, and its hints."""
    lines = stderr.splitlines()
    first = next((number for number, line in enumerate(lines) if _start.match(line)), len(lines))
    log = tuple(line.strip() for line in lines[:first] if line.strip() and not _noise.match(line))[-_LOG:]
    causes: list[str] = []
    hints: list[str] = []
    current = causes
    for line in lines[first:]:
        if _start.match(line):
            current = causes
            current.append(_start.sub("", line).strip())
        elif line.lower().startswith("hint:"):
            current = hints
            current.append(line[5:].strip())
        elif not line.strip() or _noise.match(line):
            continue
        elif line.startswith(" ") and current:
            current[-1] += f"\n{line.strip()}" if current is causes else f" {line.strip()}"
        else:
            causes.append(line.strip())
            current = causes
    parts = (*(part for cause in causes for part in cause.split("\n")), *log)
    return tuple(part for part in parts if not _of_no_use.fullmatch(part)), tuple(hints)


def _shortened(causes: tuple[str, ...]) -> tuple[str, ...]:
    causes = tuple(cause[:600] for cause in causes if cause)
    if len(causes) <= _LINES:
        return causes
    return (*causes[:3], f"… {len(causes) - _LINES} more lines", *causes[3 - _LINES :])


def _advice(said: str) -> tuple[str, ...]:
    if re.search(r"network was disabled|connectivity is disabled", said):
        return ("Run once without `--offline`, or name a directory with the wheels with `--find-links`",)
    if "authentication credentials" in said or "401 Unauthorized" in said:
        return ("Credentials are read from netrc, `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD`, and keyring, as uv does",)
    return ()
