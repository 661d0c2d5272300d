"""Platforms: what an index and a config say, and whether they agree.

https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md#platform-variants
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Final

import msgspec

from tare.oci.platform import Platform
from tare.oci.validate.fields import Fields
from tare.oci.validate.findings import shown

FIELDS: Final = frozenset({"architecture", "os", "os.version", "os.features", "variant", "features"})
UNKNOWN: Final = "unknown"
"""What BuildKit writes for the platform of an attestation, which has none."""


class ElfKind(msgspec.Struct, frozen=True, kw_only=True):
    """How the executables of an architecture begin."""

    architecture: str
    machine: int
    bits: int
    little: bool


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """`platforms.toml`."""

    os: frozenset[str]
    architectures: frozenset[str]
    variants: dict[str, str]
    elf: tuple[ElfKind, ...]


@functools.cache
def table() -> Table:
    """Return what is known of platforms."""
    import tomllib  # 5 ms, and only `verify` needs it

    text = Path(__file__).with_name("platforms.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Table)


def read(fields: Fields) -> Platform | None:
    """Read the platform that *fields*, of an index or a config, have; None if the required ones are missing."""
    architecture = fields.string("architecture", required=True)
    os = fields.string("os", required=True)
    variant = fields.string("variant")
    version = fields.string("os.version")
    fields.strings("os.features")
    if architecture is None or os is None:
        return None
    platform = Platform(architecture=architecture, os=os, variant=variant or None, os_version=version)
    if not is_unknown(platform):
        _check_names(fields, platform)
    return platform


def is_unknown(platform: Platform) -> bool:
    """Tell whether *platform* is an attestation's."""
    return platform.architecture == platform.os == UNKNOWN


def _check_names(fields: Fields, platform: Platform) -> None:
    known = table()
    if platform.architecture not in known.architectures:
        fields.fault("architecture", f"expected a GOARCH, found `{shown(platform.architecture)}`", "P001")
    if platform.os not in known.os:
        fields.fault("os", f"expected a GOOS, found `{shown(platform.os)}`", "P002")
    if platform.variant is None:
        return
    pattern = known.variants.get(platform.architecture, "")
    if re.fullmatch(pattern, platform.variant) is None:
        found = f"`{shown(platform.variant)}` of `{shown(platform.architecture)}`"
        fields.fault("variant", f"expected a variant that is known, found {found}", "P005")


def compare(fields: Fields, promised: Platform, found: Platform) -> None:
    """Compare the platform that an index has for an image with the one of the image's config."""
    if (promised.os, promised.architecture) != (found.os, found.architecture):
        message = f"expected {shown(str(found))} as in the config, found {shown(str(promised))}"
        fields.fault("platform", message, "P003")
        return
    left, right = promised.normalized().variant, found.normalized().variant
    if promised.variant and found.variant and left != right:
        message = f"expected {shown(str(found))} as in the config, found {shown(str(promised))}"
        fields.fault("platform", message, "P004")
