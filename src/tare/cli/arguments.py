"""Arguments, parsed: argparse with errors of our form and a typed result."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from tare.errors import UsageError


class Arguments(argparse.Namespace):
    """What a command was given. Commands declare the names they add in a subclass of their own."""

    verbose: bool


class _Formatter(argparse.HelpFormatter):
    """Writes `-o, --output IMAGE` with every Python, as the one of 3.13 does."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        values = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {values}"


class Parser(argparse.ArgumentParser):
    """A parser that raises `UsageError` with the nearest name, where argparse would print and exit."""

    def __init__(self, *, prog: str, description: str) -> None:
        self._columns = 80
        self._examples = ""
        self._values: dict[str, str] = {}
        super().__init__(prog=prog, description=description, allow_abbrev=False, formatter_class=self._formatter)

    def _formatter(self, prog: str) -> _Formatter:
        """Return a formatter: argparse makes one for each argument, and without a width each asks the terminal."""
        return _Formatter(prog, width=self._columns - 2)

    def optional_value(self, option: str, value: str) -> None:
        """Let *option* stand alone for `option=value`, without taking the word that follows it for its value."""
        self._values[option] = value

    def examples(self, text: str) -> None:
        """Say *text*, which is shown as it is, at the end of the help."""
        self._examples = text

    def format_help(self) -> str:
        import shutil

        self._columns = shutil.get_terminal_size().columns
        text = super().format_help()
        return f"{text}\n{self._examples}" if self._examples else text

    def parse(self, argv: Sequence[str]) -> Arguments:
        """Read *argv*, or raise `UsageError`."""
        words = [f"{word}={self._values[word]}" if word in self._values else word for word in argv]
        arguments, unknown = self.parse_known_args(words, Arguments())
        if unknown:
            raise self._unknown(unknown[0])
        return arguments

    def error(self, message: str) -> NoReturn:
        raise UsageError(
            f"`{self.prog}` cannot read its arguments", causes=(message,), hints=(f"`{self.prog} --help` lists them",)
        )

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Refuse what is none of an argument's choices: argparse has no hint, and other words in each release."""
        choices = tuple(map(str, action.choices or ()))
        if action.choices is None or value in choices:
            return
        from difflib import get_close_matches

        near = get_close_matches(str(value), choices, n=1)
        name = f"`{action.option_strings[-1]}`" if action.option_strings else f"its {action.dest}"
        raise UsageError(
            f"`{self.prog}` cannot take `{value}` for {name}",
            causes=(f"expected {' or '.join(f'`{choice}`' for choice in choices)}",),
            hints=(f"Did you mean `{near[0]}`?",) if near else (),
        )

    def _unknown(self, word: str) -> UsageError:
        from difflib import get_close_matches

        option = word.partition("=")[0]
        known = [name for action in self._actions for name in action.option_strings]
        near = get_close_matches(option, known, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else f"`{self.prog} --help` lists its options"
        what = "option" if word.startswith("-") else "argument"
        return UsageError(f"`{self.prog}` has no {what} `{option}`", hints=(hint,))
