"""Every expected failure of tare, as a tree.

    TareError                   exit code
    ├── UsageError                  2     an option, a configuration key or an argument
    ├── ProjectError                2     a project or lockfile that cannot be read
    ├── MachineError                2     the machine: no disk space, a missing program, a refused permission
    ├── GateError                   1     a gate failed, findings remain, or a container exited non-zero
    ├── TargetError                 3     no wheel, or no shared library, for the target
    ├── NetworkError                4     a registry, an index or a mirror could not be used
    └── IntegrityError              5     bytes that do not match a digest or a signature
        └── HostileInputError       5     an archive or a document that no honest tool writes

An error is fields, not text: *message* names what failed, *causes* say why, *hints* are actions. The one renderer
is `tare.cli.render`; nothing here knows about colours, terminals or exits.
"""

from __future__ import annotations

from typing import ClassVar


class TareError(Exception):
    """An expected failure, worth explaining to the person who ran the command.

    *message* says what failed and names the thing in backticks. *causes* are the reasons, outermost first; the
    exception's ``__cause__`` adds its own. Each of *hints* is one action that the person can take next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, causes: tuple[str, ...] = (), hints: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.causes = causes
        self.hints = hints


class UsageError(TareError):
    """An option, an argument or a key of the configuration is not understood."""

    exit_code = 2


class ProjectError(TareError):
    """A project or a lockfile cannot be read, or contradicts itself."""

    exit_code = 2


class MachineError(TareError):
    """The machine cannot do what is asked: no space, no permission, a program that is missing."""

    exit_code = 2


class GateError(TareError):
    """A gate failed, findings remain, or what was run exited with an error."""

    exit_code = 1


class TargetError(TareError):
    """The target cannot run the project: a distribution has no wheel for it, or a shared library is missing."""

    exit_code = 3


class NetworkError(TareError):
    """A registry, an index or a mirror cannot be reached, or refuses."""

    exit_code = 4


class IntegrityError(TareError):
    """Bytes do not match the digest, size or signature that was promised for them."""

    exit_code = 5


class HostileInputError(IntegrityError):
    """An archive or a document says two things at once, or wants what no honest one needs."""
