"""The interpreters and virtual environments of stages."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from tare.dockerfile.model.images import suites
from tare.dockerfile.model.installs import is_true
from tare.dockerfile.model.invocations import Invocation
from tare.dockerfile.model.stages import Copy, Model, Run, StageModel
from tare.dockerfile.parse.source import Span

_MANAGED: Final = ".local/share/uv/python"
"""Where uv puts the interpreters that it downloads, below the home."""

_python_directory = re.compile(r"python([0-9])\.([0-9]+)t?(?:/|$)")


class Interpreter(msgspec.Struct, frozen=True, kw_only=True):
    """The Python of a stage."""

    path: str
    """Where it is; for one that uv manages, the directory that uv puts it in."""

    series: tuple[int, int] | None
    managed: bool = False
    """Whether uv downloaded it."""


class Venv(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual environment that a stage makes."""

    path: str
    span: Span
    """What makes it."""

    order: int
    with_pip: bool
    relocatable: bool
    interpreter: Interpreter | None


def interpreter_of(model: Model, stage: StageModel) -> Interpreter | None:
    """Return the Python that a stage has in the end; None when it has none, or that is not known."""
    image = stage.image
    if image is not None and image.interpreter and image.kind != "debian" and image.kind not in {"ubuntu", "alpine"}:
        return Interpreter(path=image.interpreter, series=image.series)
    for each in reversed(model.lineage(stage)):
        for run in each.runs:
            for call in run.invocations:
                found = _installed(call, run, image.suite if image else "")
                if found is not None:
                    return found
    return None


def has_unknown_base(stage: StageModel) -> bool:
    """Return whether nothing is known of what the stage starts from."""
    return stage.image is None or (not stage.image.kind and stage.image.repository != "scratch")


def _installed(call: Invocation, run: Run, suite: str) -> Interpreter | None:
    if call.program in {"apt-get", "apk"} and call.subcommand in {"install", "add"}:
        names = {(value or "").partition("=")[0] for value in call.values}
        versioned = next((match for name in names if (match := re.fullmatch(r"python3\.([0-9]+)(?:-.*)?", name))), None)
        if versioned:
            return Interpreter(path=f"/usr/bin/python3.{versioned[1]}", series=(3, int(versioned[1])))
        if names & {"python3", "python3-minimal", "python3-venv", "python3-pip", "python3-dev", "py3-pip"}:
            text = suites().get(suite, {}).get("python")
            series = (int(text.split(".")[0]), int(text.split(".")[1])) if text else None
            return Interpreter(path="/usr/bin/python3", series=series)
    if call.program == "uv":
        return _managed(call, run)
    return None


def _managed(call: Invocation, run: Run) -> Interpreter | None:
    wanted = None
    if call.subcommand == "python install":
        wanted = next((value for value in call.values if value), "")
    elif call.subcommand in {"sync", "venv", "run", "pip install"}:
        option = call.option("--python", "-p")
        wanted = (option.value if option else None) or call.env.get("UV_PYTHON")
        wanted = wanted if wanted is None or "/" not in wanted else None
    if wanted is None and call.subcommand != "sync":
        return None
    match = re.match(r"(?:cpython-?)?([0-9])\.([0-9]+)", wanted or "")
    home = "/root" if run.user in {"", "root", "0"} else ""
    place = call.env.get("UV_PYTHON_INSTALL_DIR") or (f"{home}/{_MANAGED}" if home else "")
    series = (int(match[1]), int(match[2])) if match else None
    return Interpreter(path=place, series=series, managed=True) if place else None


def venvs(model: Model, stage: StageModel) -> tuple[Venv, ...]:
    """Return the virtual environments that *stage* and its ancestors make, in order, the last one of a path only."""
    found: dict[str, Venv] = {}
    for each in model.lineage(stage):
        interpreter = interpreter_of(model, each)
        in_project = False
        for run in each.runs:
            for call in run.invocations:
                in_project = in_project or _sets_in_project(call)
                venv = _venv(call, run, interpreter, in_project=in_project, known=found)
                if venv is not None:
                    found[venv.path] = venv
    return tuple(found.values())


def _sets_in_project(call: Invocation) -> bool:
    return (
        call.program == "poetry"
        and call.subcommand == "config"
        and call.values[:2] == ("virtualenvs.in-project", "true")
    )


def _venv(
    call: Invocation, run: Run, interpreter: Interpreter | None, *, in_project: bool, known: dict[str, Venv]
) -> Venv | None:
    program, env = call.program, call.env
    path: str | None = None
    with_pip = False
    if program in {"venv", "virtualenv"}:
        path = next((value for value in call.values if value), None)
        with_pip = not call.has("--without-pip", "--no-pip")
    elif program == "uv" and call.subcommand == "venv":
        path = next((value for value in call.values if value), None) or ".venv"
        with_pip = call.has("--seed")
    elif program == "uv" and call.subcommand == "sync" and not call.has("--active"):
        directory = call.option("--directory", "--project")
        path = env.get("UV_PROJECT_ENVIRONMENT") or posixpath.join(
            (directory.value if directory else "") or "", ".venv"
        )
    elif program == "poetry" and call.subcommand in {"install", "sync"}:
        inside = in_project or is_true(env.get("POETRY_VIRTUALENVS_IN_PROJECT"))
        path = ".venv" if inside and not env.get("VIRTUAL_ENV") else None
    elif program == "pdm" and call.subcommand in {"install", "sync"}:
        path = ".venv" if not env.get("VIRTUAL_ENV") else None
    elif program == "pipenv" and call.subcommand in {"install", "sync"} and is_true(env.get("PIPENV_VENV_IN_PROJECT")):
        path = ".venv"
    where = _absolute(run, path)
    if where is None or (where in known and program not in {"venv", "virtualenv"} and call.subcommand != "venv"):
        return None
    return Venv(
        path=where,
        span=call.span,
        order=run.order,
        with_pip=with_pip,
        relocatable=call.has("--relocatable") or is_true(env.get("UV_VENV_RELOCATABLE")),
        interpreter=interpreter,
    )


def _absolute(run: Run, path: str | None) -> str | None:
    if not path or (not run.workdir and not path.startswith("/")) or "$" in path:
        return None
    return posixpath.normpath(posixpath.join(run.workdir, path))


class CopiedVenv(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual environment that one stage makes and another has."""

    venv: Venv
    maker: StageModel
    taker: StageModel
    copy: Copy
    path: str
    """Where it lands."""


def copied_venvs(model: Model, stages: tuple[StageModel, ...]) -> Iterator[CopiedVenv]:
    """Yield the virtual environments that *stages* copy from other stages."""
    for taker in stages:
        for copy in taker.copies:
            if copy.stage is None:
                continue
            maker = model.stages[copy.stage]
            for venv in venvs(model, maker):
                path = copy.lands(venv.path)
                if path is not None:
                    yield CopiedVenv(venv=venv, maker=maker, taker=taker, copy=copy, path=path)


def series_in(path: str) -> tuple[int, int] | None:
    """Return the series that a path names, such as that of `/usr/local/lib/python3.13/site-packages`."""
    match = _python_directory.search(path)
    return (int(match[1]), int(match[2])) if match else None
