"""Two configurations, field by field."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tare.measure.difference import ConfigChange
from tare.oci.image import Image

_LISTS = ("Entrypoint", "Cmd", "Shell")


def config_changes(before: Image, after: Image, *, semantic: bool) -> tuple[ConfigChange, ...]:
    """Return the fields that differ. With *semantic* times, history and the order of mappings are passed over."""
    old, new = _fields(before, semantic=semantic), _fields(after, semantic=semantic)
    return tuple(
        ConfigChange(field=field, before=old.get(field), after=new.get(field))
        for field in sorted(old.keys() | new.keys())
        if old.get(field) != new.get(field)
    )


def _fields(image: Image, *, semantic: bool) -> dict[str, str]:
    config = image.config
    found = {"platform": str(image.platform), **dict(_run_fields(image))}
    if not semantic:
        found["Env, in order"] = _text(list(config.config.env or ()))
        found["created"] = config.created or ""
        found["author"] = config.author or ""
        found["history"] = f"{len(config.history or ())} entries"
        found |= {f"annotation {key}": value for key, value in (image.manifest.annotations or {}).items()}
        found["manifest"] = image.manifest.media_type or ""
    return {field: value for field, value in found.items() if value}


def _run_fields(image: Image) -> Iterator[tuple[str, str]]:
    """Yield the fields of `config`, each entry of a mapping for itself."""
    run = msgspec.to_builtins(image.config.config)
    for field, value in run.items():
        if field == "Env":
            for item in value or ():
                name, _, text = item.partition("=")
                yield f"Env {name}", text or "(empty)"
        elif field == "Labels":
            yield from ((f"Labels {key}", text or "(empty)") for key, text in (value or {}).items())
        elif isinstance(value, dict) and field in {"ExposedPorts", "Volumes"}:
            yield field, " ".join(sorted(value))
        elif value not in (None, "", (), []):
            yield field, value if isinstance(value, str) else _text(value)


def _text(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
