"""The stages of a Dockerfile, each with what it runs and copies, and how they lead to the last one."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from tare.dockerfile.model.images import BaseImage, base_image
from tare.dockerfile.model.invocations import Invocation, Reader
from tare.dockerfile.parse.document import Dockerfile, Heredoc, Instruction, Scope, Stage
from tare.dockerfile.parse.expand import BadSubstitution, expand
from tare.dockerfile.parse.source import Span

_SHELLS: Final = ("sh", "bash", "dash", "ash")


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A RUN, with what it calls."""

    instruction: Instruction
    scope: Scope
    workdir: str
    """An absolute path; empty when only a build knows."""

    user: str
    invocations: tuple[Invocation, ...]
    order: int
    """The number of the instruction in the file."""

    def calls(self, *programs: str) -> Iterator[Invocation]:
        """Yield the calls of these programs."""
        return (each for each in self.invocations if each.program in programs)

    def cache_mounts(self) -> Iterator[str]:
        """Yield the targets of its caches and temporary file systems: what is below is in no layer."""
        for mount in self.instruction.mounts:
            if mount.kind in {"cache", "tmpfs"}:
                yield _expanded(mount.target, self.scope.values) or mount.target


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """A COPY or ADD."""

    instruction: Instruction
    sources: tuple[str, ...]
    """As they are written, variables replaced where they are known."""

    destination: str
    """An absolute path, with a slash at its end if the instruction has one; empty when only a build knows."""

    origin: str
    """`--from`: a stage or an image; empty for the build's context."""

    stage: int | None
    """The index of the stage that it copies from."""

    order: int

    @property
    def from_span(self) -> Span:
        """Where it says what it copies from."""
        flag = self.instruction.flag("from")
        return flag.span if flag else self.instruction.keyword.span

    @property
    def whole_context(self) -> bool:
        """Whether it copies everything there is."""
        return not self.origin and any(source in {".", "./", "/", "*", "./*"} for source in self.sources)

    def lands(self, path: str) -> str | None:
        """Return where *path*, of what it copies from, lands; None when it does not copy it or that is not known."""
        for source in self.sources:
            base = "/" + source.strip("/") if self.origin else source.strip("/")
            if any(character in base for character in "*?[$") or not self.destination:
                continue
            if path == base or path.startswith(base.rstrip("/") + "/"):
                below = path[len(base.rstrip("/")) :].strip("/")
                target = self.destination
                if len(self.sources) > 1 and not below:
                    target = posixpath.join(target, posixpath.basename(base))
                return posixpath.normpath(posixpath.join(target, below) if below else target)
        return None


class StageModel(msgspec.Struct, frozen=True, kw_only=True):
    """A stage and what is in it."""

    stage: Stage
    image: BaseImage | None
    """What it starts from in the end, through its ancestors; None when only a build knows."""

    runs: tuple[Run, ...]
    copies: tuple[Copy, ...]
    end: Scope
    workdir: str
    user: str
    entrypoint: Instruction | None
    command: Instruction | None
    """The last ENTRYPOINT and CMD; an inherited one counts."""

    @property
    def env(self) -> dict[str, str | None]:
        """What its image has for variables."""
        return self.end.env


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """All stages."""

    file: Dockerfile
    stages: tuple[StageModel, ...]

    @property
    def final(self) -> StageModel | None:
        """The stage that a build without `--target` makes."""
        return self.stages[-1] if self.stages else None

    def lineage(self, stage: StageModel) -> tuple[StageModel, ...]:
        """Return *stage* and the stages that it starts from, the first one first."""
        found = [stage]
        while found[-1].stage.parent is not None and len(found) <= len(self.stages):
            found.append(self.stages[found[-1].stage.parent])
        return tuple(reversed(found))

    def shipped(self) -> tuple[StageModel, ...]:
        """Return the stages whose layers the final image has."""
        return self.lineage(self.final) if self.final else ()

    def feeding(self) -> tuple[StageModel, ...]:
        """Return the stages whose layers or files reach the final image, in the order of the file."""
        wanted: set[int] = set()
        waiting = [stage.stage.index for stage in self.shipped()]
        while waiting:
            index = waiting.pop()
            if index in wanted:
                continue
            wanted.add(index)
            model = self.stages[index]
            waiting += [copy.stage for copy in model.copies if copy.stage is not None]
            if model.stage.parent is not None:
                waiting.append(model.stage.parent)
        return tuple(stage for stage in self.stages if stage.stage.index in wanted)


def build_model(file: Dockerfile) -> Model:
    """Return the stages of *file*."""
    models: list[StageModel] = []
    by_stage: dict[int, list[int]] = {}
    for order, instruction in enumerate(file.instructions):
        by_stage.setdefault(instruction.stage, []).append(order)
    for stage in file.stages:
        models.append(_stage(file, stage, by_stage.get(stage.index, []), models))
    return Model(file=file, stages=tuple(models))


