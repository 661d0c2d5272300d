"""The command line's door: `tare`, or `python -m tare`."""

from __future__ import annotations

import sys

from tare import __version__


def main() -> int:
    """Run a command and return its exit code. Nothing else is loaded for `tare --version`."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"tare {__version__}\n")
        return 0
    from tare.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
