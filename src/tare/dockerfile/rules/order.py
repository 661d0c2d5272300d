"""Order: what changes seldom comes first, so that a changed line of code installs nothing anew."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from tare.dockerfile.model.installs import Install, installs
from tare.dockerfile.model.invocations import Invocation
from tare.dockerfile.model.stages import Copy, StageModel
from tare.dockerfile.parse.document import Instruction
from tare.dockerfile.parse.source import Edit
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, rule


def _line(context: Context, offset: int) -> int:
    return context.file.source.place(offset).line


@rule("TP209")
def source_before_dependencies(context: Context) -> Iterator[Hit]:
    for stage in context.feeding:
        whole = _first_whole_copy(context, stage)
        if whole is None:
            continue
        late = _installs_after(context, stage, whole)
        if late is not None:
            yield Hit(
                span=whole.instruction.span
                if _is_one_line(context, whole.instruction)
                else whole.instruction.keyword.span,
                message=(
                    "the source is copied before its dependencies are installed "
                    f"(line {_line(context, late.invocation.span.start)}), so every change installs them all again"
                ),
            )


def _is_one_line(context: Context, instruction: Instruction) -> bool:
    return "\n" not in context.text[instruction.span.start : instruction.span.end]


def _first_whole_copy(context: Context, stage: StageModel) -> Copy | None:
    """Return the stage's own copy of all the source, when no ancestor has one."""
    for each in context.model.lineage(stage)[:-1]:
        if any(copy.whole_context for copy in each.copies):
            return None
    return next((copy for copy in stage.copies if copy.whole_context), None)


def _installs_after(context: Context, stage: StageModel, whole: Copy) -> Install | None:
    """Return the first installation of dependencies behind *whole*, when none is before it."""
    found = [
        install for each in context.model.lineage(stage) for install in installs(each) if _of_dependencies(install)
    ]
    if any(install.run.order < whole.order for install in found):
        return None
    return next((install for install in found if install.run.order > whole.order), None)


def _of_dependencies(install: Install) -> bool:
    if install.invocation.has("--no-deps", "--only-root") and not install.files:
        return False
    return install.for_application and bool(install.syncs or install.files or install.project)


@rule("TP210")
def project_without_its_source(context: Context) -> Iterator[Hit]:
    project = context.beside.project
    if project is None or not project.has_build_system:
        return
    for stage, install in context.installs:
        if not (install.syncs and install.project) or install.tool not in {"uv", "poetry", "pdm"}:
            continue
        if _has_source(context, stage, install):
            continue
        option = {"uv": "--no-install-project", "poetry": "--no-root", "pdm": "--no-self"}[install.tool]
        yield Hit(
            span=install.invocation.name_span,
            message="the project is installed before its source is there",
            title=f"add `{option}`",
            edits=context.insert(install.invocation.after_name, f" {option}")
            if _installed_later(context, stage, install)
            else (),
        )


def _has_source(context: Context, stage: StageModel, install: Install) -> bool:
    """Return whether anything but manifests is there by then; a mount of the whole context is enough."""
    run = install.run
    if any(
        mount.kind == "bind" and not mount.origin and mount.source.strip("./") == "" for mount in run.instruction.mounts
    ):
        return True
    for each in context.model.lineage(stage):
        for copy in each.copies:
            if copy.order < run.order and (copy.origin == "" or copy.stage is not None) and _is_source(copy):
                return True
    return False


def _is_source(copy: Copy) -> bool:
    names = [posixpath.basename(source.rstrip("/")) for source in copy.sources]
    return copy.whole_context or any(
        not name.endswith((".toml", ".lock", ".md", ".txt", ".rst", ".cfg", ".ini", ".python-version", "LICENSE", "*"))
        and name not in {"Pipfile", ".python-version"}
        for name in names
    )


def _installed_later(context: Context, stage: StageModel, install: Install) -> bool:
    later = [
        other
        for each in context.model.lineage(stage)
        for other in installs(each)
        if other.run.order > install.run.order
    ]
    return any(other.project for other in later)


@rule("TP211")
def environment_not_ignored(context: Context) -> Iterator[Hit]:
    beside = context.beside
    if beside.root is None or beside.project is None:
        return
    for stage in context.feeding:
        for copy in stage.copies:
            if not copy.whole_context or copy.instruction.flag("exclude") is not None:
                continue
            ignored = beside.ignored
            missing = [name for name in (".venv", ".git") if ignored is None or not ignored.excludes(name)]
            if ".venv" not in missing and (".git" not in missing or ignored is not None):
                continue
            what = "there is no `.dockerignore`" if ignored is None else "`.dockerignore` does not name `.venv`"
            yield Hit(
                span=copy.instruction.keyword.span,
                message=f"{what}: this copies the machine's own environment over the one in the image",
            )
            return


@rule("TP404")
def chown_after_copy(context: Context) -> Iterator[Hit]:
    yield from _changed_after_copy(context, "chown")


