"""Running: what the container starts, and what it finds there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from tare.dockerfile.model.environments import venvs
from tare.dockerfile.model.invocations import Invocation, Reader
from tare.dockerfile.model.stages import Run, StageModel
from tare.dockerfile.model.tables import table
from tare.dockerfile.parse.document import Instruction
from tare.dockerfile.parse.source import Edit, Span
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, rule

_function = re.compile(r"\([ \t]{0,4}\)")
_alias = re.compile(r"\balias[ \t]{1,4}([\w-]{1,60})=")

_RUNNERS: Final = ("uv", "poetry", "pdm", "pipenv", "hatch", "rye")


def started(context: Context) -> Iterator[tuple[Instruction, Invocation]]:
    """Yield what ENTRYPOINT and CMD of the final image call; an argument list is read as one across both."""
    final = context.model.final
    if final is None:
        return
    entrypoint, command = final.entrypoint, final.command
    if entrypoint is not None and command is not None and entrypoint.form == "json" and command.form == "json":
        words = [(word.text, word.span) for word in (*entrypoint.words, *command.words)]
        for call in Reader(final.env, _plain).argv(words):
            yield (entrypoint if entrypoint.words else command), call
        return
    for instruction in (entrypoint, command):
        if instruction is not None:
            yield from ((instruction, call) for call in _calls(instruction, final))


def _plain(start: int, end: int) -> Span:
    return Span(start, end)


def _calls(instruction: Instruction, stage: StageModel) -> Iterator[Invocation]:
    if instruction.form == "json":
        yield from Reader(stage.env, _plain).argv([(word.text, word.span) for word in instruction.words])
        return
    reader = Reader(stage.env, instruction.line.span)
    for word in instruction.words:
        yield from reader.script(word.text, word.index)


@rule("TP401")
def manager_as_command(context: Context) -> Iterator[Hit]:
    for instruction, call in started(context):
        if call.program in _RUNNERS and call.subcommand == "run":
            words = _behind_run(call)
            yield Hit(
                span=call.name_span,
                message=f"`{call.program} run` is one process more, and looks at the project again at every start",
                title="start the program itself",
                edits=_without_runner(context, instruction, words, call),
            )


def _behind_run(call: Invocation) -> list[str]:
    """Return the command behind `run`, when nothing but it is there."""
    words = [word.value for word in call.command.words]
    for at, word in enumerate(words):
        if word == "run":
            rest = words[at + 1 :]
            return [] if rest and rest[0].startswith("-") else rest
    return []


def _without_runner(context: Context, instruction: Instruction, words: list[str], call: Invocation) -> tuple[Edit, ...]:
    """Return the edit, where the environment's programs are on PATH and the instruction is one argument list."""
    final = context.model.final
    if final is None or not words or instruction.form != "json":
        return ()
    own = [word.text for word in instruction.words]
    if own[:2] != [call.program, "run"] or len(own) < 3 or words != own[2:]:
        return ()
    path = (final.env.get("PATH") or "").split(":")
    places = {f"{venv.path}/bin" for stage in context.feeding for venv in venvs(context.model, stage)}
    if not path or path[0] not in places:
        return ()
    return (Edit(start=instruction.words[0].span.start, end=instruction.words[2].span.start, text=""),)


@rule("TP402")
def activation_is_lost(context: Context) -> Iterator[Hit]:
    for stage in context.model.stages:
        for run in stage.runs:
            for at, call in enumerate(run.invocations):
                if _activates(call) and not any(not other.command.nested for other in run.invocations[at + 1 :]):
                    yield Hit(
                        span=call.span,
                        message="the environment is activated for the rest of this RUN, and nothing is left of it to run",
                    )


def _activates(call: Invocation) -> bool:
    words = call.command.argv
    return len(words) > 1 and words[0] in {".", "source"} and posixpath.basename(words[1]) == "activate"


@rule("TP403")
def heartbeat_on_disk(context: Context) -> Iterator[Hit]:
    final = context.model.final
    if final is None:
        return
    for _, call in started(context):
        if call.program != "gunicorn" or call.has("--worker-tmp-dir", "-c", "--config"):
            continue
        if "worker-tmp-dir" in (final.env.get("GUNICORN_CMD_ARGS") or "") or _configured(context):
            continue
        yield Hit(
            span=call.name_span,
            message="gunicorn's workers write their heartbeat to a file in `/tmp`, which is a disk in most containers",
        )


def _configured(context: Context) -> bool:
    data = context.beside.read("gunicorn.conf.py")
    return data is not None and b"worker_tmp_dir" in data


@rule("TP406")
def line_ends_repaired(context: Context) -> Iterator[Hit]:
    for stage in context.feeding:
        for run in stage.runs:
            for call in run.invocations:
                words = " ".join(word.raw for word in call.command.words)
                is_sed = call.program == "sed" and call.has("-i", "--in-place") and re.search(r"\\r(?:\\?\$)?/", words)
                if is_sed or call.program in {"dos2unix", "fromdos"}:
                    edits = _whole_run(context, run) if _is_clean(context, stage, call) else ()
                    yield Hit(
                        span=call.span,
                        message="line ends are repaired in the image, in a layer of its own, and not where the file is kept",
                        title="remove it: the file beside the Dockerfile has none to repair",
                        edits=edits,
                    )