def _stage(file: Dockerfile, stage: Stage, orders: list[int], before: list[StageModel]) -> StageModel:
    parent = before[stage.parent] if stage.parent is not None else None
    workdir, user = (parent.workdir, parent.user) if parent else ("/", "")
    entrypoint, command = (parent.entrypoint, parent.command) if parent else (None, None)
    runs: list[Run] = []
    copies: list[Copy] = []
    shell_is_posix = True
    for order in orders:
        instruction, scope = file.instructions[order], file.scopes[order]
        if instruction.broken:
            continue
        if instruction.name == "WORKDIR":
            workdir = _joined(workdir, _expanded(instruction.words[0].text, scope.values, file.escape))
        elif instruction.name == "USER":
            user = _expanded(instruction.words[0].text, scope.values, file.escape) or instruction.words[0].text
        elif instruction.name == "SHELL":
            shell_is_posix = _is_posix(instruction)
        elif instruction.name == "RUN":
            calls = tuple(_calls(instruction, scope)) if shell_is_posix else ()
            runs.append(
                Run(instruction=instruction, scope=scope, workdir=workdir, user=user, invocations=calls, order=order)
            )
        elif instruction.name in {"COPY", "ADD"}:
            copies.append(_copy(file, instruction, scope, workdir, order))
        elif instruction.name == "ENTRYPOINT":
            entrypoint, command = instruction, command if parent is None or command is not parent.command else None
        elif instruction.name == "CMD":
            command = instruction
    image = parent.image if parent else base_image(stage.base) if stage.base else None
    return StageModel(
        stage=stage, image=image, runs=tuple(runs), copies=tuple(copies), end=file.end_scopes[stage.index],
        workdir=workdir, user=user, entrypoint=entrypoint, command=command,
    )  # fmt: skip


def _is_posix(instruction: Instruction) -> bool:
    return bool(instruction.words) and posixpath.basename(instruction.words[0].text) in _SHELLS


def _calls(instruction: Instruction, scope: Scope) -> Iterator[Invocation]:
    """Yield what a RUN calls: its line, its argument list, or the script of its heredoc."""
    line = instruction.line
    if instruction.form == "json":
        reader = Reader(scope.values, Span)
        yield from reader.argv([(word.text, word.span) for word in instruction.words])
        return
    reader = Reader(scope.values, line.span)
    for word in instruction.words:
        if not instruction.heredocs or word.text.strip() != instruction.heredocs[0].word.text:
            yield from reader.script(word.text, word.index)
    for heredoc in instruction.heredocs:
        if _is_script(instruction, heredoc):
            start = heredoc.span.start
            inner = Reader(scope.values, lambda first, last, at=start: Span(at + first, at + last))  # type: ignore[misc]
            yield from inner.script(_without_carriage_returns(heredoc.content))


def _without_carriage_returns(text: str) -> str:
    return text.replace("\r\n", " \n")  # of the same length: offsets stay


def _is_script(instruction: Instruction, heredoc: Heredoc) -> bool:
    """Return whether a heredoc is run by a shell: alone behind RUN, without a first line of something else."""
    text = instruction.words[0].text.replace(heredoc.word.text, "", 1).strip() if instruction.words else ""
    if text and posixpath.basename(text.split()[0]) not in _SHELLS:
        return False
    first = heredoc.content.lstrip().partition("\n")[0]
    return not first.startswith("#!") or any(shell in first for shell in _SHELLS)


def _copy(file: Dockerfile, instruction: Instruction, scope: Scope, workdir: str, order: int) -> Copy:
    texts = [_expanded(word.text, scope.values, file.escape) or word.text for word in instruction.words]
    last = _expanded(instruction.words[-1].text, scope.values, file.escape)
    flag = instruction.flag("from")
    origin = (flag.value or "") if flag else ""
    slash = "/" if last and (last.endswith("/") or last in {".", "./"}) else ""
    destination = _joined(workdir, last)
    return Copy(
        instruction=instruction,
        sources=tuple(texts[:-1]),
        destination=destination + slash if destination and destination != "/" else destination,
        origin=origin,
        stage=_origin_stage(file, instruction.stage, origin),
        order=order,
    )


def _origin_stage(file: Dockerfile, here: int, origin: str) -> int | None:
    if origin.isdigit():
        return int(origin) if len(origin) < 6 and int(origin) < here else None
    earlier = [stage for stage in file.stages[: max(0, here)] if stage.name and stage.name == origin.lower()]
    return earlier[-1].index if earlier else None


def _expanded(text: str, values: Mapping[str, str | None], escape: str = "\\") -> str | None:
    try:
        return expand(text, values, escape).value
    except BadSubstitution:
        return None


def _joined(workdir: str, path: str | None) -> str:
    if not path or (not workdir and not path.startswith("/")):
        return ""
    return posixpath.normpath(posixpath.join(workdir, path))
