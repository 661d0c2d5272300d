"""What a person can do about a registry that cannot be reached."""

from __future__ import annotations

from typing import Literal

from tare.oci.reference import DEFAULT_REGISTRY
from tare.stores.registry.places import Place


def unreachable(kind: Literal["name", "refused", "tls"], place: Place) -> tuple[str, ...]:
    """Return hints for a registry at *place*, of which not even a first answer could be had."""
    registry = place.registry
    if kind == "tls":
        if len(place.candidates) > 1:
            return ()  # Plain text is tried, too.
        return (f"If it has no encryption and you accept that, add `--insecure-registry {registry}`",)
    if registry == DEFAULT_REGISTRY:
        return (f"A name without a registry is one of `{DEFAULT_REGISTRY}`; write another one's as `HOST[:PORT]/NAME`",)
    if kind == "refused":
        return (f"Check that a registry runs at `{registry}`, and the port",)
    return (f"Check the spelling of `{registry}`, or name a proxy in `HTTPS_PROXY`",)
