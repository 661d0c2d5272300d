"""What `tare lint` reads: Dockerfiles, what lies beside them, and which rules are wanted."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tare.errors import UsageError

if TYPE_CHECKING:
    from tare.dockerfile.beside import Beside
    from tare.dockerfile.hadolint import Hadolint
    from tare.dockerfile.parse.source import Source
    from tare.dockerfile.settings import Settings
    from tare.projects.uv import Uv

_LARGEST = 1024 * 1024
"""Bytes. A larger file is no Dockerfile."""


def found_here() -> list[str]:
    """Return the Dockerfiles of this directory."""
    names = sorted(
        name
        for name in os.listdir(".")
        if (name.startswith(("Dockerfile", "Containerfile")) or name.lower().endswith(".dockerfile"))
        and not name.endswith((".dockerignore", ".orig", ".rej", "~"))
        and os.path.isfile(name)
    )
    if not names:
        raise UsageError(
            "there is no Dockerfile here",
            causes=("`tare lint` looks for `Dockerfile*`, `Containerfile*` and `*.dockerfile`",),
            hints=("Name one: `tare lint FILE`",),
        )
    return names


def read(name: str) -> Source:
    """Return a Dockerfile, or standard input for `-`."""
    from tare.dockerfile.parse.source import decode

    if name == "-":
        data = sys.stdin.buffer.read(_LARGEST + 1)
    else:
        try:
            with open(name, "rb") as file:
                data = file.read(_LARGEST + 1)
        except OSError as error:
            raise UsageError(f"cannot read `{name}`", causes=((error.strerror or str(error)).lower(),)) from error
    if len(data) > _LARGEST:
        raise UsageError(f"`{name}` is too large", causes=(f"it has more than {_LARGEST:,} bytes",))
    return decode(data, os.path.normpath(name) if name != "-" else name)


def beside_of(name: str, source: Source, context: str | None) -> Beside:
    """Return what lies beside a Dockerfile: in *context*, or in the project that it is for."""
    from tare.dockerfile.beside import Beside

    root = os.path.abspath(context) if context else None
    if root is not None and not os.path.isdir(root):
        raise UsageError(f"`--context {context}` is no directory")
    if root is None and name != "-":
        from tare.dockerfile.root import context_of

        root = context_of(name, source)
    return Beside(root, dockerfile=os.path.abspath(name) if name != "-" else None, uv=_uv if root else None)


def _uv() -> Uv:
    """Return uv, which reads locks where a rule asks for one. It fetches nothing for this."""
    from tare.cli.settings import cache_directory
    from tare.projects.uv import Uv

    memo = os.path.join(cache_directory(), "memo", "projects")
    return Uv(python=sys.executable, env=dict(os.environ), offline=True, memo=memo)


def settings_of(beside: Beside, *, select: Sequence[str], ignore: Sequence[str]) -> Settings:
    """Return the rules that are wanted: by the command line, and by the project."""
    from tare.dockerfile.rules.registry import codes
    from tare.dockerfile.settings import Settings, by_code, check_codes, combined

    own = Settings(select=_codes(select), ignore=_codes(ignore))
    check_codes((*own.select, *own.ignore), "the command line", codes())
    config = beside.project.config.lint if beside.project else None
    if config is None:
        return own
    every = (
        *config.select,
        *config.ignore,
        *config.severity,
        *(code for each in config.per_file_ignores.values() for code in each),
    )
    check_codes(every, "[tool.tare.lint]", codes())
    return combined(
        own,
        Settings(
            select=config.select,
            ignore=config.ignore,
            severity=by_code(config.severity),
            per_file=config.per_file_ignores,
        ),
    )


def _codes(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(code.strip().upper() for text in texts for code in text.split(",") if code.strip())


def find_hadolint() -> Hadolint | None:
    """Return hadolint: the one beside this interpreter, where its distribution puts it, or the one on PATH."""
    import shutil

    own = os.path.join(os.path.dirname(sys.executable), "hadolint")
    program = own if os.access(own, os.X_OK) else shutil.which("hadolint")
    if program is None:
        return None
    from tare.dockerfile.hadolint import Hadolint
    from tare.projects.process import run

    return Hadolint(program=program, env=dict(os.environ), directory=os.getcwd(), runner=run)
