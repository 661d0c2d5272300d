"""A choice of base as a document (`docs/json.md`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tare.plan.choice.candidate import Candidate, Distribution
from tare.plan.choice.choice import Choice

SCHEMA: Final = "tare.choose/1"


def choose_json(choice: Choice, failed: Sequence[str] = ()) -> str:
    """Return the document."""
    document = {
        "schema": SCHEMA,
        "project": choice.project,
        "prefer": choice.prefer,
        "recommended": choice.recommended,
        "candidates": [_candidate(each) for each in choice.candidates],
        "obstacles": list(choice.obstacles),
        "fetched": choice.fetched,
        "wheels": choice.wheels,
        "downloaded": list(choice.downloaded),
        "failed": list(failed),
        "notes": list(choice.notes),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _candidate(candidate: Candidate) -> dict[str, object]:
    libc = candidate.libc
    return {
        "base": candidate.base,
        "kind": candidate.kind,
        "platform": str(candidate.platform),
        "python": candidate.python,
        "libc": {"family": libc.family, "version": f"{libc.major}.{libc.minor}"} if libc else None,
        "suitable": candidate.suitable,
        "rank": candidate.rank,
        "pareto": candidate.pareto,
        "pull": candidate.pull,
        "unpacked": candidate.unpacked,
        "exact": candidate.exact,
        "base_sizes": msgspec.to_builtins(candidate.base_sizes),
        "site_packages": msgspec.to_builtins(candidate.site_packages),
        "layers": msgspec.to_builtins(candidate.layers),
        "project": msgspec.to_builtins(candidate.project),
        "distributions": [_distribution(each) for each in candidate.distributions],
        "missing_libraries": list(candidate.missing_libraries),
        "unchecked": list(candidate.unchecked),
        "facts": {
            "origin": candidate.origin,
            "why": candidate.origin_why,
            "date": candidate.date,
            "digest": candidate.digest,
            "interpreter": candidate.interpreter,
            "platforms": None if candidate.platforms is None else list(candidate.platforms),
            "libraries": None if candidate.libraries is None else list(candidate.libraries),
            "pgo": candidate.pgo,
            "lto": candidate.lto,
            "package_manager": candidate.package_manager,
            "shell": candidate.shell,
            "user": candidate.user,
            "python_eol": candidate.python_eol,
            "os_eol": candidate.os_eol,
            "sources": list(candidate.sources),
        },
        "work": {
            "fetch": candidate.work.fetch,
            "hash": candidate.work.hash,
            "sources": list(candidate.work.sources),
            "native": list(candidate.work.native),
            "seconds": list(candidate.work.seconds) if candidate.work.seconds else None,
        },
        "reasons": list(candidate.reasons),
        "notes": list(candidate.notes),
    }


def _distribution(each: Distribution) -> dict[str, object]:
    return {
        "name": each.name,
        "version": each.version,
        "kind": each.kind,
        "file": each.file,
        "tag": each.tag,
        "size": each.size,
        "unpacked": each.unpacked,
        "native": each.native,
        "why": each.why,
        "remedy": each.remedy,
        "parts": dict(each.parts),
    }
