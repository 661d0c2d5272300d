"""Writes to a cache in a process that is killed before each of the cache's own lines, in turn.

Run as a program of its own, since it forks: `python cache_killer.py DIRECTORY`. Prints the number of kills, and every
fault that was found afterwards.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from tare.oci.digest import sha256
from tare.stores import cache as module
from tare.stores.cache import Cache, hash_file

PIECES = (b"a" * 100_000, b"b" * 100_000, b"c")
BLOB = b"".join(PIECES)
OUTCOME = b"what came out" * 1000
KEY = sha256(b"inputs")


def scenario(cache: Cache) -> None:
    with cache.in_use():
        with cache.writing() as pending:
            for piece in PIECES:
                pending.file.write(piece)
            cache.keep(pending, sha256(BLOB))
        cache.remember("layers", KEY, OUTCOME)


def killed_at(count: int, cache: Cache) -> bool:
    """Run the scenario in a child that is killed before the cache's line number *count*. False if it got through."""
    child = os.fork()
    if child == 0:
        left = count

        def trace(frame: FrameType, event: str, _: Any) -> Any:  # what `settrace` calls
            nonlocal left
            if frame.f_code.co_filename == module.__file__ and event == "line":
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        scenario(cache)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def faults(cache: Cache) -> list[str]:
    """Return what is half-written under a final name."""
    found = [str(path) for path in cache.root.glob("blobs/sha256/*") if hash_file(path) != f"sha256:{path.name}"]
    found += [str(path) for path in cache.root.glob("memo/*/*") if path.read_bytes() != OUTCOME]
    strays = {path.name for path in cache.root.iterdir()} - {"blobs", "memo", "partial", "lock"}
    return found + sorted(strays)


def main(root: Path) -> None:
    count = 0
    while True:
        cache = Cache(root / str(count))
        if not killed_at(count + 1, cache):
            break
        for fault in faults(cache) if cache.root.exists() else ():
            print(fault)  # noqa: T201  # a program
        scenario(cache)
        if cache.path(sha256(BLOB)).read_bytes() != BLOB or cache.remembered("layers", KEY) != OUTCOME:
            print(f"after a kill at {count} the cache does not work")  # noqa: T201  # the same
        count += 1
    print(count)  # noqa: T201  # the same


if __name__ == "__main__":
    main(Path(sys.argv[1]))
