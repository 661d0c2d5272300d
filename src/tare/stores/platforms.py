"""Which image of an index a machine runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tare.errors import TargetError
from tare.oci import platform as platforms
from tare.oci.descriptor import Descriptor
from tare.oci.platform import Platform

_FALLBACKS: Final[dict[tuple[str, str | None], tuple[tuple[str, str | None], ...]]] = {
    ("amd64", "v4"): (("amd64", "v3"), ("amd64", "v2"), ("amd64", None)),
    ("amd64", "v3"): (("amd64", "v2"), ("amd64", None)),
    ("amd64", "v2"): (("amd64", None),),
    ("arm", "v8"): (("arm", "v7"), ("arm", "v6"), ("arm", "v5")),
    ("arm", "v7"): (("arm", "v6"), ("arm", "v5")),
    ("arm", "v6"): (("arm", "v5"),),
}
"""What else a processor runs, best first: an older variant of itself. A processor's other architectures (arm on arm64)
are not here; an image for them is chosen only when it was asked for, as Docker does."""

_ATTESTATION: Final = "vnd.docker.reference.type"
"""Marks BuildKit's manifests that are about another manifest and are no images:
https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md"""


def is_image(descriptor: Descriptor) -> bool:
    """Return whether an entry of an index names something to run, as far as the index tells."""
    platform = descriptor.platform
    return _ATTESTATION not in descriptor.annotations and (platform is None or platform.os != "unknown")


def host() -> Platform:
    """Return the platform of containers on this machine: Linux, also where a virtual machine runs them."""
    import platform  # 3 ms, and only needed when nobody said which platform is wanted

    return platforms.parse(f"linux/{platform.machine() or 'amd64'}")


def choose(entries: Sequence[Descriptor], wanted: Platform | None, *, what: str) -> Descriptor:
    """Return the entry of an index for *wanted*, or for this machine; the only image when nothing was asked for.

    *what* names the index in the error that lists what it has.
    """
    images = [entry for entry in entries if is_image(entry)]
    if len(images) == 1 and (wanted is None or images[0].platform is None):
        return images[0]  # What it is for is in its config, which is looked at next.
    target = (wanted or host()).normalized()
    for architecture, variant in _acceptable(target):
        for entry in images:
            if entry.platform and _matches(entry.platform.normalized(), target, architecture, variant):
                return entry
    offered = sorted({str(entry.platform.normalized()) for entry in images if entry.platform})
    raise TargetError(
        f"{what} has no image for {target}",
        causes=(f"it offers {', '.join(offered)}" if offered else "its entries do not say what they are for",),
        hints=("Choose one of these with `--platform`",) if offered else (),
    )


def _acceptable(target: Platform) -> tuple[tuple[str, str | None], ...]:
    key = (target.architecture, target.variant)
    return (key, *_FALLBACKS.get(key, ()))


def _matches(platform: Platform, target: Platform, architecture: str, variant: str | None) -> bool:
    return (platform.os, platform.architecture, platform.variant) == (target.os, architecture, variant)


def check(platform: Platform, wanted: Platform | None, *, what: str) -> None:
    """Raise `TargetError` if the one image of *what* does not run on *wanted*."""
    if wanted is None:
        return
    found, target = platform.normalized(), wanted.normalized()
    if found.os != target.os or (found.architecture, found.variant) not in _acceptable(target):
        raise TargetError(f"{what} has no image for {target}", causes=(f"it is for {found}",))
