"""`docs/rules.md`: what is known about each rule, as a page. `tests/dockerfile/test_rules_page.py` holds it to the data."""

from __future__ import annotations

from collections.abc import Sequence

from tare.dockerfile.rules.registry import About, Example
from tare.report.lint import cost_text

_TOPICS = (
    (
        "D0",
        "The language",
        "What BuildKit refuses, or understands otherwise than it is meant. The rest of the file is still checked.",
    ),
    ("TP0", "Bases", "What a tag says, how long it lives, and whether the project can run on it."),
    (
        "TP1",
        "Stages",
        "What one stage gives to the next has to run there; what only building needs has to stay behind.",
    ),
    ("TP2", "Installing", "Caches, locks, order, and what is not wanted in production."),
    ("TP3", "Bytecode", "Compiled once while building, or again at every start."),
    ("TP4", "Files and running", "What is copied, and what the container starts."),
    ("TP9", "Ignores", "A finding is ignored for a reason, as long as there is one."),
)

_HEAD = """\
# Rules of `tare lint`

This page is made from `src/tare/dockerfile/rules/data`; `python tools/rules_page.py` writes it anew. How findings are
ignored, configured and fixed is in [lint.md](lint.md). Codes keep their meaning, and are never used again.

`DL…` and `SC…` are codes of [hadolint](https://github.com/hadolint/hadolint/wiki) and
[ShellCheck](https://www.shellcheck.net/wiki/), whose rules are reported too where hadolint is installed.
"""


def rules_page(every: Sequence[About]) -> str:
    """Return the page."""
    parts = [_HEAD, _overview(every)]
    for beginning, title, text in _TOPICS:
        parts.append(f"## {title}\n\n{text}\n")
        parts += [_rule(about) for about in every if about.code.startswith(beginning)]
    return "\n".join(parts)


def _overview(every: Sequence[About]) -> str:
    rows = ["| code | | severity | fix |", "|---|---|---|---|"]
    for about in every:
        severity = about.severity if about.default else f"{about.severity}, off by itself"
        rows.append(
            f"| [{about.code}](#{about.code.lower()}) | {about.title} | {severity} | {'yes' if about.fixable else ''} |"
        )
    return "\n".join(rows) + "\n"


def _rule(about: About) -> str:
    facts: list[str] = [about.severity]
    if not about.default:
        facts.append(f"off unless `{about.code}` is selected")
    if about.fixable:
        facts.append("has a fix")
    if about.needs:
        facts.append(f"needs {about.needs}")
    lines = [
        f"### {about.code}",
        "",
        f"**{about.title}.** {'; '.join(facts).capitalize()}.",
        "",
        " ".join(about.why.split()),
        "",
    ]
    if about.cost is not None:
        lines += [f"Cost: {cost_text(about.cost)}.", ""]
    lines += [*_example("Bad", about.bad), *_example("Good", about.good)]
    links = [f"[{source.title}]({source.url}), read on {source.date}" for source in about.sources]
    lines += [f"Source: {'; '.join(links)}.", ""]
    return "\n".join(lines)


def _example(title: str, example: Example) -> list[str]:
    beside = f", with {' and '.join(f'`{name}`' for name in example.files)}" if example.files else ""
    return [f"{title}{beside}:", "", "```dockerfile", *example.dockerfile.strip("\n").splitlines(), "```", ""]
