"""How long an interpreter takes to start, and to import: children of this process, one after the other, in this container.

    python3 work_start.py REPEAT [MODULE,MODULE…]…

Each case is started REPEAT times; the first start is kept apart, since it reads cold files and may compile.
"""

from __future__ import annotations

import os
import sys
import time

import work


def started(arguments: list[str]) -> tuple[float, float, int]:
    """Run the interpreter with *arguments*; return seconds, seconds of processor time, and the exit code."""
    begun = time.perf_counter()
    pid = os.posix_spawn(sys.executable, [sys.executable, *arguments], os.environ)
    _, status, usage = os.wait4(pid, 0)
    return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status)


def case(name: str, arguments: list[str], repeat: int) -> None:
    first, _, code = started(arguments)
    if code:
        work.say(name, status="unsupported", note=f"exit code {code}")
        return
    found = [started(arguments) for _ in range(repeat)]
    work.say(
        name, first=first, values=[seconds for seconds, _, _ in found], cpu=sum(cpu for _, cpu, _ in found) / len(found)
    )


def main() -> None:
    repeat = int(sys.argv[1])
    case("interpreter", ["-c", "pass"], repeat)
    case("interpreter, isolated", ["-I", "-S", "-c", "pass"], repeat)
    quiet = "import os; os.dup2(os.open(os.devnull, os.O_WRONLY), 2)\n"
    case("import the standard library", ["-c", quiet + "import asyncio, json, logging, email.message, ssl"], repeat)
    for modules in sys.argv[2:]:
        case(f"import {modules.replace(',', ', ')}", ["-c", quiet + f"import {modules}"], repeat)


if __name__ == "__main__":
    main()
