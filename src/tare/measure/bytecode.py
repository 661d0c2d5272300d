"""Bytecode: which of it no interpreter of the image ever reads, and what has none (PEP 3147, 488 and 552)."""

from __future__ import annotations

import pkgutil
import re
import struct
from collections.abc import Iterator, Mapping
from functools import cache

import msgspec

from tare.measure.contents import Contents, Live
from tare.measure.packages.python import Installation, source_of

_name = re.compile(r".*__pycache__/[^/]+?\.(?P<tag>[a-z]+-[0-9]+)(?:\.opt-(?P<level>[^./]+))?\.pyc").fullmatch


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    date: str
    magic: dict[str, int]


@cache
def magic_numbers() -> dict[str, int]:
    """Return the magic number of each series of CPython by the tag that names of its bytecode have."""
    import tomllib

    data = pkgutil.get_data(__package__ or "", "bytecode.toml") or b""
    table = msgspec.convert(tomllib.loads(data.decode()), _Table)
    return {"cpython-" + series.replace(".", ""): number for series, number in table.magic.items()}


def useless(
    contents: Contents, installations: tuple[Installation, ...], environment: Mapping[str, str]
) -> Iterator[tuple[str, Live]]:
    """Yield bytecode that is never read, with the code of the reason.

    Nothing is said where no interpreter was found: whoever runs the files may bring any.
    """
    tags = {each.tag for each in installations}
    sources = {item.path: item for item in contents.live if item.path.endswith(".py")}
    level = environment.get("PYTHONOPTIMIZE", "")
    for item in contents.live:
        match = _name(item.path) if item.path.endswith(".pyc") else None
        if match is None or not tags:
            continue
        if not _is_ours(match["tag"], item.file.kept or b"", tags):
            yield "TW601", item
        elif _is_stale(item, _source(contents, sources, source_of(item.path) or "")):
            yield "TW602", item
        elif match["level"] and match["level"] != level:
            yield "TW603", item


def _is_ours(tag: str, head: bytes, tags: set[str]) -> bool:
    """Whether an interpreter looks at the file, and goes on after its first four bytes."""
    if tag not in tags or len(head) < 16:
        return False
    (number,) = struct.unpack_from("<H", head)
    return head[2:4] == b"\r\n" and magic_numbers().get(tag, number) == number


def _source(contents: Contents, sources: Mapping[str, Live], path: str) -> Live | None:
    """Return the module at *path*, which may be a link, as Debian's `sitecustomize.py` is."""
    found = sources.get(path)
    if found is not None:
        return found
    real = contents.tree.real(path)
    return None if real is None else sources.get(real[1:])


def _is_stale(item: Live, source: Live | None) -> bool:
    """Whether the interpreter compiles the source again, or finds none to look for bytecode of."""
    if source is None:
        return True
    flags, time, size = struct.unpack_from("<III", item.file.kept or b"", 4)
    if flags:  # It has the source's hash, checked or not; which hash only an interpreter can tell.
        return False
    return bool(time != source.attributes.mtime & 0xFFFFFFFF or size != source.file.size & 0xFFFFFFFF)


def bare(contents: Contents, installations: tuple[Installation, ...], tests: Mapping[str, str]) -> list[Live]:
    """Return the modules of an interpreter's own library and of `site-packages` that have no bytecode.

    *tests* are the kinds of files, of which only modules count.
    """
    tags = {each.tag for each in installations}
    compiled = {source_of(item.path) for item in contents.live if (match := _name(item.path)) and match["tag"] in tags}
    return [
        item
        for item in contents.live
        if tests.get(item.path) == "module"
        and item.path.endswith(".py")
        and item.path not in compiled
        and ("/lib/python3" in f"/{item.path}" or "-packages/" in item.path)
    ]
