"""Platforms: `os/architecture[/variant]`, as the image index spells them."""

from __future__ import annotations

import re

import msgspec

from tare.errors import UsageError

_ALIASES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm/v7",
    "armv7l": "arm/v7",
    "armel": "arm/v6",
    "i386": "386",
    "i686": "386",
}
"""What machines and people call an architecture that the specification calls something else
(containerd's `platforms.Normalize` has the same list)."""

_DEFAULT_VARIANTS = {("arm64", "v8"): None, ("amd64", "v1"): None, ("arm", None): "v7"}
"""A variant that says nothing new is dropped, and `arm` alone means `arm/v7`, as containerd normalises them."""


_ARCHITECTURES = frozenset(
    [
        "386",
        "amd64",
        "arm",
        "arm64",
        "loong64",
        "mips",
        "mips64",
        "mips64le",
        "mipsle",
        "ppc64",
        "ppc64le",
        "riscv64",
        "s390x",
        "wasm",
    ]
)
"""Those that stand alone for an image of Linux: any other word is more likely to be a mistake."""

_part = re.compile(r"[a-z0-9.]*[a-z0-9][a-z0-9.]*")


class Platform(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, order=True):
    """An operating system and a processor that an image is made for."""

    architecture: str
    """GOARCH: `amd64`, `arm64`, `arm`, `386`, `ppc64le`, `s390x`, `riscv64`."""

    os: str
    """GOOS: `linux` for everything that tare builds."""

    variant: str | None = None
    """The processor's variant, such as `v7` of `arm`."""

    os_version: str | None = msgspec.field(default=None, name="os.version")
    """The build of Windows that the image needs; absent elsewhere."""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def normalized(self) -> Platform:
        """Return the platform with the variant that says nothing left out.

        >>> str(Platform(os="linux", architecture="arm64", variant="v8").normalized())
        'linux/arm64'
        """
        key = (self.architecture, self.variant)
        return msgspec.structs.replace(self, variant=_DEFAULT_VARIANTS.get(key, self.variant))


def parse(text: str) -> Platform:
    """Read `os/architecture[/variant]`, or a bare architecture.

    >>> str(parse("linux/arm64/v8"))
    'linux/arm64'
    >>> str(parse("aarch64"))
    'linux/arm64'
    """
    parts = text.lower().split("/")
    if len(parts) == 1 and (parts[0] in _ALIASES or parts[0] in _ARCHITECTURES):
        parts = ["linux", *parts]
    if len(parts) > 1:
        alias = _ALIASES.get(parts[1], parts[1]).split("/")
        parts = [parts[0], alias[0], *(parts[2:] or alias[1:])]
    if len(parts) not in {2, 3} or not all(_part.fullmatch(part) for part in parts):
        raise UsageError(f"`{text}` is not a platform", hints=("Write it as `linux/amd64` or `linux/arm/v7`",))
    variant = parts[2] if len(parts) == 3 else None
    return Platform(os=parts[0], architecture=parts[1], variant=variant).normalized()
