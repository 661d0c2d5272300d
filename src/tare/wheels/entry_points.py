"""Console scripts from `entry_points.txt`.

https://packaging.python.org/en/latest/specifications/entry-points/
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator

from tare.errors import HostileInputError

_name = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.+-]*")
_dotted = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_target = re.compile(rf"(?P<module>{_dotted})\s*:\s*(?P<attribute>{_dotted})\s*(?:\[[^\]]*\])?")


def console_scripts(text: str, *, what: str) -> Iterator[tuple[str, tuple[str, str]]]:
    r"""Yield the name of each script with its module and attribute, sorted by name.

    >>> list(console_scripts("[console_scripts]\nx = a.b:c\n", what="`x.whl`"))
    [('x', ('a.b', 'c'))]
    """
    if not text:
        return
    # No section gives its options to the others: `[DEFAULT]` means nothing here.
    parser = configparser.RawConfigParser(delimiters=("=",), strict=True, default_section="")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError) as error:
        raise HostileInputError(f"refusing {what}", causes=(f"entry_points.txt cannot be read: {error}",)) from None
    found: dict[str, tuple[str, str]] = {}
    for section in ("console_scripts", "gui_scripts"):
        for name, value in parser.items(section) if parser.has_section(section) else ():
            target = _checked(name, value.strip(), what)
            if found.setdefault(name, target) != target:
                raise HostileInputError(f"refusing {what}", causes=(f"it has two scripts named `{name}`",))
    yield from sorted(found.items())


def _checked(name: str, value: str, what: str) -> tuple[str, str]:
    """Refuse a name that could leave the scripts directory, and a target that is more than a name."""
    if _name.fullmatch(name) is None or name in {".", ".."}:
        raise HostileInputError(f"refusing {what}", causes=(f"`{name[:80]}` cannot be the name of a script",))
    match = _target.fullmatch(value)
    if match is None:
        raise HostileInputError(
            f"refusing {what}", causes=(f"the script `{name}` is `{value[:80]}`; expected `module:attribute`",)
        )
    return match["module"], match["attribute"]


def script(target: tuple[str, str], *, interpreter: str) -> bytes:
    """Return the text of a script that calls *target*."""
    module, attribute = target
    first = attribute.partition(".")[0]
    lines = (
        f"#!{interpreter}",
        "import sys",
        f"from {module} import {first}",
        'if __name__ == "__main__":',
        f"    sys.exit({attribute}())",
        "",
    )
    return "\n".join(lines).encode()
