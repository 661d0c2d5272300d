"""What the commands say of themselves, whole: `golden/` has it.

After a change that is meant: `UPDATE_GOLDEN=1 make test ARGS=tests/cli/test_help.py`, and read the difference.
"""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path

import pytest
from command import Place

from tare import __version__
from tare.cli.arguments import Parser
from tare.cli.main import COMMANDS
from tare.projects.settings import KEYS

GOLDEN = Path(__file__).parent / "golden"
DOCUMENTS = Path(__file__).parents[2] / "docs"


def compare(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_the_overview_names_every_command(place: Place) -> None:
    ran = place("--help")

    assert (ran.code, ran.err) == (0, "")
    compare("overview", ran.out)
    assert place() == place("-h") == place("help") == ran


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    parser = Parser(prog=f"tare {command}", description=f"{COMMANDS[command][0].upper()}{COMMANDS[command][1:]}.")
    parser.add_argument("--verbose", action="store_true", help="show more, and the traceback of an error")
    import_module(f"tare.cli.{command}").configure(parser)
    monkeypatch.setenv("COLUMNS", "100")

    compare(command, parser.format_help())


def test_help_is_an_answer_of_the_command_itself(place: Place) -> None:
    process = place.process("cache", "--help")

    assert place.finish(process) == (0, (GOLDEN / "cache.txt").read_text(encoding="utf-8"), "")


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_one_line(place: Place, option: str) -> None:
    assert place.finish(place.process(option)) == (0, f"tare {__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command: str) -> None:
    """Every option has a help text, and `docs/` has every option's name."""
    parser = Parser(prog=f"tare {command}", description="")
    import_module(f"tare.cli.{command}").configure(parser)
    words = set(re.findall(r"--[a-z][a-z-]+", "\n".join(path.read_text() for path in DOCUMENTS.rglob("*.md"))))

    options = [action for action in parser._actions if action.dest != "help"]
    assert [action.dest for action in options if not action.help] == []
    named = {name for action in options for name in action.option_strings if name.startswith("--")}
    assert sorted(named - words) == []


@pytest.mark.parametrize("command", ["build", "plan", "run", "copy", "cache"])
def test_the_page_of_options_has_every_option_and_key(command: str) -> None:
    page = (DOCUMENTS / "configuration.md").read_text(encoding="utf-8")
    parser = Parser(prog=f"tare {command}", description="")
    import_module(f"tare.cli.{command}").configure(parser)

    named = {name for action in parser._actions for name in action.option_strings if name.startswith("--")}
    there = set(re.findall(r"--[a-z][a-z-]+", page)) | {"--help"}
    assert sorted(named - there) == []
    assert [key for key in KEYS if f"`{key}`" not in page and f"[tool.tare.{key}]" not in page] == []
