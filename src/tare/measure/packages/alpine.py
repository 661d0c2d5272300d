"""Files of Alpine's packages, from apk's database.

https://wiki.alpinelinux.org/wiki/Apk_spec#Installed_Database_V2
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tare.measure.packages.package import Package, Paths

_DATABASES: Final = ("lib/apk/db/installed", "usr/lib/apk/db/installed")


def packages(paths: Paths) -> Iterator[tuple[Package, list[str]]]:
    """Yield every package with its files."""
    text = next((found for path in _DATABASES if (found := paths.text(path))), "")
    for stanza in text.split("\n\n"):
        fields: dict[str, str] = {}
        files = []
        directory = ""
        for line in stanza.splitlines():
            key, _, value = line.partition(":")
            if key == "F":
                directory = value
            elif key == "R":
                files.append(f"{directory}/{value}")
            else:
                fields.setdefault(key, value)
        if fields.get("P"):
            yield Package("apk", fields["P"], fields.get("V", "")), files
