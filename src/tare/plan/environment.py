"""The files that make a directory a virtual environment of the base's interpreter.

https://docs.python.org/3/library/venv.html and PEP 405
"""

from __future__ import annotations

from tare.plan.plan import Link, PlannedFile
from tare.wheels.scheme import Scheme


def skeleton(scheme: Scheme, *, interpreter: str, version: str) -> tuple[PlannedFile, ...]:
    """Return `pyvenv.cfg` and the links to *interpreter*, an absolute path in the base."""
    home = interpreter.rpartition("/")[0]
    configuration = f"home = {home}\ninclude-system-site-packages = false\nversion = {version}\n".encode()
    links = ("python", "python3", scheme.python)
    return (
        PlannedFile(f"{scheme.scripts}/{links[0]}", 0o777, 0, Link(interpreter)),
        *(PlannedFile(f"{scheme.scripts}/{name}", 0o777, 0, Link("python")) for name in links[1:]),
        PlannedFile(f"{scheme.prefix}/pyvenv.cfg", 0o644, len(configuration), configuration),
    )
