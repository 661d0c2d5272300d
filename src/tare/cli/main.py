"""Dispatch to one command, and turn what it raises into words and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final, Protocol

from tare.cli.arguments import Arguments, Parser
from tare.cli.render import render_bug, render_error
from tare.errors import MachineError, TareError, UsageError

COMMANDS: Final = {
    "build": "build an image from a locked project, without a daemon",
    "plan": "show which file would go into which layer, and why",
    "choose": "say which base to take, before anything is built",
    "bases": "list the bases that are known, with what they are",
    "run": "run an image with Docker, podman, or neither",
    "copy": "copy an image from any place to any other",
    "verify": "check every rule of the image specification that can be checked",
    "weigh": "show where the bytes of an image are, and which of them could go",
    "slim": "leave out of any image what no container needs",
    "diff": "show what two images, or an image and a project, do not have in common",
    "tags": "explain what a repository's tags are, or what one of them is made of",
    "outdated": "tell whether an image's base or its packages have updates",
    "compare": "build a project on several bases, in several ways, and measure them side by side",
    "report": "make a page or Markdown of what was measured",
    "dockerfile": "write a Dockerfile and a .dockerignore for a project, and keep them fitting",
    "lint": "check Dockerfiles of Python projects, and repair what is safe",
    "bench": "measure start-up, CPU-bound and I/O-bound work of images, and compare them",
    "cache": "show or prune what tare keeps on this machine",
}
"""Each is the module of the same name in this package, which is loaded only when it is asked for."""

BUG: Final = 70
INTERRUPTED: Final = 130


class Command(Protocol):
    """What a module of a command has."""

    def configure(self, parser: Parser) -> None:
        """Add the command's arguments."""
        ...

    def execute(self, arguments: Arguments) -> int:
        """Do it, and return the exit code."""
        ...


def run(argv: Sequence[str]) -> int:
    """Run the command line *argv*, without the program's name, and return the exit code."""
    verbose = "--verbose" in argv
    try:
        return _answered(argv)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; say nothing at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (TareError, OSError, UnicodeEncodeError) as error:
        expected = _expected(error)
        sys.stderr.write(render_error(expected))
        if verbose:
            _traceback()
        return expected.exit_code
    except Exception as error:  # noqa: BLE001  # the last resort, which apologises
        sys.stderr.write(render_bug(error))
        if verbose:
            _traceback()
        return BUG


def _expected(error: TareError | OSError | UnicodeEncodeError) -> TareError:
    if isinstance(error, TareError):
        return error
    return _of_system(error) if isinstance(error, OSError) else _not_text(error)


def _not_text(error: UnicodeEncodeError) -> MachineError:
    """Return the error for a name of bytes that are no text, which no document can have."""
    return MachineError(
        "a name is not UTF-8", causes=(f"`{ascii(error.object)[1:-1][:200]}`",), hints=("Rename it, or leave it out",)
    )


def _of_system(error: OSError) -> MachineError:
    """Return what the system refused. A call without a file that fails for want of one is about where we are."""
    reason = error.strerror or str(error)
    if isinstance(error, FileNotFoundError) and error.filename is None:
        try:
            os.getcwd()
        except OSError:
            hints = ("Change to a directory that exists, and run the command again",)
            return MachineError("the working directory is not there any more", causes=(reason,), hints=hints)
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else "a file"
    return MachineError(f"cannot use `{name}`", causes=(reason,))


def _answered(argv: Sequence[str]) -> int:
    code = _dispatch(argv)
    sys.stdout.flush()  # At exit a reader that left would be a message of the interpreter's.
    return code


def _dispatch(argv: Sequence[str]) -> int:
    name = argv[0] if argv else "--help"
    if name in {"-h", "--help", "help"}:
        sys.stdout.write(_overview())
        return 0
    if name not in COMMANDS:
        raise _unknown(name)
    command: Command = import_module(f"tare.cli.{name}")  # a module can be one
    parser = Parser(prog=f"tare {name}", description=COMMANDS[name][0].upper() + COMMANDS[name][1:] + ".")
    parser.add_argument("--verbose", action="store_true", help="show more, and the traceback of an error")
    command.configure(parser)
    return command.execute(parser.parse(argv[1:]))


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [
        "usage: tare COMMAND [OPTIONS]",
        "",
        "Container images for Python projects: chosen, built, weighed and proved.",
        "",
        *(f"  {name:<{width}}  {help_text}" for name, help_text in COMMANDS.items()),
        "",
        "`tare COMMAND --help` explains a command; `tare --version` shows the version.",
        "",
    ]
    return "\n".join(lines)


def _unknown(name: str) -> UsageError:
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    hint = (
        f"Did you mean `tare {near[0]}`?" if near else "The commands are " + ", ".join(f"`{each}`" for each in COMMANDS)
    )
    return UsageError(f"`{name}` is not a command of tare", hints=(hint,))


def _traceback() -> None:
    import traceback

    traceback.print_exc()
