"""The documents of an image as the specification describes them, restated as JSON Schema.

https://github.com/opencontainers/image-spec, v1.1: `descriptor.md`, `manifest.md`, `image-index.md`, `config.md`. Stricter
than there: what tare writes has no field that the specification does not name.
"""

from __future__ import annotations

from typing import Any

from schemas import validator

_DIGEST = {"type": "string", "pattern": "^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$"}
_MEDIA_TYPE = {
    "type": "string",
    "pattern": r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$",
}
_STRINGS = {"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": {"minLength": 1}}
_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$"}
_SET = {"type": "object", "additionalProperties": {"type": "object", "maxProperties": 0}}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_PLATFORM = {
    "type": "object",
    "required": ["architecture", "os"],
    "properties": {"architecture": {"type": "string"}, "os": {"type": "string"}, "variant": {"type": "string"}},
    "additionalProperties": False,
}


def _descriptor(*media_types: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["mediaType", "digest", "size"],
        "properties": {
            "mediaType": {"enum": list(media_types)} if media_types else _MEDIA_TYPE,
            "digest": _DIGEST,
            "size": {"type": "integer", "minimum": 0},
            "annotations": _STRINGS,
            "platform": _PLATFORM,
        },
        "additionalProperties": False,
    }


_IMAGE = "application/vnd.oci.image."
_LAYERS = [f"{_IMAGE}layer.v1.tar{ending}" for ending in ("", "+gzip", "+zstd")]

MANIFEST = validator(
    {
        "type": "object",
        "required": ["schemaVersion", "mediaType", "config", "layers"],
        "properties": {
            "schemaVersion": {"const": 2},
            "mediaType": {"const": f"{_IMAGE}manifest.v1+json"},
            "config": _descriptor(f"{_IMAGE}config.v1+json"),
            "layers": {"type": "array", "minItems": 1, "items": _descriptor(*_LAYERS)},
            "annotations": _STRINGS,
        },
        "additionalProperties": False,
    }
)

INDEX = validator(
    {
        "type": "object",
        "required": ["schemaVersion", "mediaType", "manifests"],
        "properties": {
            "schemaVersion": {"const": 2},
            "mediaType": {"const": f"{_IMAGE}index.v1+json"},
            "manifests": {
                "type": "array",
                "items": _descriptor(f"{_IMAGE}manifest.v1+json", f"{_IMAGE}index.v1+json"),
            },
            "annotations": _STRINGS,
        },
        "additionalProperties": False,
    }
)

CONFIG = validator(
    {
        "type": "object",
        "required": ["architecture", "os", "rootfs"],
        "properties": {
            "created": _TIME,
            "author": {"type": "string"},
            "architecture": {"type": "string"},
            "os": {"type": "string"},
            "variant": {"type": "string"},
            "config": {
                "type": "object",
                "properties": {
                    "User": {"type": "string"},
                    "ExposedPorts": {**_SET, "propertyNames": {"pattern": "^[0-9]{1,5}(?:/(?:tcp|udp|sctp))?$"}},
                    "Env": {"type": "array", "items": {"type": "string", "pattern": "^[^=]+=[\\s\\S]*$"}},
                    "Entrypoint": _TEXTS,
                    "Cmd": _TEXTS,
                    "Volumes": _SET,
                    "WorkingDir": {"type": "string"},
                    "Labels": _STRINGS,
                    "StopSignal": {"type": "string", "pattern": "^(?:SIG[A-Z0-9+-]+|[0-9]+)$"},
                    # "reserved in this specification", and Docker's.
                    "Healthcheck": {"type": "object", "required": ["Test"]},
                },
                "additionalProperties": False,
            },
            "rootfs": {
                "type": "object",
                "required": ["type", "diff_ids"],
                "properties": {"type": {"const": "layers"}, "diff_ids": {"type": "array", "items": _DIGEST}},
                "additionalProperties": False,
            },
            "history": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "created": _TIME,
                        "created_by": {"type": "string"},
                        "author": {"type": "string"},
                        "comment": {"type": "string"},
                        "empty_layer": {"type": "boolean"},
                    },
                    "additionalProperties": False,
                },
            },
        },
        "additionalProperties": False,
    }
)
