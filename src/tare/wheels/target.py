"""Targets: what an interpreter in a base image accepts, told as wheel tags and as a marker environment.

https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/ (PEP 425, 600, 656, 703)
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import msgspec

from tare.errors import TargetError
from tare.oci.platform import Platform

if TYPE_CHECKING:
    from packaging.markers import Environment
    from packaging.tags import Tag

_MACHINES = {
    "amd64": "x86_64",
    "arm64": "aarch64",
    "arm": "armv7l",
    "386": "i686",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
    "loong64": "loongarch64",
}
"""What `uname -m`, and so a wheel's tag, calls the processor that Go names otherwise."""

_OLDER_ARM = {"v5": "armv5tel", "v6": "armv6l"}
"""The variants of `arm` that cannot run what `armv7l` is; a Raspberry Pi Zero is the second. No manylinux tag has them."""

_OLDEST_GLIBC = {"x86_64": 5, "i686": 5}
"""The first glibc 2.N that manylinux tags exist for; 17 where it is not named (PEP 513, 571, 599)."""

_LEGACY = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
"""The names that PEP 600 gives to glibc 2.5, 2.12 and 2.17."""


class Libc(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A C library and its version."""

    family: Literal["glibc", "musl"]
    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.family} {self.major}.{self.minor}"


class Target(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """An interpreter on a platform: all that decides which wheel is taken."""

    platform: Platform

    libc: Libc

    version: str
    """The interpreter's full version, such as `3.13.5`."""

    free_threaded: bool = False
    """Whether it is built without the GIL (PEP 703): its ABI is `cp313t`, and `abi3` does not apply."""

    def __str__(self) -> str:
        return f"{self.interpreter}{'t' if self.free_threaded else ''}, {self.platform}, {self.libc}"

    @property
    def series(self) -> tuple[int, int]:
        """Major and minor version."""
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)

    @property
    def interpreter(self) -> str:
        """The interpreter's tag, such as `cp313`."""
        return "cp{}{}".format(*self.series)

    @property
    def machine(self) -> str:
        """What `platform.machine()` says there."""
        if self.platform.os != "linux" or self.platform.architecture not in _MACHINES:
            raise TargetError(
                f"there are no wheels for `{self.platform}`",
                causes=(
                    "the architectures that wheels have tags for are "
                    + ", ".join(f"`linux/{name}`" for name in _MACHINES),
                ),
            )
        if self.platform.architecture == "arm" and self.platform.variant in _OLDER_ARM:
            return _OLDER_ARM[self.platform.variant]
        return _MACHINES[self.platform.architecture]

    def platforms(self) -> Iterator[str]:
        """Yield the platform tags, best first."""
        machine = self.machine
        if self.libc.family == "musl":
            for minor in range(self.libc.minor, -1, -1):
                yield f"musllinux_{self.libc.major}_{minor}_{machine}"
        elif machine not in _OLDER_ARM.values():
            for minor in range(self.libc.minor, _OLDEST_GLIBC.get(machine, 17) - 1, -1):
                yield f"manylinux_2_{minor}_{machine}"
                if minor in _LEGACY:
                    yield f"{_LEGACY[minor]}_{machine}"
        yield f"linux_{machine}"

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """The tags that the target accepts, best first, as an installer that runs on it would order them."""
        from packaging import tags

        platforms = list(self.platforms())
        abis = [f"{self.interpreter}t"] if self.free_threaded else None
        return (
            *tags.cpython_tags(self.series, abis=abis or [self.interpreter], platforms=platforms),
            *tags.compatible_tags(self.series, interpreter=self.interpreter, platforms=platforms),
        )

    @property
    def environment(self) -> Environment:
        """The values of environment markers on the target, never of the machine that tare runs on."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.version,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": self.version,
            "python_version": "{}.{}".format(*self.series),
            "sys_platform": "linux",
        }
