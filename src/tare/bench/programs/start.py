"""Time Python inside a container: argv has the rounds, then modules. Prints one JSON object; seconds and bytes."""

import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
from typing import List, Optional, Tuple


def timed(code: str) -> Tuple[float, "subprocess.CompletedProcess[str]"]:
    started = time.monotonic()
    finished = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return time.monotonic() - started, finished


def importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def has_bytecode(names: List[str]) -> Optional[bool]:
    """Return whether every one that has a source has its bytecode; None when none has a source."""
    found = []
    for name in names:
        origin = getattr(importlib.util.find_spec(name), "origin", None) or ""
        if origin.endswith(".py"):
            found.append(os.path.exists(importlib.util.cache_from_source(origin)))
    return all(found) if found else None


def main() -> None:
    rounds = int(sys.argv[1])
    modules = [name for name in sys.argv[2:] if importable(name)]
    bytecode = has_bytecode(modules)
    statement = "import " + ", ".join(modules) if modules else "pass"
    first, finished = timed(statement)
    json.dump(
        {
            "modules": modules,
            "failed": finished.stderr[-2000:] if finished.returncode else "",
            "first": first,
            "interpreter": [timed("pass")[0] for _ in range(rounds)],
            "imports": [timed(statement)[0] for _ in range(rounds)],
            "memory": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
            "python": sys.version.split()[0],
            "bytecode": bytecode,
            "uid": os.getuid(),
        },
        sys.stdout,
    )


main()