@rule("TP405")
def chmod_after_copy(context: Context) -> Iterator[Hit]:
    yield from _changed_after_copy(context, "chmod")


def _changed_after_copy(context: Context, program: str) -> Iterator[Hit]:
    for stage in context.shipped:
        for run in stage.runs:
            for call in run.calls(program):
                operands = [value for value in call.values if value is not None]
                wants = next((value for value in call.values[:1] if value), "")
                paths = [posixpath.normpath(posixpath.join(run.workdir or "/", path)) for path in operands[1:]]
                copies = [copy for copy in _copies_before(context, stage, run.order) if _concerned(copy, paths)]
                if not copies or not wants:
                    continue
                copy = copies[-1]
                flag = f"--{program}={_mode(wants) if program == 'chmod' else wants}"
                edits: tuple[Edit, ...] = ()
                if len(copies) == 1 and len(paths) == 1 and len(run.invocations) == 1 and not run.instruction.mounts:
                    edits = _into_copy(context, stage, copy, run.instruction, flag=flag, wants=wants)
                line = _line(context, copy.instruction.span.start)
                message = f"`{program}` writes a second copy of what line {line} copied"
                if _only_the_directory(call, copy):
                    message = f"`{program}` changes the directory alone, and not what line {line} copied into it"
                    edits = ()
                yield Hit(
                    span=call.span,
                    message=message,
                    title=f"copy with `{flag}`",
                    edits=edits,
                )


def _only_the_directory(call: Invocation, copy: Copy) -> bool:
    """Return whether a directory is changed without what is in it."""
    into = copy.whole_context or copy.destination.endswith("/") or any(source.endswith("/") for source in copy.sources)
    named = {posixpath.basename(source.rstrip("/")) for source in copy.sources}
    paths = {posixpath.basename(value) for value in call.values[1:] if value}
    return into and not paths & named and not call.has("-R", "--recursive")


def _copies_before(context: Context, stage: StageModel, order: int) -> list[Copy]:
    return [copy for each in context.model.lineage(stage) for copy in each.copies if copy.order < order]


def _concerned(copy: Copy, paths: list[str]) -> bool:
    target = copy.destination
    if not target or (copy.instruction.flag("chown") and copy.instruction.flag("chmod")):
        return False
    for path in paths:
        landed = target.rstrip("/") or "/"
        if path == landed:
            return True
        names = {posixpath.basename(source.rstrip("/")) for source in copy.sources}
        if posixpath.dirname(path) == landed and posixpath.basename(path) in names:
            return True
        if path != "/" and landed.startswith(path + "/"):
            return True
    return False


def _mode(text: str) -> str:
    """Return a mode that COPY takes: it knows numbers, and newer frontends letters too."""
    return {"+x": "755", "a+x": "755", "u+x": "755", "ugo+x": "755"}.get(text, text)


def _into_copy(
    context: Context, stage: StageModel, copy: Copy, run: Instruction, *, flag: str, wants: str
) -> tuple[Edit, ...]:
    """Return what moves the change into the COPY; nothing where the owner is not there by then."""
    if copy.instruction.stage != run.stage or copy.instruction.flag(flag[2:7]) is not None:
        return ()
    is_owner = flag.startswith("--chown")
    if any(posixpath.normpath(copy.destination) == made for made in _directories(context, stage, copy.order)):
        return ()  # COPY leaves the owner of a directory that is there already
    if is_owner and not wants.replace(":", "").isdigit() and not _user_before(stage, wants, copy.order):
        return ()
    if not is_owner and not _mode(wants).isdigit():
        return ()
    keyword = copy.instruction.keyword.span
    lines = context.lines_of(run)
    return (
        Edit(start=keyword.end, end=keyword.end, text=f" {flag}"),
        Edit(start=lines.start, end=lines.end, text=""),
    )


def _directories(context: Context, stage: StageModel, order: int) -> set[str]:
    """Return the directories that WORKDIR and `mkdir` make before *order*."""
    found = set()
    for each in context.model.lineage(stage):
        found |= {run.workdir for run in each.runs if run.order < order} | {each.workdir}
        found |= {
            value or ""
            for run in each.runs
            if run.order < order
            for call in run.calls("mkdir")
            for value in call.values
        }
    return found


def _user_before(stage: StageModel, wants: str, order: int) -> bool:
    """Return whether the stage makes the user and the group before *order*."""
    made = {
        value
        for run in stage.runs
        if run.order < order
        for call in run.calls("useradd", "adduser", "groupadd", "addgroup")
        for value in (*call.values, *(token.value for token in call.operands))
    }
    made |= {
        run_word.value for run in stage.runs if run.order < order for call in run.calls("useradd", "adduser", "groupadd", "addgroup")
        for run_word in call.command.words
    }  # fmt: skip
    return all(part in made or part in {"root", "nobody"} for part in wants.split(":") if part)
