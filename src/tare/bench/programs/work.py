"""What the programs share that are run inside of the images. Only the standard library, of any Python from 3.9 on.

Each line of standard output is one case as a JSON object: `case`, `values`, `first`, `unit`, `check`, and what else is known.
A program is no part of tare's house: it sees neither its modules nor its rules on printing.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable

Work = Callable[[], object]

# The first process of a container gets no signal that it has no word for, and would go on when the run was killed.
signal.signal(signal.SIGTERM, lambda *_: os._exit(143))


def say(case: str, **facts: object) -> None:
    """Report one case."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    line = {"case": case, "rss": usage.ru_maxrss * 1024, **facts}
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()


def measure(case: str, work: Work, *, repeat: int = 3, **facts: object) -> object:
    """Do *work* once cold and *repeat* times warm, report the case with the answer as its check, and return the answer."""
    try:
        first, answer = timed(work)
        before = time.process_time()
        values = []
        for _ in range(repeat):
            seconds, answer = timed(work)
            values.append(seconds)
        cpu = (time.process_time() - before) / repeat
    except ImportError as error:
        say(case, status="unsupported", note=str(error))
        return None
    except MemoryError:
        say(case, status="oom", note="MemoryError")
        return None
    except Exception as error:
        say(case, status="failed", note=f"{type(error).__name__}: {error}"[:500])
        return None
    say(case, first=first, values=values, cpu=cpu, check=checked(answer), **facts)
    return answer


def timed(work: Work) -> tuple[float, object]:
    """Do *work*, and return the seconds and the answer."""
    started = time.perf_counter()
    answer = work()
    return time.perf_counter() - started, answer


def checked(answer: object) -> str | None:
    """Return an answer as text that can be compared; numbers stay numbers, for a tolerance."""
    return None if answer is None else json.dumps(answer, default=str)[:2000]
