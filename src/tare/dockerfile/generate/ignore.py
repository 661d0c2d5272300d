"""A project's `.dockerignore`: what no image needs, but not what this one's build reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tare.dockerfile.generate.stages import Part
from tare.projects.dockerignore import Patterns, clean

_TITLES = {
    "never": "Never part of a program, or made anew wherever it is needed.",
    "secrets": "Secrets, and what looks like them.",
    "default": "Needed to work on the project, or to make the image, and not in it.",
}


def ignore_parts(
    table: Mapping[str, Sequence[str]],
    needed: Iterable[str],
    found: Iterable[str],
    exclude: Iterable[str],
    command: str,
) -> tuple[Part, ...]:
    """Return the parts of the file.

    *table* is `sources.toml` by section, *needed* are paths that the build reads, *found* are paths of the project
    that a tool has made, *exclude* what the project's own configuration leaves out.
    """
    wanted = tuple(needed)
    lines: list[str] = []
    for name, title in _TITLES.items():
        lines += [f"# {title}", *_without(table[name], wanted)]
        if name == "secrets":
            lines += [f"!{pattern}" for pattern in table["except"]]
        lines.append("")
    others = list(dict.fromkeys((*sorted(found), *exclude)))
    lines += ["# Of this project.", *others] if others else []
    made = f"# Made by `{command}`; what stands outside these marks is yours."
    return (Part(name="ignored", lines=(made, *lines[: None if others else -1])),)


def _without(patterns: Sequence[str], needed: tuple[str, ...]) -> Iterator[str]:
    """Yield *patterns* but for names of what is needed; where a pattern leaves out more than that, it is excepted."""
    for pattern in patterns:
        if pattern in needed:
            continue
        yield pattern
        parsed = clean(pattern)
        if parsed is not None:
            matching = Patterns([parsed])
            yield from (f"!{path}" for path in needed if matching.excludes(path))
