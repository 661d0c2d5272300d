"""Documents as text, whatever the names in them are made of."""

from __future__ import annotations

from typing import Any

import msgspec


def dumped(document: dict[str, Any]) -> str:
    r"""Return *document* as JSON for people and machines. A name that is not UTF-8 has its bytes as `\udcXX`.

    >>> dumped({"path": "a\udcff"})
    '{\n  "path": "a\\\\udcff"\n}\n'
    """
    try:
        data = msgspec.json.encode(document)
    except UnicodeEncodeError:
        data = msgspec.json.encode(_clean(document))
    return msgspec.json.format(data, indent=2).decode() + "\n"


def _clean(value: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_clean(key): _clean(each) for key, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, list | tuple) else value
