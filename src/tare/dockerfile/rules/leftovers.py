"""What only building needs, and what stays in the image all the same: compilers, headers, managers of packages."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from tare.dockerfile.finding import Cost
from tare.dockerfile.model.environments import (
    copied_venvs,
    venvs,
)
from tare.dockerfile.model.images import base_image
from tare.dockerfile.model.installs import MANAGERS, Install, installs
from tare.dockerfile.model.invocations import Invocation
from tare.dockerfile.model.stages import Copy, Run, StageModel
from tare.dockerfile.model.tables import table
from tare.dockerfile.parse.source import Span
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, rule


def _removed(run: Run, call: Invocation, name: str) -> bool:
    """Return whether the same RUN removes a system package again."""
    virtual = call.option("-t", "--virtual")
    for other in run.invocations:
        if other.program != call.program or other.span.start <= call.span.start:
            continue
        if other.subcommand not in {"purge", "remove", "autoremove", "del"}:
            continue
        removed = set(other.values)
        if name in removed or (virtual is not None and virtual.value in removed) or None in removed:
            return True
    return False


def kept_packages(context: Context) -> Iterator[tuple[StageModel, str, Span]]:
    """Yield the system packages that layers of the final image keep."""
    for stage in context.shipped:
        for run in stage.runs:
            for call in run.calls("apt-get", "apk", "dnf", "yum", "microdnf"):
                if call.subcommand not in {"install", "add"}:
                    continue
                for token, value in zip(call.operands, call.values, strict=True):
                    name = (value or "").partition("=")[0].partition(":")[0]
                    if name and not _removed(run, call, name):
                        yield stage, name, call.place(token.start, token.end)


@rule("TP105")
def compiler_in_the_image(context: Context) -> Iterator[Hit]:
    names = set(table("model/packages.toml")["compilers"]["names"])
    for _, name, span in kept_packages(context):
        if name in names:
            yield Hit(
                span=span,
                message=f"`{name}` stays in the image, which only builds need",
                costs=name == "build-essential",
            )


@rule("TP106")
def manager_in_the_image(context: Context) -> Iterator[Hit]:
    seen = set()
    for name, span, how in _managers(context):
        if name in seen:
            continue
        seen.add(name)
        row = table("model/packages.toml")["managers"].get(name)
        cost = Cost(bytes=row["bytes"], what=row["what"], source=row["source"]) if row else None
        yield Hit(span=span, message=f"{name} stays in the image: {how}", cost=cost)


def _managers(context: Context) -> Iterator[tuple[str, Span, str]]:
    final = context.model.final
    root = context.shipped[0] if context.shipped else None
    if final and root and root.image and root.image.kind == "uv" and root.stage.base_word:
        yield "uv", root.stage.base_word.span, f"`{root.image.text}` has it"
    for stage in context.shipped:
        for copy in stage.copies:
            yield from _copied_managers(context, copy)
        for install in installs(stage):
            for requirement in install.requirements:
                if requirement.name in MANAGERS and not _uninstalled(install, requirement.name):
                    yield requirement.name, requirement.span, "it is installed in a stage that the image is made of"
        for run in stage.runs:
            for call in run.invocations:
                name = _installer(call)
                if name:
                    yield name, call.span, "its installer is run in a stage that the image is made of"


def _copied_managers(context: Context, copy: Copy) -> Iterator[tuple[str, Span, str]]:
    if copy.stage is None:
        if copy.origin and base_image(copy.origin).kind == "uv":
            yield "uv", copy.from_span, f"it is copied from `{copy.origin}`"
        return
    maker = context.model.stages[copy.stage]
    places = {venv.path for venv in venvs(context.model, maker)}
    for stage in context.model.lineage(maker):
        for install in installs(stage):
            home = _home(install, places)
            for requirement in install.requirements:
                if requirement.name in MANAGERS and copy.lands(home) is not None:
                    yield requirement.name, copy.from_span, f"`{home}`, where it is installed, is copied into the image"


def _home(install: Install, places: set[str]) -> str:
    """Return the directory that an installation goes to.

    It is the environment of the interpreter that it names, or of its pip, or where the image has its own.
    """
    named = install.invocation.option("--python", "-p")
    if named is not None and named.value and "/" in named.value:
        return posixpath.dirname(posixpath.dirname(named.value))
    path = posixpath.dirname(posixpath.dirname(install.invocation.path))
    if path in places:
        return path
    active = install.env.get("VIRTUAL_ENV")
    return active if active in places else "/usr/local"


def _uninstalled(install: Install, name: str) -> bool:
    return any(
        call.program in {"pip", "pipx"} and call.subcommand == "uninstall" and name in call.values
        for call in install.run.invocations
        if call.span.start > install.invocation.span.start
    )


def _installer(call: Invocation) -> str:
    if call.program not in {"curl", "wget"}:
        return ""
    text = " ".join(call.command.argv)
    if "install.python-poetry" in text:
        return "poetry"
    if "astral.sh/uv" in text or "astral-sh/uv/" in text:
        return "uv"
    return "pdm" if "pdm-project" in text and "install-pdm" in text else ""


@rule("TP107")
def headers_in_the_image(context: Context) -> Iterator[Hit]:
    compilers = set(table("model/packages.toml")["compilers"]["names"])
    headers = table("model/packages.toml")["headers"]
    for stage, name, span in kept_packages(context):
        if not name.endswith("-dev") or name in compilers or name.startswith("python3"):
            continue
        known = headers.get(stage.image.os if stage.image else "", {}).get(name)
        instead = f"; `{known}` is what runs" if known else ""
        yield Hit(span=span, message=f"`{name}` is for compiling{instead}")


@rule("TP108")
def pip_in_the_environment(context: Context) -> Iterator[Hit]:
    kept = {copied.venv.path: copied.venv for copied in copied_venvs(context.model, context.shipped)}
    if context.model.final is not None:
        kept.update({venv.path: venv for venv in venvs(context.model, context.model.final)})
    for venv in kept.values():
        if venv.with_pip and not _loses_pip(context, venv.path):
            yield Hit(span=venv.span, message=f"`{venv.path}` has a pip of its own, which nothing runs in the image")


def _loses_pip(context: Context, path: str) -> bool:
    for stage in context.feeding:
        for run in stage.runs:
            for call in run.invocations:
                if call.program == "pip" and call.subcommand == "uninstall" and "pip" in call.values:
                    return True
                if call.program == "rm" and any(
                    value and value.startswith(path) and "pip" in value for value in call.values
                ):
                    return True
    return False
