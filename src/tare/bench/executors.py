"""Blocks on other machines: each is told to measure all images, and sends what it measures as it goes.

Nothing is copied there, and machines know nothing of each other. What one sent before it died is kept.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

import msgspec

from tare.bench.harness import rough
from tare.bench.journal import Journal, merge
from tare.bench.relay import Receiver
from tare.bench.result import Results
from tare.errors import MachineError, TareError, UsageError

BLOCKS: Final = "blocks"
"""Where in a directory of results each machine's own are."""
_LONGEST: Final = 16 * 2**20
"""Characters of a line; one of ours is some kilobytes."""
_HOST: Final = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_][A-Za-z0-9_.-]*")
Say = Callable[[str], None]


class Node(Protocol):
    """A machine that measures a block."""

    @property
    def block(self) -> str:
        """The name of its block."""
        ...

    def lines(self) -> Iterator[str]:
        """Start measuring there, and yield what it says until it ends."""
        ...

    def why(self) -> str:
        """Return why it ended, when it did not say that all was measured."""
        ...

    def stop(self) -> None:
        """End what was started for it on this machine."""
        ...


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A machine that did not measure everything."""

    block: str
    samples: int
    """That it sent, and that are kept."""
    why: str


class SshNode:
    """A machine that the system's `ssh` reaches; its own results are below *there* in it."""

    def __init__(self, host: str, client: Sequence[str], command: Sequence[str], there: str) -> None:
        self.block = block_of(host)
        command = (*command, "--output", f"{there}/{self.block}", "--block", self.block)
        self._command = (*client, "-o", "BatchMode=yes", "-T", "--", host, shlex.join(command))
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    @property
    def command(self) -> str:
        """What a person would type."""
        return shlex.join(self._command)

    def lines(self) -> Iterator[str]:
        try:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors="replace",
            )  # fmt: skip
        except OSError as error:
            raise MachineError(f"cannot run `{self._command[0]}`", causes=(error.strerror or str(error),)) from None
        with self._process as process:
            if self._stopped:
                process.terminate()
            if process.stdout is not None:
                yield from bounded(process.stdout.readline)

    def why(self) -> str:
        code = self._process.returncode if self._process else None
        return "the connection ended" if code in {None, 255} or code < 0 else f"it ended with exit code {code}"

    def stop(self) -> None:
        self._stopped = True
        if self._process is not None:
            self._process.terminate()


def hosts(text: str) -> list[str]:
    """Return the hosts of `HOST,HOST…`, each as `ssh` takes it."""
    found = [each.strip() for each in text.split(",") if each.strip()]
    if not found:
        raise UsageError("no machine was named", hints=("Write `--executor ssh:HOST,HOST`",))
    for each in found:
        if not _HOST.fullmatch(each):
            raise UsageError(
                f"`{each}` is not the name of a machine",
                hints=("Write HOST or USER@HOST; a port and keys go into `~/.ssh/config`, or into `--client`",),
            )
    names = [block_of(each) for each in found]
    for each in names:
        if names.count(each) > 1:
            raise UsageError(f"`{each}` is named twice", causes=("two blocks on one machine would disturb each other",))
    return found


def block_of(host: str) -> str:
    """Return the name of a host's block.

    >>> block_of("me@one.example")
    'one.example'
    """
    return host.rpartition("@")[2]


def bounded(readline: Callable[[int], str]) -> Iterator[str]:
    """Yield lines; one that is longer than any of ours ends it."""
    while line := readline(_LONGEST):
        if len(line) >= _LONGEST:
            raise UsageError("a machine sends a line without an end")
        yield line


def gather(nodes: Sequence[Node], directory: Path, say: Say) -> tuple[Results, list[Lost]]:
    """Let all *nodes* measure at once, and put what they sent together in *directory*."""
    progress = _Progress(say)
    receivers = {each.block: Receiver(Journal(directory / BLOCKS / each.block), each.block) for each in nodes}
    with Journal(directory).held():
        try:
            lost = _heard(nodes, receivers, progress)
        except BaseException:
            # What was sent until now is a run, too, that can be reported.
            with contextlib.suppress(TareError):
                _together(directory, ())
            raise
        return _together(directory, lost), lost


def _heard(nodes: Sequence[Node], receivers: dict[str, Receiver], progress: _Progress) -> list[Lost]:
    with ThreadPoolExecutor(len(nodes)) as pool:
        try:
            told = [pool.submit(_listen, node, receivers[node.block], progress) for node in nodes]
            return [each for future in told if (each := future.result()) is not None]
        except BaseException:
            for node in nodes:
                node.stop()
            raise


def _listen(node: Node, receiver: Receiver, progress: _Progress) -> Lost | None:
    """Take what *node* says to its end; None if that is everything."""
    why = ""
    try:
        with contextlib.closing(node.lines()) as lines:  # type: ignore[type-var]  # they are generators
            for line in lines:
                receiver.take(line)
                progress.show(node.block, receiver)
    except TareError as error:
        node.stop()
        why = ": ".join((error.message, *error.causes))
    if receiver.ended and not why:
        return None
    said = [each for each in receiver.said if not each.startswith("hint:")]
    return Lost(block=node.block, samples=len(receiver.samples), why="; ".join((why or node.why(), *said[-3:])))


def _together(directory: Path, lost: Sequence[Lost]) -> Results:
    """Merge every block that is in *directory*, of this run and of those before, and keep the whole beside them."""
    parts = [Journal(each.parent).read() for each in sorted((directory / BLOCKS).glob("*/run.json"))]
    if not any(each.samples for each in parts):
        causes = tuple(f"{each.block}: {each.why}" for each in lost)
        raise MachineError("no machine measured anything", causes=causes)
    whole = merge(parts)
    Journal(directory).write(whole)
    return whole


class _Progress:
    """Says how far all machines are, and how long the slowest one will take."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._begun = time.monotonic()
        self._first: dict[str, int] = {}
        self._words: dict[str, str] = {}
        self._left: dict[str, float] = {}
        self._lock = Lock()

    def show(self, block: str, receiver: Receiver) -> None:
        if receiver.run is None:
            return
        plan = receiver.run.plan
        total, done = plan.rounds * len(plan.workloads) * len(receiver.run.candidates), receiver.turns
        with self._lock:
            taken = done - self._first.setdefault(block, done)
            if taken:
                self._left[block] = (time.monotonic() - self._begun) / taken * max(0, total - done)
            self._words[block] = f"{block}: {done} of {total} turns"
            left = f"; {rough(max(self._left.values()))} left" if self._left else ""
            self._say(", ".join(self._words.values()) + left)
