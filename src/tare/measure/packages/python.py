"""Files of Python distributions, by the RECORD of each; of older ones, by what setuptools left.

https://packaging.python.org/en/latest/specifications/recording-installed-packages/
"""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Iterator
from typing import Final

from tare.measure.packages.package import Package, Paths

_header = re.compile(r"^(Name|Version): *(.*?)\r?$", re.MULTILINE)
_metadata = re.compile(r"(?P<site>.*?)/?(?P<dir>[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO|egg-info))").fullmatch
_stdlib = re.compile(r"(?P<prefix>(?:.*/)?)lib/(?P<name>python3\.[0-9]+t?)/os\.py").fullmatch
_bytecode = re.compile(r"(?P<directory>(?:.*/)?)__pycache__/(?P<name>[^/]+?)\.[a-z]+-[0-9]+[^/]*\.pyc").fullmatch
_version = re.compile(r"^version(?:_info)? *= *(?P<series>3\.[0-9]+)\b", re.MULTILINE).search
_SITES: Final = ("site-packages", "dist-packages")


def packages(paths: Paths) -> Iterator[tuple[Package, list[str]]]:
    """Yield every distribution with the paths that its records name."""
    for path in paths.by_path:
        match = _metadata(path) if path.endswith(("/METADATA", "/PKG-INFO", ".egg-info")) else None
        if match is None:
            continue
        found = dict(_header.findall(paths.text(path).partition("\n\n")[0]))
        name, version = found.get("Name", ""), found.get("Version", "")
        if name:
            info = posixpath.join(match["site"], match["dir"].partition("/")[0])
            yield Package("python", name, version), [*_files(paths, match["site"], info)]


def _files(paths: Paths, site: str, info: str) -> Iterator[str]:
    yield info
    if info.endswith(".dist-info"):
        for row in _rows(paths.text(f"{info}/RECORD")):
            yield row if row.startswith("/") else f"{site}/{row}"
    else:
        for line in paths.text(f"{info}/installed-files.txt").splitlines():
            yield f"{info}/{line}"
    prefix = f"{info}/"
    yield from (path for path in paths.by_path if path.startswith(prefix))


def _rows(text: str) -> Iterator[str]:
    try:
        for row in csv.reader(text.splitlines()):
            if row and "\0" not in row[0]:
                yield row[0]
    except csv.Error:
        return


def source_of(path: str) -> str | None:
    """Return the module that bytecode at *path* was compiled from, or None if it is not in `__pycache__`.

    >>> source_of("lib/__pycache__/os.cpython-313.opt-1.pyc")
    'lib/os.py'
    """
    match = _bytecode(path)
    return None if match is None else f"{match['directory']}{match['name']}.py"


class Installation(tuple[str, str]):
    """Where an interpreter keeps its modules: a prefix, and a name such as `python3.13`."""

    __slots__ = ()

    @property
    def prefix(self) -> str:
        """From the root, with a slash at its end; empty for the root itself."""
        return self[0]

    @property
    def name(self) -> str:
        return self[1]

    @property
    def tag(self) -> str:
        """What the names of its bytecode have."""
        return "cpython-" + self.name.removeprefix("python").replace(".", "").rstrip("t")

    def has(self, path: str) -> bool:
        """Whether *path* is a file of the interpreter itself, where nobody else claims it."""
        if not path.startswith(self.prefix):
            return False
        rest = path[len(self.prefix) :]
        top, _, below = rest.partition("/")
        name = self.name
        if top == "lib":
            inner, _, deep = below.partition("/")
            return (inner == name and deep.partition("/")[0] not in _SITES) or inner.startswith(f"lib{name}")
        if top == "include":
            return below.startswith(f"{name}/")
        if top in {"bin", "share"}:
            return bool(re.search(r"/(?:python|pydoc|idle|2to3)[0-9.t]*(?:-config|\.1)?$", rest))
        return rest.startswith("lib/pkgconfig/python")


def installations(paths: Paths) -> list[Installation]:
    """Return the interpreters whose standard library is there."""
    found = [match for path in paths.by_path if path.endswith("/os.py") and (match := _stdlib(path))]
    return [Installation((match["prefix"], match["name"])) for match in found] or [*_environments(paths)]


def _environments(paths: Paths) -> Iterator[Installation]:
    """Yield what virtual environments say of an interpreter that lies elsewhere.

    https://docs.python.org/3/library/venv.html; virtualenv and uv write `version_info`
    """
    for path in paths.by_path:
        if path.rpartition("/")[2] == "pyvenv.cfg" and (match := _version(paths.text(path))):
            yield Installation((path.removesuffix("pyvenv.cfg"), f"python{match['series']}"))
