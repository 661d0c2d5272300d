"""What the control groups of this machine mean to runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

HYBRID: Final = Path("/sys/fs/cgroup/unified/cgroup.controllers")
"""Has content on machines that use both versions of control groups. crun refuses to run there; runc does not mind."""


def is_hybrid(path: Path) -> bool:
    """Tell whether both versions of control groups are in use."""
    try:
        return bool(path.read_text().strip())
    except OSError:
        return False
