"""The command line's door: `tare`, or `python -m tare`."""

from __future__ import annotations

import gc
import io
import os
import sys

from tare import __version__

_OBJECTS = 100_000
"""Containers that may be made before garbage is looked for: a command that finds everything done makes fewer."""


def main() -> int:
    """Run a command and leave. Nothing else is loaded for `tare --version`."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"tare {__version__}\n")
        return 0
    if sys.getfilesystemencoding() != "utf-8":
        _again_as_utf8()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # A path is said as it is, also where it is no text.
    gc.set_threshold(_OBJECTS)
    try:
        _end_as_interrupted()
        from tare.cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before a command has begun, or a second time while the first is heard
        code = 130
    return _leave(code)


def _end_as_interrupted() -> None:
    """Treat SIGTERM, by which systems and CI services end a program, as Ctrl-C: what is half-written is removed."""
    import signal

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # whoever started us may want it to be ignored
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _again_as_utf8() -> None:
    """Start anew in Python's UTF-8 mode: names of files are UTF-8 in an image, whatever the locale here says.

    https://docs.python.org/3/library/os.html#python-utf-8-mode; it is the default where the locale is `C`, unless
    somebody has switched it off.
    """
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606  # ourselves


def _leave(code: int) -> int:
    """End the process at once: what the command opened is closed, and taking every module down costs 8 ms.

    Output that cannot be written is left to the interpreter, which says so.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):  # a stream that was closed before we started is None
        return code
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
