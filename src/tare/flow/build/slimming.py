"""`--slim` in a build: what the wheels of an image are laid down without."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from tare import threads
from tare.flow.build.distributions import Acquired
from tare.flow.world import World
from tare.oci.digest import Digest
from tare.plan.plan import Dropped, Segment
from tare.plan.slim import Evidence, Level, decide, table
from tare.projects.project import Project
from tare.projects.sources import collect
from tare.stores.cache import key_of
from tare.wheels.mentions import MAX_SOURCE, mentions
from tare.wheels.scheme import InstalledFile, Shortened
from tare.wheels.slimming import FORMAT, Clues, inspect
from tare.wheels.wheel import Wheel


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    wheel: Digest


def clues(world: World, acquired: Sequence[Acquired]) -> dict[Digest, Clues]:
    """Return what is known of each wheel. Those that are not remembered are read side by side, the largest first."""
    wheels = {each.wheel.digest: each.wheel for each in acquired}
    keys = {digest: key_of(_Key(format=FORMAT, wheel=digest)) for digest in wheels}
    found = {digest: world.cache.recall("slim-clues", key, Clues) for digest, key in keys.items()}
    unknown = sorted((wheels[digest] for digest, known in found.items() if known is None), key=_weight, reverse=True)
    if unknown:
        with world.step("read what wheels can do without"), threads.pool(world.threads) as pool:
            for wheel, known in zip(unknown, pool.map(inspect, unknown), strict=True):
                found[wheel.digest] = known
                world.cache.remember("slim-clues", keys[wheel.digest], msgspec.json.encode(known))
    return {digest: known for digest, known in found.items() if known is not None}


def own_mentions(world: World, project: Project) -> tuple[str, ...]:
    """Return the modules with `test` in their names that the project's own code imports, sorted."""
    found: set[str] = set()
    for file in collect(project, memo_directory=world.memo_directory):
        if file.path.endswith(".py") and file.size <= MAX_SOURCE:
            module = file.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            found.update(mentions(module, _data(project, file.path), package=file.path.endswith("/__init__.py")))
    return tuple(sorted(found))


def _data(project: Project, path: str) -> bytes:
    """Return a file of the project; nothing of one that cannot be read, which is an error when its layer is written."""
    try:
        return Path(project.root, path).read_bytes()
    except OSError:
        return b""


def _weight(wheel: Wheel) -> int:
    return sum(member.compressed for member in wheel.archive.members)


def slimmed(
    segments: Sequence[Segment],
    known: Mapping[Digest, Clues],
    level: Level,
    spared: tuple[str, ...],
    *,
    own: tuple[str, ...],
) -> tuple[Segment, ...]:
    """Return *segments* without what no container needs, each with a RECORD of what is left.

    Whether a file is a test is decided by what lies beside it in its own wheel, so that the same wheel is the same layer
    in every image; what one wheel imports of another's tests stays, and what the project imports, which is *own*.
    """
    named: dict[str, tuple[str, ...]] = {"": own}
    for segment in segments:
        places = _places(segment)
        named |= {places[name]: names for name, names in known[segment.wheel].mentions.items() if name in places}
    return tuple(_slimmed(segment, known[segment.wheel], named, level, frozenset(spared)) for segment in segments)


def _slimmed(
    segment: Segment,
    clue: Clues,
    named: Mapping[str, tuple[str, ...]],
    level: Level,
    spared: frozenset[str],
) -> Segment:
    cutting = frozenset(rule.code for rule in table().rule if rule.cut)
    places = _places(segment)
    readers = frozenset(places[name] for name in clue.stub_readers if name in places)
    codes = decide(
        [file.path for file in segment.files],
        level,
        Evidence(mentions=named, stub_readers=readers),
        spared=spared,
    )
    left, dropped, shortened = [], [], []
    for file in segment.files:
        code = codes.get(file.path)
        if code is None:
            left.append(file)
        elif code not in cutting:
            dropped.append(Dropped(path=file.path, size=file.size, code=code))
        else:
            shorter = _shortened(file, clue)
            left.append(shorter)
            if shorter is not file:
                shortened.append(Dropped(path=file.path, size=file.size - shorter.size, code=code))
    if not dropped and not shortened:
        return segment
    files = tuple(_recorded(segment, left, {each.path for each in dropped}))
    return msgspec.structs.replace(segment, files=files, dropped=tuple(dropped), shortened=tuple(shortened))


def _places(segment: Segment) -> dict[str, str]:
    return {file.source.name: file.path for file in segment.files if not isinstance(file.source, bytes)}


def _shortened(file: InstalledFile, clue: Clues) -> InstalledFile:
    if isinstance(file.source, bytes | Shortened):
        return file
    known = clue.cuts.get(file.source.name)
    if known is None:
        return file
    return file._replace(size=known.cut.size, source=Shortened(file.source, known.cut, known.digest))


def _recorded(segment: Segment, files: Sequence[InstalledFile], gone: set[str]) -> Iterator[InstalledFile]:
    """Yield *files* with a RECORD that says what is there."""
    site_packages = segment.scheme.site_packages
    cuts = {file.path: file for file in files if isinstance(file.source, Shortened)}
    for file in files:
        directory, _, name = file.path.rpartition("/")
        if name == "RECORD" and directory.endswith(".dist-info") and isinstance(file.source, bytes):
            data = _record(file.source, site_packages, segment.scheme.prefix, gone, cuts)
            yield file._replace(size=len(data), source=data)
        else:
            yield file


def _record(data: bytes, site_packages: str, prefix: str, gone: set[str], cuts: Mapping[str, InstalledFile]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in csv.reader(io.StringIO(data.decode())):
        path = f"{prefix}/{row[0][9:]}" if row[0].startswith("../../../") else f"{site_packages}/{row[0]}"
        if path in gone:
            continue
        cut = cuts.get(path)
        if cut is not None and isinstance(cut.source, Shortened):
            stated = base64.urlsafe_b64encode(cut.source.digest).rstrip(b"=").decode()
            row = [row[0], f"sha256={stated}", str(cut.size)]  # noqa: PLW2901  # the same row, told anew
        writer.writerow(row)
    return text.getvalue().encode()
