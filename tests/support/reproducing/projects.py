"""Projects that have a little of everything, written in one order or the other."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

from make.backends import PROJECT
from make.wheelhouse import Release, Wheelhouse
from make.zips import Entry

MANIFEST = """\
[project]
name = "sample"
version = "1.0"
requires-python = ">=3.13,<3.14"

[tool.tare]
entrypoint = "python ısı.py"
"""

SOURCES = {
    "pyproject.toml": MANIFEST,
    "ısı.py": "print('İ')\n",
    "run.sh": "#!/bin/sh\n",
    "package/__init__.py": "",
    "package/Data.txt": "I\n",
    "package/data.txt": "i\n",
    "package/z/deep/file.py": "\n",
}
"""A project whose sources are installed as they are."""

BUILT = {**PROJECT, "pyproject.toml": PROJECT["pyproject.toml"] + 'requires-python = ">=3.13,<3.14"\n'}
"""A project with a build backend."""


def releases(house: Wheelhouse) -> tuple[Release, ...]:
    """Return wheels for three layers: two large ones; many small files; scripts, stored files and empty ones."""
    noise = random.Random(7)  # noqa: S311  # the same bytes on every run
    many = {f"many/{number:03}.py": f"VALUE = {number}\n".encode() * number for number in range(200)}
    scripts: dict[str, bytes | Entry] = {
        "scripted.py": b"def main(): ...\n",
        "scripted-1.0.dist-info/entry_points.txt": b"[console_scripts]\nscripted = scripted:main\nalso = scripted:main\n",
        "scripted-1.0.data/scripts/plain": b"#!python\nprint()\n",
        "scripted-1.0.data/data/share/page.txt": b"page\n",
        "stored.bin": Entry(name="stored.bin", data=noise.randbytes(70_000), method=0),
        "empty.txt": b"",
    }
    return (
        house.add("large-one", files={"one/data.bin": noise.randbytes(10_600_000), "one/__init__.py": b""}),
        house.add("large-two", files={"two/data.bin": noise.randbytes(10_600_000), "two/__init__.py": b""}),
        house.add("many", files=many),
        house.add("scripted", files=scripts),
    )


def maker(sources: Mapping[str, str], locked: tuple[Release, ...]) -> Callable[[Path, bool], None]:
    """Return what writes a project of *sources* that depends on *locked*."""

    def make(directory: Path, reverse: bool) -> None:  # noqa: FBT001  # as a workshop calls it
        lines = [release.requirement() for release in locked]
        files = {**sources, "requirements.txt": "".join(lines[::-1] if reverse else lines)}
        for name in sorted(files, reverse=reverse):
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], encoding="utf-8")
            path.chmod(0o755 if name.endswith(".sh") else 0o644)
        (directory / "link.py").symlink_to("run.sh")

    return make


def copier(example: Path) -> Callable[[Path, bool], None]:
    """Return what writes a copy of an example, its requirements in the opposite order if that is asked for."""

    def make(directory: Path, reverse: bool) -> None:  # noqa: FBT001  # as a workshop calls it
        for path in sorted(example.rglob("*"), reverse=reverse):
            if path.is_file() and "__pycache__" not in path.parts:
                target = directory / path.relative_to(example)
                target.parent.mkdir(parents=True, exist_ok=True)
                text = path.read_text(encoding="utf-8")
                if path.name == "requirements.txt" and reverse:
                    text = backwards(text)
                target.write_text(text, encoding="utf-8")
                target.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)

    return make


def backwards(requirements: str) -> str:
    """Return requirements, which may go over several lines, in the opposite order."""
    found: list[list[str]] = []
    for line in requirements.splitlines(keepends=True):
        if line.strip() and not line.startswith((" ", "\t", "#")):
            found.append([])
        if found:
            found[-1].append(line)
    return "".join("".join(lines) for lines in reversed(found))
