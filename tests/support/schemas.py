"""Documents against their schemas: those that `docs/schemas` promises, and those of the image specification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

PUBLISHED = Path(__file__).parents[2] / "docs" / "schemas"


def published(name: str) -> Draft202012Validator:
    """Return the schema of a document of ours, closed: readers accept what is added, our own tests know all of it."""
    return validator(_closed(json.loads((PUBLISHED / f"{name}.json").read_bytes())))


def validator(schema: Any) -> Draft202012Validator:  # JSON
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def faults(schema: Draft202012Validator, document: Any) -> list[str]:  # JSON
    """Return everything that is wrong with *document*."""
    return sorted(f"{error.json_path}: {error.message}" for error in schema.iter_errors(document))


def _closed(schema: Any) -> Any:  # JSON
    """Return *schema* with every object that lists its properties refusing others."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: value if key in {"oneOf", "not"} else _closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        found["additionalProperties"] = False
    return found
