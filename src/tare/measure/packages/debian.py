"""Files of Debian's packages: `dpkg` keeps a list for each, distroless images keep checksums.

https://manpages.debian.org/trixie/dpkg/dpkg.1.en.html#FILES
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tare.measure.packages.package import Package, Paths

_STATUS: Final = "var/lib/dpkg/status"
_INFO: Final = "var/lib/dpkg/info"
_STATUS_D: Final = "var/lib/dpkg/status.d"

_field = re.compile(r"^(Package|Version|Status|Architecture): *(.*)$", re.MULTILINE)


def packages(paths: Paths) -> Iterator[tuple[Package, list[str]]]:
    """Yield every installed package with the paths that its records name."""
    for fields in _stanzas(paths.text(_STATUS)):
        if fields.get("Status", "").endswith(" installed"):
            yield _package(fields), _listed(paths, fields)
    for path in sorted(paths.by_path):
        if path.startswith(f"{_STATUS_D}/") and not path.endswith(".md5sums"):
            for fields in _stanzas(paths.text(path)):
                yield _package(fields), _summed(paths.text(f"{path}.md5sums"))


def _package(fields: dict[str, str]) -> Package:
    return Package("deb", fields["Package"], fields["Version"])


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    for stanza in re.split(r"\n{2,}", text):
        fields = dict(_field.findall(stanza))
        if fields.get("Package") and fields.get("Version"):
            yield fields


def _listed(paths: Paths, fields: dict[str, str]) -> list[str]:
    """Return the lines of a package's list, which those of several architectures have under another name."""
    name = fields["Package"]
    architecture = fields.get("Architecture", "")
    text = paths.text(f"{_INFO}/{name}.list") or paths.text(f"{_INFO}/{name}:{architecture}.list")
    return text.splitlines()


def _summed(text: str) -> list[str]:
    return [line.partition("  ")[2] for line in text.splitlines()]
