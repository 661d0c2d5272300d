"""Annotations: maps of strings, some of whose keys the specification gives a meaning.

https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md
"""

from __future__ import annotations

import re
from typing import Final

from tare.oci.validate import times
from tare.oci.validate.fields import Fields
from tare.oci.validate.findings import shown

REFERENCE: Final = "org.opencontainers.image.ref.name"
CREATED: Final = "org.opencontainers.image.created"
BASE_DIGEST: Final = "org.opencontainers.image.base.digest"
ATTESTED: Final = "vnd.docker.reference.digest"
"""BuildKit's key for the manifest that an attestation is about."""
ROLE: Final = "vnd.docker.reference.type"

_DIGEST: Final = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_COMPONENT: Final = r"[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*"
_REFERENCE: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")


def check(fields: Fields) -> dict[str, str]:
    """Check the annotations of *fields* and return them."""
    found = fields.string_map("annotations", "A001")
    for key, value in found.items():
        name = f"annotations.{shown(key)}"
        if "." not in key:
            fields.fault(name, "expected a key in reverse domain notation, as `com.example.key`", "A002")
        elif key == CREATED and (problem := times.problem_of(value)):
            fields.fault(name, problem, "A003")
        elif key == BASE_DIGEST and _DIGEST.fullmatch(value) is None:
            fields.fault(name, f"expected a digest, found `{shown(value)}`", "A003")
        elif key == REFERENCE and _REFERENCE.fullmatch(value) is None:
            fields.fault(name, f"expected a reference, found `{shown(value)}`", "A004")
    return found
