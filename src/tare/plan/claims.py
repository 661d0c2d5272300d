"""What distributions are imported and started by, and what of the project would stand in front of it.

Python takes the first module of a name that it finds. The directory that a program starts in comes before the virtual
environment, so `requests.py` beside `main.py` is what every `import requests` gets; and a project's wheel is unpacked
over its dependencies. Both are rarely meant. (https://docs.python.org/3/library/sys.html#sys.path)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from tare.plan.plan import PlannedFile, Segment
from tare.wheels.scheme import InstalledFile, Scheme, Shortened

_BESIDE: Final = frozenset({"benchmarks", "docs", "example", "examples", "scripts", "test", "tests", "tools"})
"""Names that some wheels have by mistake, and no program imports from them."""


class Claim(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A path that a name of a distribution leads to."""

    distribution: str
    size: int
    crc: int
    """CRC-32 of its content; 0 where an installer writes it."""


def claims(segments: Iterable[Segment]) -> dict[str, Claim]:
    """Return the modules, the packages that are not in other packages, and the scripts of *segments*, by path."""
    found: dict[str, Claim] = {}
    for segment in segments:
        paths = {file.path for file in segment.files}
        for file in segment.files:
            if _is_claim(file.path, segment.scheme, paths):
                size, crc = _content(file)
                found[file.path] = Claim(distribution=segment.distribution, size=size, crc=crc)
    return dict(sorted(found.items()))


def replaced(segment: Segment, claimed: Mapping[str, Claim]) -> Iterator[str]:
    """Say which files of dependencies the project's own wheel, *segment*, replaces with others."""
    for file in segment.files:
        claim = claimed.get(file.path)
        if claim is not None and _content(file) != (claim.size, claim.crc):
            yield f"`{segment.filename}` and `{claim.distribution}` both have `/{file.path}`; the project's is in the image"


def hidden(files: Iterable[PlannedFile], workdir: str, claimed: Mapping[str, Claim], scheme: Scheme) -> Iterator[str]:
    """Say which modules of dependencies a module beside the project's program hides."""
    prefix = f"{workdir}/" if workdir else ""
    for file in files:
        relative = file.path.removeprefix(prefix)
        if not relative.endswith(".py") or relative.partition("/")[0].removesuffix(".py") in _BESIDE:
            continue
        claim = next((claimed[path] for path in _same_module(relative, scheme) if path in claimed), None)
        if claim is not None and (file.size or claim.size):
            name = relative.removesuffix("/__init__.py").removesuffix(".py")
            yield f"`/{file.path}` hides the module `{name.replace('/', '.')}` of `{claim.distribution}`"


def _same_module(relative: str, scheme: Scheme) -> tuple[str, ...]:
    """Return the paths of a distribution that have the name of the module at *relative*."""
    name = relative.removesuffix("/__init__.py").removesuffix(".py")
    return (f"{scheme.site_packages}/{name}.py", f"{scheme.site_packages}/{name}/__init__.py")


def _is_claim(path: str, scheme: Scheme, paths: set[str]) -> bool:
    if path.startswith(f"{scheme.scripts}/"):
        return True
    if not path.startswith(f"{scheme.site_packages}/") or not path.endswith(".py"):
        return False
    directory = path.rpartition("/")[0]
    if path.endswith("/__init__.py"):
        directory = directory.rpartition("/")[0]
    return not any(f"{above}/__init__.py" in paths for above in _above(directory, scheme.site_packages))


def _above(directory: str, top: str) -> Iterator[str]:
    while len(directory) > len(top):
        yield directory
        directory = directory.rpartition("/")[0]


def _content(file: InstalledFile) -> tuple[int, int]:
    source = file.source.member if isinstance(file.source, Shortened) else file.source
    return (len(source), 0) if isinstance(source, bytes) else (source.size, source.crc)
