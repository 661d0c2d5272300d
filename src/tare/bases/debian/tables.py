"""What is known about Debian and not written in its packages: `debian.toml`, read into frozen values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

from tare.errors import UsageError
from tare.oci.platform import Platform


class Row(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A piece of knowledge: why it is so, who says so, and when that was looked up."""

    reason: str
    source: str
    date: str


class Suite(Row, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A release of Debian that a base can be assembled from."""

    codename: str

    version: str
    """The release's number, as `VERSION_ID` has it."""

    python: str
    """The series of its interpreter, such as `3.13`."""

    eol: str
    """The day on which its security support ends."""

    lts: str
    """The day on which its long-term support ends."""


class Root(Row, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A package that every base has. `{python}` in its name stands for the interpreter's series."""

    name: str

    suites: tuple[str, ...] = ()
    """Where it is needed; everywhere if empty."""


class LeftOut(Row, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A package that others depend on, and that nothing in an image needs."""

    name: str

    of: tuple[str, ...] = ()
    """Whose dependency it is; anyone's if empty."""

    told: bool = False
    """Whether a person should hear of it, since something is missing without it."""


class Omission(Row, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Files of packages that an image does without.

    In a pattern `*` stands for anything within one component of a path, `**` for any number of components.
    """

    paths: tuple[str, ...]

    but: tuple[str, ...] = ()
    """Patterns of what stays nevertheless."""

    packages: tuple[str, ...] = ()
    """Whose files, unless a person named the package; anyone's, and always, if empty."""


class Script(Row, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Packages whose maintainer scripts need not run, since what they do is not needed or is done by tare."""

    names: tuple[str, ...]


class Tables(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """All of `debian.toml`."""

    suite: tuple[Suite, ...]

    aliases: tuple[str, ...]
    """Names of other suites, by which the machine's own entry for Debian is recognised."""

    architectures: dict[str, str]
    """What Debian calls a platform of OCI without its operating system."""

    triplets: dict[str, str]
    """The directory of libraries, by Debian's architecture."""

    root: tuple[Root, ...]
    left_out: tuple[LeftOut, ...]
    omission: tuple[Omission, ...]
    script: tuple[Script, ...]

    soname: dict[str, dict[str, str]]
    """The package of a shared library: for `any` suite, and where a suite differs."""

    def find_suite(self, name: str) -> Suite:
        """Return the suite that is called *name*."""
        for suite in self.suite:
            if suite.codename == name:
                return suite
        known = ", ".join(f"`deb:{suite.codename}`" for suite in self.suite)
        raise UsageError(f"`deb:{name}` is not a base", causes=(f"bases can be assembled from {known}",))

    def architecture(self, platform: Platform) -> str:
        """Return what Debian calls *platform*."""
        name = "/".join(part for part in (platform.architecture, platform.variant) if part)
        found = self.architectures.get(name) if platform.os == "linux" else None
        if found is None:
            known = ", ".join(f"`linux/{name}`" for name in self.architectures)
            raise UsageError(f"Debian has no packages for `{platform}`", causes=(f"it has them for {known}",))
        return found

    def is_debian(self, suite: str) -> bool:
        """Tell whether *suite*, of an entry in a machine's sources, is one of Debian's own."""
        name = suite.partition("/")[0].removesuffix("-updates").removesuffix("-security")
        return name in self.aliases or any(name == known.codename for known in self.suite)

    def package_of(self, soname: str, suite: str) -> str | None:
        """Return the package that has the shared library *soname*, if the table knows."""
        return self.soname.get(suite, {}).get(soname) or self.soname["any"].get(soname)

    def scripts_that_need_not_run(self) -> frozenset[str]:
        """Return the names of packages whose maintainer scripts are accounted for."""
        return frozenset(name for row in self.script for name in row.names)


@cache
def tables() -> Tables:
    """Return the tables."""
    import tomllib

    document = tomllib.loads(Path(__file__).with_name("debian.toml").read_text("utf-8"))
    return msgspec.convert(document, Tables)


def pattern(globs: Iterable[str]) -> re.Pattern[str]:
    """Compile *globs* to one expression that matches a whole path.

    >>> bool(pattern(["usr/share/doc/*/**"]).fullmatch("usr/share/doc/tzdata/copyright"))
    True
    >>> bool(pattern(["usr/share/doc/*"]).fullmatch("usr/share/doc/tzdata/copyright"))
    False
    """
    return re.compile("|".join(map(_translate, globs)) or r"(?!)", re.DOTALL)


def _translate(glob: str) -> str:
    parts = re.split(r"(\*\*/|\*\*|\*)", glob)
    words = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*"}
    return "".join(words.get(part) or re.escape(part) for part in parts)
