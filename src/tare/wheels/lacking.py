"""Something that the loader will not find, and how that is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from tare.errors import TargetError

Severity = Literal["error", "warning"]


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the loader will not find."""

    distribution: str
    wheel: str
    path: str
    """The file that needs it, in the wheel."""

    kind: Literal["library", "version", "libc", "machine"]
    library: str
    """Its name; for `libc` and `machine` the file's own."""

    wanted: str
    found: str
    severity: Severity
    """`error` when importing a module, or starting a command, of the wheel would fail; `warning` for a plugin, or for
    what may have been loaded before."""

    via: str = ""
    """The module or program, in its wheel, that leads to the file when it is not itself one."""

    def __str__(self) -> str:
        via = f" (which `{self.via}` loads)" if self.via else ""
        what = f"`{self.library}`" if self.kind == "library" else f"{self.wanted} of `{self.library}`"
        if self.kind in {"libc", "machine"}:
            what = self.wanted
        return f"`{self.path}`{via} of `{self.wheel}` needs {what}; {self.found}"


def summary(found: Iterable[Missing]) -> tuple[str, ...]:
    """Return a sentence for each thing that is missing, with the first file that needs it and the number of others."""
    groups: dict[tuple[str, str], list[Missing]] = defaultdict(list)
    for item in found:
        groups[item.library, item.wanted].append(item)
    return tuple(
        str(items[0]) + ("" if len(items) == 1 else f" (and so do {len(items) - 1} more files)")
        for items in groups.values()
    )


def refusal(found: Iterable[Missing], packages: Mapping[str, str]) -> TargetError:
    """Return the error that says what is missing; *packages* of the base's suite have some of the libraries."""
    found = tuple(found)
    causes = summary(found)
    libraries = sorted({item.library for item in found if item.kind == "library"})
    what = "shared library that wheels need" if len(libraries) == 1 else "shared libraries that wheels need"
    known = ", ".join(f"`{name}`" for name in sorted({packages[name] for name in libraries if name in packages}))
    hints = [f"Choose a base that has what is needed, or add its packages{': ' if known else ''}{known}"]
    if libraries:
        allow = " ".join(f"--allow-missing {name}" for name in libraries[:3])
        hints.append(f"If a library is not needed at run time, say so: `{allow}`")
    return TargetError(
        f"the base lacks {len(libraries)} {what}" if libraries else "the base cannot load files of the wheels",
        causes=causes,
        hints=tuple(hints),
    )
