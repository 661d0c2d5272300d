"""What a rule may look at: the file, what it does, what lies beside it, and the day."""

from __future__ import annotations

import datetime as dt
from functools import cached_property

from tare.dockerfile.beside import Beside
from tare.dockerfile.ignoring import Ignore
from tare.dockerfile.model.installs import Install, every_install, installs
from tare.dockerfile.model.stages import Model, StageModel
from tare.dockerfile.parse.document import Dockerfile, Instruction
from tare.dockerfile.parse.source import Edit, Span


class Context:
    """Given to every rule."""

    def __init__(self, file: Dockerfile, model: Model, beside: Beside, today: dt.date) -> None:
        self.file = file
        self.model = model
        self.beside = beside
        self.today = today
        self.ignores: tuple[Ignore, ...] = ()
        """The file's own, for the rules about them."""

        self.unused: tuple[tuple[Ignore, str], ...] = ()
        """Those that silenced nothing, with the code."""

    @property
    def text(self) -> str:
        """The file's text."""
        return self.file.source.text

    @cached_property
    def shipped(self) -> tuple[StageModel, ...]:
        """The stages whose layers the final image has."""
        return self.model.shipped()

    @cached_property
    def shipped_indexes(self) -> frozenset[int]:
        return frozenset(stage.stage.index for stage in self.shipped)

    @cached_property
    def feeding(self) -> tuple[StageModel, ...]:
        """The stages whose layers or files reach the final image."""
        return self.model.feeding()

    @cached_property
    def installs(self) -> tuple[tuple[StageModel, Install], ...]:
        """What is installed in stages that reach the final image."""
        return tuple(every_install(self.model))

    @cached_property
    def shipped_installs(self) -> tuple[tuple[StageModel, Install], ...]:
        """What is installed in layers of the final image."""
        return tuple((stage, install) for stage in self.shipped for install in installs(stage))

    def add_option(self, install: Install, text: str) -> tuple[Edit, ...]:
        """Return the edit that adds an option to a call; none where the call is no line of the file's own."""
        at = install.invocation.after_name
        if install.run.instruction.form == "json" or self.text[at - 1 : at] in {'"', "'"}:
            return ()
        return self.insert(at, f" {text}")

    def insert(self, offset: int, text: str) -> tuple[Edit, ...]:
        """Return the edit that puts *text* at *offset*."""
        return (Edit(start=offset, end=offset, text=text),)

    def replace(self, span: Span, text: str) -> tuple[Edit, ...]:
        """Return the edit that puts *text* in the place of *span*."""
        return (Edit(start=span.start, end=span.end, text=text),)

    def lines_of(self, instruction: Instruction) -> Span:
        """Return the whole lines that *instruction* stands on, with their ends."""
        source = self.file.source
        first = source.place(instruction.span.start).line
        last = source.place(max(instruction.span.start, instruction.span.end - 1)).line
        return Span(source.start_of(first), source.end_of(last))

    def line_end(self) -> str:
        """Return how the file ends its lines."""
        return "\r\n" if "\r\n" in self.text else "\n"
