"""Targets, by the shortest name that says what matters."""

from __future__ import annotations

from tare.oci import platform
from tare.wheels.target import Libc, Target


def target(version: str = "3.13.5", architecture: str = "amd64", libc: str = "glibc 2.41") -> Target:
    """Return the target of CPython *version* with *libc*."""
    family, _, number = libc.partition(" ")
    major, minor = (int(part) for part in number.split("."))
    assert family in {"glibc", "musl"}
    return Target(
        platform=platform.parse(architecture),
        libc=Libc(family="musl" if family == "musl" else "glibc", major=major, minor=minor),
        version=version,
    )
