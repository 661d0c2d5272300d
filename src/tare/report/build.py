"""What `tare build` says: a line for people, a document for machines (`docs/json.md`)."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

import msgspec

from tare.flow.build.build import Built
from tare.flow.build.prepared import Prepared, ReadyLayer
from tare.oci.image import Image, ImageIndex
from tare.report.bytecode import bytecode_json, bytecode_lines
from tare.report.text import age, duration, megabytes

if TYPE_CHECKING:
    from tare.flow.slim.prove import Proof

SCHEMA = "tare.build/1"

_WORTH = 100_000
"""Bytes that could be saved, from which on a build says so."""

_NOUNS = {
    "test": "tests",
    "source": "C and Cython sources",
    "header": "headers",
    "static library": "static libraries",
    "standard library": "parts of the standard library",
}


def build_text(built: Sequence[Built], proofs: Sequence[Proof] = (), *, seconds: float, now: float) -> str:
    """Return a line for each image, the last of which has the time."""
    lines = [_line(each, now) for each in built]
    idle = "".join(sorted({_idle(each.prepared.savings) for each in built if each.slim is None}))
    slim = "".join(_slimmed(each.prepared) for each in built if each.slim is not None)
    lost = "".join(sorted({line for each in built if each.slim is not None for line in _lost(each.prepared)}))
    compiled = "".join(f"{line}\n" for each in built if each.bytecode for line in bytecode_lines(each.bytecode))
    proved = "".join(map(_proved, proofs))
    return "\n".join(lines) + f"; {duration(seconds)}\n{idle}{slim}{lost}{compiled}{proved}"


def _idle(savings: Mapping[str, int]) -> str:
    """Return the line about what could be left out, if that is worth a line."""
    whole = sum(savings.values())
    if whole < _WORTH:
        return ""
    sizes = [(size, _NOUNS.get(kind, kind)) for kind, size in savings.items() if size >= _WORTH]
    parts = ", ".join(f"{megabytes(size)} {noun}" for size, noun in sizes) or "many small files"
    return f"{megabytes(whole)} of it could be left out with `--slim`, since nothing that runs reads it: {parts}\n"


def _slimmed(prepared: Prepared) -> str:
    """Return the line about what was left out. What it needs costs 12 ms to import, and few builds are slim."""
    from tare.report.slim import slim_summary

    return f"{slim_summary(prepared.dropped, prepared.shortened)}\n"


def _proved(proof: Proof) -> str:
    from tare.report.slim import proof_lines

    return "\n".join(proof_lines(proof)) + "\n"


def _lost(prepared: Prepared) -> list[str]:
    from tare.report.slim import losses

    return [f"  no longer there, by {line}\n" for line in losses(prepared.dropped)]


def _line(built: Built, now: float) -> str:
    base = built.prepared.base
    old = base.resolved and now - base.resolved > 3600
    when = f", as of {age(now - base.resolved)}" if old else ""
    new = len(built.layers) - len(built.prepared.base_layers)
    return (
        f"{built.image.platform} on {base.reference} (CPython {base.python}, {base.libc}{when}): "
        f"{megabytes(pull(built))} to pull, {megabytes(unpacked(built))} unpacked, "
        f"{new} new layers of which {built.reused} were known; runs {_command(built)}"
    )


def _command(built: Built) -> str:
    config = built.image.config.config
    words = (*(config.entrypoint or ()), *(config.cmd or ()))
    return f"`{shlex.join(words)}`" if words else "nothing"


def pull(built: Built) -> int:
    """Return the bytes of the compressed layers."""
    return sum(layer.descriptor.size for layer in built.layers)


def unpacked(built: Built) -> int:
    """Return the bytes of the regular files of all layers."""
    return sum(layer.unpacked for layer in built.layers)


def build_json(
    whole: Image | ImageIndex,
    built: Sequence[Built],
    proofs: Sequence[Proof] = (),
    *,
    reference: str,
    seconds: Mapping[str, float],
) -> str:
    """Return the document. An index has one under `images` for each platform."""
    images = [_image(each, reference, proof) for each, proof in zip_longest(built, proofs)]
    timing = {name: round(value, 4) for name, value in seconds.items()}
    if isinstance(whole, ImageIndex):
        document: dict[str, object] = {
            "schema": SCHEMA,
            "image": {"digest": whole.digest, "platform": None, "reference": reference},
            "images": images,
            "seconds": timing,
        }
    else:
        document = {"schema": SCHEMA, **images[0], "seconds": timing}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _image(built: Built, reference: str, proof: Proof | None) -> dict[str, object]:
    base = built.prepared.base
    return {
        "image": {"digest": built.image.digest, "platform": str(built.image.platform), "reference": reference},
        "base": {
            "reference": base.reference,
            "digest": base.digest,
            "facts": {"python": base.python, "libc": base.libc, "interpreter": base.interpreter},
        },
        "layers": [_layer(layer) for layer in built.layers],
        "sizes": {"pull": pull(built), "unpacked": unpacked(built)},
        "savings": {"bytes": sum(built.prepared.savings.values()), "kinds": built.prepared.savings},
        "reused": built.reused,
        **_slim(built, proof),
        **({"bytecode": bytecode_json(built.bytecode)} if built.bytecode else {}),
        "entrypoint": {"command": _words(built), "reason": built.entrypoint_reason},
        "notes": list(built.notes),
        "warnings": list(built.warnings),
    }


def _slim(built: Built, proof: Proof | None) -> dict[str, object]:
    if built.slim is None:
        return {}
    from tare.report.slim import slim_json

    prepared = built.prepared
    rules = slim_json(prepared.dropped, prepared.shortened)
    proved = {} if proof is None else {"proof": msgspec.to_builtins(proof)}
    return {"slim": {"level": built.slim, "rules": rules, **proved}}


def _words(built: Built) -> list[str]:
    config = built.image.config.config
    return [*(config.entrypoint or ()), *(config.cmd or ())]


def _layer(layer: ReadyLayer) -> dict[str, object]:
    return {
        "digest": layer.descriptor.digest,
        "diff_id": layer.diff_id,
        "size": layer.descriptor.size,
        "unpacked": layer.unpacked,
        "kind": layer.kind,
        "why": layer.why,
        "distributions": list(layer.distributions),
    }