def _is_clean(context: Context, stage: StageModel, call: Invocation) -> bool:
    """Return whether the file that is repaired is beside the Dockerfile, and needs no repair."""
    target = next((value for value in reversed(call.values) if value), "")
    for copy in stage.copies:
        if copy.origin or copy.destination.rstrip("/") != target or len(copy.sources) != 1:
            continue
        data = context.beside.read(copy.sources[0].removeprefix("./"))
        return data is not None and b"\r" not in data
    return False


def _whole_run(context: Context, run: Run) -> tuple[Edit, ...]:
    if len(run.invocations) != 1:
        return ()
    lines = context.lines_of(run.instruction)
    return (Edit(start=lines.start, end=lines.end, text=""),)


@rule("TP407")
def entrypoint_with_carriage_returns(context: Context) -> Iterator[Hit]:
    for stage in context.shipped:
        repaired = any(
            "\\r" in " ".join(word.raw for word in call.command.words) or call.program in {"dos2unix", "fromdos"}
            for run in stage.runs
            for call in run.invocations
        )
        if repaired:
            continue
        for copy in stage.copies:
            for source in copy.sources if not copy.origin else ():
                data = context.beside.read(source.removeprefix("./"))
                if data is not None and data.startswith(b"#!") and b"\r\n" in data[:200]:
                    yield Hit(
                        span=copy.instruction.keyword.span,
                        message=f"`{source}` has CRLF line ends: its interpreter is looked for under a name that ends in a carriage return",
                    )


@rule("TP408")
def misspelt_command(context: Context) -> Iterator[Hit]:
    known = table("model/commands.toml")
    names: frozenset[str] = frozenset(known["programs"]["names"])
    real: frozenset[str] = frozenset(known["programs"]["other"])
    for stage in context.model.stages:
        for run in stage.runs:
            defined = _defined(run)
            for call in run.invocations:
                word = call.command.words[0] if call.command.words else None
                if word is None or word.quoted or word.value != posixpath.basename(word.value) or word.value in defined:
                    continue
                near = _misspelt(word.value, names, real)
                if near:
                    span = Span(call.span.start, call.span.start + len(word.raw))
                    yield Hit(
                        span=span, message=f"there is hardly a program `{word.value}`; `{near}` is meant",
                        title=f"write `{near}`", edits=context.replace(span, near) if _is(context, span, word.value) else (),
                    )  # fmt: skip
                    continue
                yield from _misspelt_subcommand(context, call, known["subcommands"])


def _misspelt_subcommand(context: Context, call: Invocation, known: dict[str, list[str]]) -> Iterator[Hit]:
    names = known.get(call.program)
    if names is None or not call.subcommand or " " in call.subcommand or call.subcommand in names:
        return
    near = _misspelt(call.subcommand, frozenset(names), frozenset())
    token = next((word for word in call.command.words if word.value == call.subcommand), None)
    if near and token is not None:
        span = call.place(token.start, token.end)
        yield Hit(
            span=span, message=f"{call.program} has no `{call.subcommand}`; `{near}` is meant",
            title=f"write `{near}`", edits=context.replace(span, near) if _is(context, span, token.value) else (),
        )  # fmt: skip


def _is(context: Context, span: Span, text: str) -> bool:
    return context.text[span.start : span.end] == text


def _defined(run: Run) -> set[str]:
    """Return the functions and aliases of a script."""
    text = run.instruction.rest + "".join(heredoc.content for heredoc in run.instruction.heredocs)
    before = (text[max(0, match.start() - 60) : match.start()] for match in _function.finditer(text))
    functions = {each.rstrip().rpartition(" ")[2].strip(";&|\n") for each in before}
    return functions | set(_alias.findall(text))


def _misspelt(word: str, names: frozenset[str], real: frozenset[str]) -> str:
    """Return the one of *names* that is one slip away from *word*; empty when it may be right as it is."""
    if word in names or word in real or len(word) < 4 or not re.fullmatch(r"[a-z][a-z0-9-]*", word):
        return ""
    found = [name for name in names if len(name) > 3 and _one_slip(word, name)]
    return found[0] if len(found) == 1 else ""


def _one_slip(word: str, name: str) -> bool:
    """Return whether a letter is missing, is twice there, or two are exchanged. Another letter is another word."""
    if len(word) + 1 == len(name):
        return any(name[:at] + name[at + 1 :] == word for at in range(len(name)))
    if len(word) == len(name) + 1:
        return any(word[:at] + word[at + 1 :] == name and at and word[at] == word[at - 1] for at in range(len(word)))
    if len(word) == len(name):
        wrong = [at for at in range(len(name)) if word[at] != name[at]]
        return (
            len(wrong) == 2
            and wrong[1] == wrong[0] + 1
            and word[wrong[0]] == name[wrong[1]]
            and word[wrong[1]] == name[wrong[0]]
        )
    return False
