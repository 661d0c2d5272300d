"""What the content of a wheel says about what can be left out: read once for each wheel, and remembered."""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import Final

import msgspec

from tare.wheels import conversion, strip
from tare.wheels.directory import Member
from tare.wheels.kinds import kinds
from tare.wheels.mentions import MAX_SOURCE, mentions, reads_stub
from tare.wheels.needs import may_be_elf
from tare.wheels.strip import Cut
from tare.wheels.wheel import Wheel

FORMAT: Final = 3
"""Raised whenever the same wheel would give other clues."""


class CutFile(msgspec.Struct, frozen=True, kw_only=True):
    """How an extension module can be shortened."""

    cut: Cut
    digest: bytes
    """SHA-256 of what it becomes."""


class Clues(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one wheel. Keys are paths in it."""

    mentions: dict[str, tuple[str, ...]] = {}
    stub_readers: tuple[str, ...] = ()
    iconv: bool = False
    cuts: dict[str, CutFile] = {}


def inspect(wheel: Wheel) -> Clues:
    """Read the modules and the ELF files of *wheel*."""
    members = {member.name: member for member in wheel.archive.members if member.size}
    known = kinds(member.name for member in wheel.archive.members)
    found: dict[str, tuple[str, ...]] = {}
    readers = []
    cuts: dict[str, CutFile] = {}
    iconv = False
    for name, member in members.items():
        if name.endswith(".py") and member.size <= MAX_SOURCE:
            data = _read(wheel, member)
            module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            if named := mentions(module, data, package=name.endswith("/__init__.py")):
                found[name] = named
            if f"{name}i" in known and reads_stub(data):
                readers.append(name)
        elif known[name] == "extension module" and member.size <= strip.MAX_CUT:
            data = _read(wheel, member)
            iconv = iconv or conversion.uses_iconv(data)
            cut = strip.cut(data)
            if cut is not None:
                cuts[name] = CutFile(cut=cut, digest=hashlib.sha256(cut.apply(data)).digest())
        elif not iconv and may_be_elf(name):
            iconv = _converts(wheel, member)
    return Clues(mentions=found, stub_readers=tuple(readers), iconv=iconv, cuts=cuts)


def _converts(wheel: Wheel, member: Member) -> bool:
    pieces = wheel.archive.inflate(member)
    first = next(pieces, b"")
    return first.startswith(conversion.MAGIC) and conversion.found_in(chain((first,), pieces))


def _read(wheel: Wheel, member: Member) -> bytes:
    return b"".join(wheel.archive.inflate(member))
