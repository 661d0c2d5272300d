"""Imports every module that this interpreter finds, each in a process of its own, and prints what failed.

    python modules.py [MODULE ...]

A package is imported once, and its process is forked for each of its modules. What they all compile is kept while this
runs, so that thousands take a minute. One JSON object is printed: {"modules": {NAME: "" or what went wrong}}.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import json
import os
import select
import signal
import sys
import tempfile
from typing import Any, Dict, Iterator, List, Tuple

LIMIT = 60
"""Seconds for one module."""

SKIPPED = {"antigravity", "this", "idlelib", "turtledemo", "turtle", "test", "lib2to3", "__phello__", "__main__"}
"""What opens windows or speaks when it is imported, or is there for CPython's own tests."""

SUFFIXES = importlib.machinery.all_suffixes()


def main() -> None:
    keep_bytecode()
    groups: Dict[str, List[str]] = {}
    for name in sys.argv[1:] or sorted(set(found())):
        groups.setdefault(name.partition(".")[0], []).append(name)
    result: Dict[str, str] = {}
    running: Dict[int, Tuple[int, str, List[bytes]]] = {}
    waiting = sorted(groups)
    while waiting or running:
        while waiting and len(running) < max(1, os.cpu_count() or 1):
            top = waiting.pop(0)
            reader, pid = started(top, groups[top])
            running[reader] = (pid, top, [])
        for reader in select.select(list(running), [], [])[0]:
            pid, top, pieces = running[reader]
            pieces.append(os.read(reader, 1 << 20))
            if not pieces[-1]:
                os.close(reader)
                os.waitpid(pid, 0)
                del running[reader]
                result.update(dict.fromkeys(groups[top], "the process that imported it ended"))
                result.update(answers(b"".join(pieces)))
    sys.stdout.write(json.dumps({"modules": result}))


def keep_bytecode() -> None:
    """Let modules that bring no bytecode be compiled once, and not by each process that imports them.

    Where bytecode is in the image, it is that which is tried.
    """
    try:
        place = tempfile.mkdtemp()
    except OSError:
        return  # Nothing can be written here. It takes longer.
    external: Any = importlib._bootstrap_external  # noqa: SLF001  # what `importlib.util` hands out are copies
    original = external.cache_from_source

    def cached(path: str, *words: Any, **options: Any) -> str:
        own: str = original(path, *words, **options)
        return own if os.path.exists(own) else place + own

    external.cache_from_source = cached
    sys.dont_write_bytecode = False


def found() -> Iterator[str]:
    for entry in sys.path:
        if entry and os.path.isdir(entry):
            yield from below(entry, "")


def below(directory: str, prefix: str) -> Iterator[str]:
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return
    for name in names:
        path = os.path.join(directory, name)
        stem = next((name[: -len(suffix)] for suffix in SUFFIXES if name.endswith(suffix)), name)
        if not stem.isidentifier() or stem in {"__init__", "__main__"} or (not prefix and stem in SKIPPED):
            continue
        if stem != name and os.path.isfile(path):
            yield prefix + stem
        elif any(os.path.isfile(os.path.join(path, "__init__" + suffix)) for suffix in SUFFIXES):
            yield prefix + name
            yield from below(path, prefix + name + ".")


def started(top: str, names: List[str]) -> Tuple[int, int]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        group(top, names, writer)
    os.close(writer)
    return reader, pid


def group(top: str, names: List[str], writer: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    sys.argv = [""]
    first = attempt(top)
    for name in names:
        if name == top:
            report(writer, name, first)
            continue
        pid = os.fork()
        if pid == 0:
            signal.alarm(LIMIT)
            report(writer, name, attempt(name))
            os._exit(0)
        status = os.waitpid(pid, 0)[1]
        if os.WIFSIGNALED(status):
            report(writer, name, f"ended by signal {os.WTERMSIG(status)}")
    os._exit(0)


def attempt(name: str) -> str:
    try:
        importlib.import_module(name)
    except BaseException as error:
        return " ".join(f"{type(error).__name__}: {error}".split())[:600]
    return ""


def report(writer: int, name: str, error: str) -> None:
    os.write(writer, f"{name}\t{error}\n".encode("utf-8", "replace"))


def answers(data: bytes) -> Dict[str, str]:
    lines = (line.partition("\t") for line in data.decode("utf-8", "replace").splitlines())
    return {name: error for name, _, error in lines}


if __name__ == "__main__":
    main()
