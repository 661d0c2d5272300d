"""The Python of a base: which one runs, its version and ABI, and how it was built."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from tare.bases.clues import Clue
from tare.bases.facts import Distribution, Interpreter
from tare.bases.tree import Tree
from tare.errors import TargetError
from tare.wheels.elf import ElfInfo

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What engines take for PATH when an image does not set it."""

_MARKERS: Final = (
    "asyncio",
    "contextvars",
    "ctypes",
    "email",
    "ensurepip",
    "json",
    "multiprocessing",
    "sqlite3",
    "tkinter",
    "venv",
    "zoneinfo",
)
"""Modules that distributors are known to split off, of which some that nearly everything needs: Debian's
`python3-minimal` has no `contextvars`, and so numpy cannot be imported."""


class FoundInterpreter(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter, what the loader has to know of it, and where each fact comes from."""

    interpreter: Interpreter
    elf: ElfInfo | None
    how: dict[str, str]


def find_interpreter(tree: Tree, path: str, *, wanted: str | None) -> FoundInterpreter | None:
    """Return the interpreter that `python3` or `python` starts with *path* as PATH, or the one that is *wanted*.

    *wanted* is an absolute path, or a version such as `3.12`.
    """
    others: list[str] = []
    for executable in _candidates(tree, path, wanted):
        real = tree.real(executable)
        clue: Clue | None = tree.clue(real) if real else None
        if real is None or clue is None or not clue.architecture:
            continue  # A script of a version manager, or a wrapper.
        home = _home(tree, real, clue)
        if home is None:
            continue
        found = _Reader(tree, real, clue, home).read()
        if wanted is None or _is(found.interpreter.version, wanted):
            return found
        others.append(f"`{real}` is CPython {found.interpreter.version}")
    if wanted is not None:
        raise TargetError(f"the base has no Python `{wanted}`", causes=tuple(dict.fromkeys(others)))
    return None


def _is(version: str, wanted: str) -> bool:
    """Return whether *version* is the one, or of the series, that is *wanted*; a path says nothing of it."""
    return wanted.startswith("/") or version == wanted or version.startswith(f"{wanted}.")


def _candidates(tree: Tree, path: str, wanted: str | None) -> Iterator[str]:
    directories = [directory for directory in path.split(":") if directory.startswith("/")]
    if wanted is not None and wanted.startswith("/"):
        yield wanted
        return
    names = ["python3", "python"] if wanted is None else [f"python{'.'.join(wanted.split('.')[:2])}"]
    for name in names:
        for directory in directories:
            yield from _through_environment(tree, directory, name)
    if wanted is None:  # `python3.13-minimal` alone has no `python3`.
        versioned = [
            (int(match[1]), f"{directory}/{name}")
            for directory in directories
            for name in tree.names(directory)
            if (match := re.fullmatch(r"python3\.(\d{1,2})t?", name))
        ]
        yield from (found for _, found in sorted(versioned, key=lambda item: -item[0]))


def _through_environment(tree: Tree, directory: str, name: str) -> Iterator[str]:
    """Yield the path, or the interpreter that a virtual environment there was made from."""
    configuration: Clue | None = tree.clue(f"{posixpath.dirname(directory)}/pyvenv.cfg")
    home = re.search(r"(?mi)^home\s*=\s*(/\S*)\s*$", configuration.text) if configuration is not None else None
    if home is not None and tree.real(f"{directory}/{name}") is not None:
        yield f"{home[1]}/{name}"
    yield f"{directory}/{name}"


class _Home(NamedTuple):
    """Where an interpreter finds its standard library."""

    prefix: str
    stdlib: str

    tag: str
    """The series, with the `t` of a free-threaded build."""


def _home(tree: Tree, executable: str, clue: Clue) -> _Home | None:
    """Go up from the executable as it does itself when it starts, to the first standard library that fits it."""
    directory = posixpath.dirname(executable)
    while True:
        prefix = directory.rstrip("/")
        homes = [
            _Home(directory, f"{prefix}/{libraries}/{name}", match[1])
            for libraries in ("lib", "lib64")
            for name in tree.names(f"{directory}/{libraries}")
            if (match := re.fullmatch(r"python(3\.\d{1,2}t?)", name))
            and any(tree.real(f"{prefix}/{libraries}/{name}/os.{suffix}") for suffix in ("py", "pyc"))
            and _fits(executable, clue, match[1])
        ]
        if homes or directory == "/":
            return homes[0] if homes else None
        directory = posixpath.dirname(directory)


def _fits(executable: str, clue: Clue, tag: str) -> bool:
    """Whether the executable is of the series *tag*: by its name, its library, or the version that it contains."""
    named = re.search(r"/python(3\.\d{1,2}t?)$", executable)
    if named is not None:
        return named[1] == tag
    libpython = [name for name in (clue.elf.needed if clue.elf else ()) if name.startswith("libpython3.")]
    if libpython:
        return libpython[0].startswith(f"libpython{tag}.")
    return any(version.startswith(tag.rstrip("t") + ".") for version in clue.versions)


class _Reader:
    """Collects the facts of one interpreter."""

    def __init__(self, tree: Tree, executable: str, clue: Clue, home: _Home) -> None:
        self._tree = tree
        self._executable = executable
        self._clue = clue
        self._prefix, self._stdlib, self._tag = home
        self._series = self._tag.rstrip("t")
        self._how: dict[str, str] = {}

    def read(self) -> FoundInterpreter:
        libpython = next((name for name in self._needed() if name.startswith("libpython3")), "")
        config_args, settings = self._sysconfig()
        soabi = settings.get("SOABI", "") or self._soabi_of_modules()
        # Debian's record is of another build than its executable: what it does not say, it does not deny.
        silent = False if settings.get("Py_ENABLE_SHARED") == str(int(bool(libpython))) else None
        sites = self._site_packages()
        interpreter = Interpreter(
            executable=self._executable,
            version=self._version(libpython),
            architecture=self._clue.architecture,
            free_threaded=self._tag.endswith("t"),
            soabi=soabi,
            extension_suffix=settings.get("EXT_SUFFIX", "") or (f".{soabi}.so" if soabi else ""),
            prefix=self._prefix,
            stdlib=self._stdlib,
            site_packages=sites,
            distributions=tuple(sorted({found for site in sites for found in _distributions(self._tree.names(site))})),
            lacks=tuple(name for name in _MARKERS if not self._has_module(name)),
            shared=bool(libpython),
            libpython=libpython,
            bytecode=self._has_bytecode(),
            externally_managed=self._tree.real(f"{self._stdlib}/EXTERNALLY-MANAGED") is not None,
            pgo="'--enable-optimizations'" in config_args or silent,
            lto=re.search(r"'--with-lto(?!=no)", config_args) is not None or silent,
            config_args=config_args,
        )
        return FoundInterpreter(interpreter=interpreter, elf=self._clue.elf, how=self._how)

    def _needed(self) -> tuple[str, ...]:
        return self._clue.elf.needed if self._clue.elf is not None else ()

    def _version(self, libpython: str) -> str:
        """Return the full version: what the interpreter's own bytes say, else its header, else the series."""
        places = [self._executable]
        if libpython:
            # The executable of a shared build is a few lines around `Py_Main`.
            places = [*self._libraries_named(libpython), self._executable]
        for place in places:
            clue: Clue | None = self._tree.clue(place)
            own = [text for text in (clue.versions if clue else ()) if text.startswith(self._series + ".")]
            if len(own) == 1:
                self._how["python.version"] = f"the string in {place}"
                return own[0].rstrip("+")
        header = f"{self._prefix.rstrip('/')}/include/python{self._tag}/patchlevel.h"
        clue = self._tree.clue(header)
        match = re.search(r'(?m)^#define\s+PY_VERSION\s+"(3\.\d{1,2}\.[\w.]{1,12})\+?"', clue.text if clue else "")
        if match is not None:
            self._how["python.version"] = header
            return match[1]
        self._how["python.version"] = f"the name {self._stdlib}; nothing says more"
        return f"{self._series}.0"

    def _libraries_named(self, name: str) -> list[str]:
        """Return where the library called *name* lies, the interpreter's own prefix first."""
        own = [f"{self._prefix.rstrip('/')}/{directory}/{name}" for directory in ("lib", "lib64")]
        found = [path for path in own if self._tree.clue(path) is not None]
        return found or sorted(path for path, _ in self._tree.walk() if path.endswith(f"/{name}"))

    def _sysconfig(self) -> tuple[str, dict[str, str]]:
        """Return the arguments of `configure`, and the few values that are used, of `_sysconfigdata`.

        It is a program; it is searched for literals and never run.
        """
        names = [name for name in self._tree.names(self._stdlib) if re.fullmatch(r"_sysconfigdata_.*\.py", name)]
        for name in sorted(names, key=lambda name: (not name.startswith("_sysconfigdata__"), name)):
            clue: Clue | None = self._tree.clue(f"{self._stdlib}/{name}")
            if clue is not None and "build_time_vars" in clue.text:
                self._how["python.build"] = f"{self._stdlib}/{name}"
                return _strings_of(clue.text, "CONFIG_ARGS"), {
                    key: value
                    for key in ("SOABI", "EXT_SUFFIX", "Py_ENABLE_SHARED")
                    if (value := _strings_of(clue.text, key))
                }
        return "", {}

    def _soabi_of_modules(self) -> str:
        """Return the tag that the standard library's own extension modules have."""
        digits = self._tag.replace(".", "")
        for name in self._tree.names(f"{self._stdlib}/lib-dynload"):
            match = re.search(rf"\.(cpython-{digits}-[\w-]{{1,60}})\.so$", name)
            if match is not None:
                return match[1]
        return ""

    def _site_packages(self) -> tuple[str, ...]:
        prefix = self._prefix.rstrip("/")
        places = [f"{prefix}/{lib}/python{self._tag}/site-packages" for lib in ("lib", "lib64")]
        if prefix == "/usr":  # Debian's own places
            places += ["/usr/lib/python3/dist-packages", f"/usr/local/lib/python{self._tag}/dist-packages"]
        real = {place: self._tree.real(place) for place in places}
        return tuple(dict.fromkeys(path for path in real.values() if path is not None))

    def _has_module(self, name: str) -> bool:
        return any(
            self._tree.real(f"{self._stdlib}/{name}{end}") for end in (".py", ".pyc", "/__init__.py", "/__init__.pyc")
        )

    def _has_bytecode(self) -> bool:
        cached = self._tree.names(f"{self._stdlib}/__pycache__")
        return any(re.fullmatch(r"os\.cpython-\w+\.pyc", name) for name in cached) or (
            self._tree.real(f"{self._stdlib}/os.pyc") is not None
        )


def _strings_of(text: str, key: str) -> str:
    """Return the value of *key* in a dictionary's source: a number, or string literals that follow each other.

    >>> _strings_of("{'SOABI': 'cpython-' '313', 'n': 1}", "SOABI")
    'cpython-313'
    """
    literal = r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\""""
    match = re.search(rf"(?m)^[ \t{{]*'{key}':\s*(\d+|(?:(?:{literal})\s*)+)[,}}]", text)
    if match is None:
        return ""
    if match[1].isdigit():
        return match[1]
    pieces = re.findall(literal, match[1])
    return "".join(re.sub(r"\\(.)", r"\1", piece[1:-1]) for piece in pieces)


def _distributions(names: list[str]) -> Iterator[Distribution]:
    for name in names:
        stem, dot, suffix = name.rpartition(".")
        if dot and suffix in {"dist-info", "egg-info"}:
            project, _, rest = stem.partition("-")
            version = rest.partition("-py")[0]
            if project and version:
                yield Distribution(name=re.sub(r"[-_.]+", "-", project).lower(), version=version)
