"""Everything but running containers works on systems that are not Linux, and nothing there fails at import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, signal, socket, sys

# What Windows does not have, and macOS has only in parts.
for module in ("fcntl", "grp", "pwd", "resource", "termios", "pty"):
    sys.modules[module] = None
for name in (
    "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_PATH", "ST_NOSUID", "ST_RDONLY", "chown", "chroot", "copy_file_range",
    "fork", "geteuid", "getegid", "mkfifo", "pread", "setsid",
):
    if hasattr(os, name):
        delattr(os, name)
for name in ("pthread_sigmask", "sigtimedwait", "sigwaitinfo", "SIGHUP", "SIGQUIT", "SIGCHLD"):
    if hasattr(signal, name):
        delattr(signal, name)
del socket.AF_UNIX
sys.platform = "other"
sys.path[:0] = sys.argv[1].split(os.pathsep)

from pathlib import Path

source = Path(sys.argv[1].split(os.pathsep)[0])
inside = {"inside", "view", "program"}  # run in a container's process only
for package in ("stores", "engines"):
    for path in sorted((source / "tare" / package).glob("*.py")):
        if path.stem not in inside:
            __import__(f"tare.{package}.{path.stem}")

from make.images import content, in_files, small
from tare.errors import TareError
from tare.engines.chroot import Chroot
from tare.engines.interface import RunOptions
from tare.engines.runner import ProcessRunner
from tare.stores.archive import ArchiveSource
from tare.stores.archive_writer import ArchiveDestination
from tare.stores.daemon import DaemonDestination
from tare.stores.layout import LayoutSource
from tare.stores.layout_writer import LayoutDestination

place = Path(sys.argv[2])
value = in_files(small(), place)
LayoutDestination(place / "layout", ("app",)).write(value)
ArchiveDestination(place / "a.tar", mtime=0).write(value)
for back in (LayoutSource(place / "layout", "app").read(), ArchiveSource(place / "a.tar").read()):
    assert back.raw == value.raw
    assert [content(blob) for blob in back.layers] == [content(blob) for blob in value.layers]
assert ProcessRunner().attach([sys.executable, "-c", "import sys; sys.exit(3)"], timeout=60) == 3

engine = Chroot(cache=place / "cache")
print(engine.available())
for action in (lambda: engine.run(value, RunOptions()), lambda: DaemonDestination((), host="unix:///var/run/docker.sock")):
    try:
        action()
    except TareError as error:
        print(error.message, error.causes, sep="|")
"""


def test_what_is_not_linux_has_all_but_the_chroot_engine(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    path = f"{root / 'src'}:{root / 'tests/support'}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, path, str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "it needs Linux, and this system is something else",
        "containers cannot be run without an engine here|('the chroot engine needs the namespaces of Linux',)",
        "`unix:///var/run/docker.sock` cannot be used here|('this system has no Unix sockets',)",
    ]
