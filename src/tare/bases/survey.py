"""Facts, read from an image's own configuration and layers.

Each layer is streamed once, bottom to top. Names are kept in a tree, and of contents only what is looked at afterwards.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import cache
from typing import BinaryIO, Final

import msgspec

from tare.bases import interpreter, libc
from tare.bases.clues import Clue, Clues
from tare.bases.facts import BaseFacts, Interpreter, OperatingSystem
from tare.bases.interpreter import FoundInterpreter
from tare.bases.libc import FoundLibrary
from tare.bases.tree import Tree
from tare.oci.config import ImageConfig
from tare.oci.platform import Platform
from tare.oci.tar import TarReader
from tare.wheels.target import Libc

_MANAGERS: Final = {
    "apt": ("usr/bin/apt-get",),
    "apk": ("sbin/apk", "usr/bin/apk"),
    "dnf": ("usr/bin/dnf", "usr/bin/microdnf", "usr/bin/yum", "usr/bin/tdnf"),
    "zypper": ("usr/bin/zypper",),
    "pacman": ("usr/bin/pacman",),
}
_SHELLS: Final = ("/bin/sh", "/usr/bin/sh", "/busybox/sh")
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where programs look for certificates on Debian and Alpine, Fedora and its kin, openSUSE, and with musl's tools."""


def read(
    config: ImageConfig,
    layers: Iterable[Callable[[], BinaryIO]],
    *,
    python: str | None,
    what: str,
) -> BaseFacts:
    """Do what `tare.bases.facts.read` says."""
    tree = Tree()
    kept = Clues()
    unpacked = []
    for number, open_layer in enumerate(layers, 1):
        with open_layer() as stream:
            reader = TarReader(stream, what=f"layer {number} of {what}")
            tree.apply(reader, kept.take)
            unpacked.append(reader.unpacked)
    platform = Platform(os=config.os, architecture=config.architecture, variant=config.variant).normalized()
    return msgspec.structs.replace(_facts(tree, platform, config, python), unpacked=tuple(unpacked))


def _facts(tree: Tree, platform: Platform, config: ImageConfig, wanted: str | None) -> BaseFacts:
    environment = config.config.environment()
    found = interpreter.find_interpreter(tree, environment.get("PATH") or interpreter.DEFAULT_PATH, wanted=wanted)
    family = found.elf.libc if found is not None and found.elf is not None else None
    c_library = libc.find_libc(tree, platform.architecture, preferred=family)
    os_release = _os_release(tree)
    how = {} if c_library is None else {"libc": f"the version in {c_library.path}"}
    python = None
    if found is not None:
        how |= found.how
        python = _from_table(found.interpreter, os_release, how)
    libraries = () if c_library is None else _libraries(tree, c_library.libc, platform, environment, found)
    return BaseFacts(
        platform=platform,
        libc=None if c_library is None else c_library.libc,
        python=python,
        libraries=tuple(library.name for library in libraries),
        versions={library.name: library.versions for library in libraries if library.versions},
        os=os_release,
        package_manager=next((name for name, paths in _MANAGERS.items() if _any(tree, paths)), None),
        shell=_any(tree, _SHELLS),
        ca_bundle=_any(tree, _BUNDLES),
        user=config.config.user,
        users=_names(tree, "/etc/passwd"),
        groups=_names(tree, "/etc/group"),
        path=environment.get("PATH", ""),
        ground=tree.ground(),
        how=how,
    )


def _libraries(
    tree: Tree, c_library: Libc, platform: Platform, environment: dict[str, str], found: FoundInterpreter | None
) -> tuple[FoundLibrary, ...]:
    """Return what the loader finds for a module that the interpreter imports."""
    before = environment.get("LD_LIBRARY_PATH", "").split(":")
    own: tuple[FoundLibrary, ...] = ()
    if found is not None and found.elf is not None:
        origin = posixpath.dirname(found.interpreter.executable)
        places = [
            posixpath.normpath(path.replace("${ORIGIN}", origin).replace("$ORIGIN", origin))
            for path in (*found.elf.rpath, *found.elf.runpath)
        ]
        if not found.elf.runpath:  # DT_RPATH of a program is searched for everything that it loads (ld.so(8)).
            before += places
        loaded = libc.find_libraries(tree, places, platform.architecture)
        own = tuple(library for library in loaded if library.name in found.elf.needed)
    others = libc.find_libraries(
        tree, libc.directories(tree, c_library, platform, before=before), platform.architecture
    )
    return tuple(sorted({library.name: library for library in (*others, *own)}.values(), key=lambda item: item.name))


def _os_release(tree: Tree) -> OperatingSystem:
    clue: Clue | None = tree.clue("/etc/os-release") or tree.clue("/usr/lib/os-release")
    pairs = re.findall(r"(?m)^([A-Z_]+)=(.*)$", clue.text if clue is not None else "")
    fields = {key: value.strip().strip("\"'") for key, value in pairs}
    return OperatingSystem(
        id=fields.get("ID", ""), version=fields.get("VERSION_ID", ""), codename=fields.get("VERSION_CODENAME", "")
    )


def _names(tree: Tree, path: str) -> tuple[str, ...]:
    """Return the first fields of a table such as passwd(5)."""
    clue: Clue | None = tree.clue(path)
    lines = clue.text.splitlines() if clue is not None else ()
    return tuple(sorted({line.partition(":")[0] for line in lines if ":" in line and not line.startswith("#")}))


def _any(tree: Tree, paths: tuple[str, ...]) -> str | None:
    return next((path for path in paths if tree.is_file(path)), None)


class _KnownBuild(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `interpreters.toml`."""

    os: str
    executable: str
    architectures: tuple[str, ...]
    pgo: bool
    lto: bool
    source: str
    date: str


@cache
def _known_builds() -> tuple[_KnownBuild, ...]:
    import pkgutil
    import tomllib

    data = pkgutil.get_data(__package__ or "", "interpreters.toml") or b""
    return msgspec.convert(tomllib.loads(data.decode())["interpreter"], tuple[_KnownBuild, ...])


def _from_table(python: Interpreter, os_release: OperatingSystem, how: dict[str, str]) -> Interpreter:
    """Say how the interpreter was optimised where its distributor's records do not."""
    if python.pgo is not None:
        return python
    for row in _known_builds():
        if (
            row.os == os_release.id
            and fnmatchcase(python.executable, row.executable)
            and python.architecture in row.architectures
        ):
            how["python.pgo"] = how["python.lto"] = row.source
            return msgspec.structs.replace(python, pgo=row.pgo, lto=row.lto)
    return python
