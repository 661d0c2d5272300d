"""Environment markers: joined as text, asked with `packaging`.

https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.markers import Environment, Marker

_extra = re.compile(r"""\bextra\s*(==|!=)\s*("[^"]*"|'[^']*')""")

_MACHINES = (
    "x86_64", "aarch64", "armv7l", "armv6l", "armv5tel", "i686", "ppc64le", "s390x", "riscv64", "loongarch64",
)  # fmt: skip
"""Those of targets (`tare.wheels.target`); what a marker says of another one cannot be needed."""
_OLD_SERIES = range(8, 20)


def both(*markers: str | None) -> str | None:
    """Return the marker that holds where all of *markers* hold; `None` holds everywhere."""
    found = list(dict.fromkeys(marker for marker in markers if marker))
    if len(found) < 2:
        return found[0] if found else None
    return " and ".join(f"({marker})" for marker in found)


def either(markers: Iterable[str | None]) -> str | None:
    """Return the marker that holds where one of *markers* holds; `None` holds everywhere."""
    found = list(dict.fromkeys(markers))
    if None in found or not found:
        return None
    return " or ".join(f"({marker})" for marker in found) if len(found) > 1 else found[0]


def in_lock(marker: str) -> str:
    """Return *marker* as a lock has it: `extra == 'pg'` is `'pg' in extras` there (PEP 751).

    >>> in_lock('extra == "pg" and python_version < "3.13"')
    '"pg" in extras and python_version < "3.13"'
    """
    return _extra.sub(lambda found: f"{found[2]} {'in' if found[1] == '==' else 'not in'} extras", marker)


def with_extra(marker: str, extra: str | None) -> str:
    """Return *marker*, of a requirement, as it is where *extra* of its own distribution is asked for, and no other.

    >>> with_extra('extra == "tls" and os_name == "posix"', "tls")
    'python_version >= "0" and os_name == "posix"'
    """

    def answer(found: re.Match[str]) -> str:
        holds = (found[2][1:-1] == extra) == (found[1] == "==")
        return f'python_version {">=" if holds else "<"} "0"'

    return _extra.sub(answer, marker)


def chosen(*, extras: Iterable[str] = (), groups: Iterable[str] = ()) -> str | None:
    """Return the marker that holds where one of *extras* or *groups* is asked for."""
    asked = [f'"{name}" in extras' for name in extras] + [f'"{name}" in dependency_groups' for name in groups]
    return either(asked)


def possible(
    marker: Marker, series: str, *, extras: Iterable[str] | None = None, groups: Iterable[str] | None = None
) -> bool:
    """Return whether *marker*, of a lock, can hold on some Linux that runs CPython *series*.

    *extras* and *groups* are the ones asked for; `None`: whichever make it hold.
    """
    named = frozenset(re.findall(r'"([^"]+)"(?: not)? in (?:extras|dependency_groups)', str(marker)))
    asked = [(frozenset(extras or named), frozenset(groups or named))] if extras is None or groups is None else []
    asked.append((frozenset(extras or ()), frozenset(groups or ())))
    return any(
        marker.evaluate({**environment, "extras": one, "dependency_groups": other}, context="lock_file")  # type: ignore[dict-item]
        for environment in environments((series,), systems=("linux",))
        for one, other in asked
    )


def same(first: Marker | None, second: Marker | None, extras: Iterable[str] = ()) -> bool:
    """Return whether two markers of requirements agree in every environment that is likely to be met.

    Tools write one marker in several ways (`python_version` or `python_full_version`, the order of clauses), and no
    library proves them equal; so they are asked.
    """
    if str(first) == str(second):
        return True
    series = tuple(f"3.{minor}" for minor in _OLD_SERIES)
    for environment in environments(series, systems=("linux", "darwin", "win32"), micros=(0, 1, 99)):
        for extra in ("", *extras):
            asked = {**environment, "extra": extra}
            answers = [marker is None or marker.evaluate(asked) for marker in (first, second)]  # type: ignore[arg-type]
            if answers[0] != answers[1]:
                return False
    return True


_SYSTEMS = {"linux": ("posix", "Linux"), "darwin": ("posix", "Darwin"), "win32": ("nt", "Windows")}


def environments(
    series: Iterable[str], *, systems: Iterable[str], micros: Iterable[int] = (99, 0, *range(1, 20))
) -> Iterator[Environment]:
    """Yield the environments of CPython *series* on *systems*, on every machine that wheels are made for."""
    for version in series:
        for micro in micros:
            for system in systems:
                for machine in _MACHINES:
                    os_name, platform_system = _SYSTEMS[system]
                    yield {
                        "implementation_name": "cpython",
                        "implementation_version": f"{version}.{micro}",
                        "os_name": os_name,
                        "platform_machine": machine,
                        "platform_python_implementation": "CPython",
                        "platform_release": "",
                        "platform_system": platform_system,
                        "platform_version": "",
                        "python_full_version": f"{version}.{micro}",
                        "python_version": version,
                        "sys_platform": system,
                    }
