"""A whole Dockerfile: instructions put into stages, and variables into scopes."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from tare.dockerfile.parse.document import Dockerfile, Instruction, Scope, Stage
from tare.dockerfile.parse.expand import BadSubstitution, Expanded, expand
from tare.dockerfile.parse.grammar import EXPANDED, PLATFORM_ARGUMENTS, PROXY_ARGUMENTS
from tare.dockerfile.parse.instruction import InstructionReader
from tare.dockerfile.parse.lines import Reader
from tare.dockerfile.parse.problems import Problems
from tare.dockerfile.parse.source import Source, Span
from tare.dockerfile.parse.words import Word

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What images have for PATH, near enough to know which directory comes first."""

_MOST_COPIES: Final = 2000
"""How often the variables are copied. A file with more ENV lines than that is made to fill the memory."""

_index = re.compile(r"[0-9]+")


def parse(source: Source) -> Dockerfile:
    """Read *source*. What BuildKit would refuse is among the result's problems, and the rest is read."""
    return _Parser(source).parse()


class _Parser:
    def __init__(self, source: Source) -> None:
        self.problems = Problems()
        self.reader = Reader(source, self.problems)
        self.source = source
        self.instructions: list[Instruction] = []
        self.stages: list[Stage] = []
        self.scopes: list[Scope] = []
        self.ends: list[Scope] = []
        self.globals: dict[str, str | None] = dict.fromkeys(PLATFORM_ARGUMENTS)
        self.scope = Scope(env={}, args=self.globals)
        self._copies = 0

    def parse(self) -> Dockerfile:
        reader = InstructionReader(self.reader, self.problems)
        for line in self.reader.lines():
            instruction = reader.read(line, len(self.stages) - 1)
            if instruction.name == "FROM":
                instruction = msgspec.structs.replace(instruction, stage=len(self.stages))
            self._check_order(instruction)
            self.instructions.append(instruction)
            self.scopes.append(self.scope)
            self._apply(instruction)
        if self.stages:
            self.ends.append(self.scope)
        self._check_whole()
        return Dockerfile(
            source=self.source,
            escape=self.reader.escape,
            directives=tuple(self.reader.directives),
            comments=tuple(self.reader.comments),
            instructions=tuple(self.instructions),
            stages=tuple(self.stages),
            scopes=tuple(self.scopes),
            end_scopes=tuple(self.ends),
            problems=tuple(self.problems.found),
            empty_continuations=tuple(self.reader.empty_continuations),
        )

    def _check_order(self, instruction: Instruction) -> None:
        from tare.dockerfile.parse.grammar import INSTRUCTIONS

        if not self.stages and instruction.name in INSTRUCTIONS and instruction.name not in {"FROM", "ARG"}:
            self.problems.add("D009", instruction.keyword.span, f"{instruction.name} stands before the first FROM")

    def _check_whole(self) -> None:
        if not self.instructions:
            self.problems.add("D009", Span(0, 0), "there is no instruction in the file")
        elif not self.stages and all(each.name == "ARG" for each in self.instructions):
            self.problems.add("D009", self.instructions[0].keyword.span, "there is no FROM in the file")

    def _apply(self, instruction: Instruction) -> None:
        """Change what the instructions after this one see."""
        if instruction.name == "FROM":
            self._from(instruction)
        elif instruction.name == "ENV":
            self._env(instruction)
        elif instruction.name == "ARG":
            self._arg(instruction)
        elif instruction.name in EXPANDED:
            for word in instruction.words:
                self._expand(word, self.scope.values)
            flags = {"COPY": ("chown", "chmod"), "ADD": ("chown", "chmod")}.get(instruction.name, ())
            for flag in instruction.flags:
                if flag.name in flags and flag.value and "$" in flag.value:
                    self._expand(Word(text=flag.value, span=flag.span, index=0), self.scope.values)
        if instruction.name == "COPY":
            self._check_copy(instruction)

    def _expand(self, word: Word, values: dict[str, str | None]) -> Expanded | None:
        """Expand *word*; None when it is not written as BuildKit reads it."""
        text = word.text
        if "$" not in text and "'" not in text and '"' not in text and self.reader.escape not in text:
            return Expanded(value=text, partial=text, unset=())
        try:
            return expand(text, values, self.reader.escape)
        except BadSubstitution as error:
            self.problems.add("D007", word.span, f"`{text[:60]}` cannot be expanded: {error}")
            return None

    def _from(self, instruction: Instruction) -> None:
        if self.stages:
            self.ends.append(self.scope)
        word = instruction.words[0] if instruction.words else None
        expanded = self._expand(word, self.globals) if word else None
        if word is not None and expanded is not None and expanded.value == "":
            cause = f": nothing sets `{expanded.unset[0]}` before FROM" if expanded.unset else ""
            self.problems.add("D013", word.span, f"the image of FROM is empty{cause}")
        base = expanded.value if expanded else None
        flag = instruction.flag("platform")
        platform = None
        if flag is not None and flag.value is not None:
            found = self._expand(Word(text=flag.value, span=flag.span, index=0), self.globals)
            platform = found.value if found else None
            if found is not None and found.value == "":
                self.problems.add("D013", flag.span, "the platform of FROM is empty")
        parent = self._stage_named(base)
        name = instruction.words[2].text.lower() if len(instruction.words) == 3 else None
        stage = Stage(
            index=len(self.stages), name=name, base=base, base_word=word, parent=parent, platform=platform,
            instruction=instruction,
        )  # fmt: skip
        self.stages.append(stage)
        if parent is not None:
            inherited = self.ends[parent]
            self.scope = Scope(env=dict(inherited.env), args=dict(inherited.args))
        else:
            self.scope = Scope(env={"PATH": _PATH}, args=dict.fromkeys(PROXY_ARGUMENTS))

    def _stage_named(self, text: str | None) -> int | None:
        """Return the stage that *text* names. A number is no stage to FROM, and the last of equal names wins."""
        name = (text or "").lower()
        return next((stage.index for stage in reversed(self.stages) if stage.name and stage.name == name), None)

    def _changed(self, *, env: bool) -> dict[str, str | None]:
        """Return the variables to be changed: a copy, so that instructions before keep theirs."""
        old = self.scope.env if env else self.scope.args
        self._copies += 1
        if self._copies > _MOST_COPIES:
            return old
        new = dict(old)
        self.scope = Scope(env=new, args=self.scope.args) if env else Scope(env=self.scope.env, args=new)
        return new

    def _env(self, instruction: Instruction) -> None:
        before = self.scope.values  # the values of one ENV do not see each other
        env = self._changed(env=True)
        for pair in instruction.pairs:
            found = self._expand(pair.value, before) if pair.value else None
            name = self._expand(Word(text=pair.name, span=pair.span, index=0), before)
            if name is not None and name.value:
                env[name.value] = found.value if found else None

    def _arg(self, instruction: Instruction) -> None:
        args = self.globals if not self.stages else self._changed(env=False)
        for pair in instruction.pairs:
            values = dict(args) if not self.stages else {**args, **self.scope.env}
            found = self._expand(pair.value, values) if pair.value else None
            if pair.value is not None:
                # A build may give another one; the default is what the file says.
                args[pair.name] = found.value if found else None
            else:
                args[pair.name] = self.globals.get(pair.name) if self.stages else None

    def _check_copy(self, instruction: Instruction) -> None:
        flag = instruction.flag("from")
        if flag is None or not flag.value:
            return
        here = len(self.stages) - 1
        if _index.fullmatch(flag.value) and int(flag.value[:9]) >= here:
            self.problems.add(
                "D010", flag.span, f"there is no stage {flag.value[:9]} before this one, which is stage {here}"
            )
        elif self.stages and self.stages[here].name == flag.value.lower() and self._earlier(flag.value, here) is None:
            self.problems.add("D010", flag.span, f"the stage `{flag.value[:60]}` cannot copy from itself")

    def _earlier(self, name: str, here: int) -> Stage | None:
        return next((stage for stage in self.stages[:here] if stage.name == name.lower()), None)
