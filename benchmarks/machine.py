"""What the figures were measured on and with."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

INSTALLED = Path(__file__).resolve().parent.parent / ".cache" / "installed" / "bin" / "tare"
PACKAGES = ("msgspec", "packaging", "uv", "zlib-ng")
PROGRAMS = {
    "dockerd": ["dockerd", "--version"],
    "skopeo": ["skopeo", "--version"],
    "docker-registry": ["docker-registry", "--version"],
}


def description() -> list[str]:
    """Return lines about the machine, the interpreter and the versions of what took part."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    programs = ", ".join(filter(None, map(_program, PROGRAMS)))
    return [
        f"* machine: {_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, {_system()}, load {load} at the start",
        f"* tare {_tare()} on CPython {platform.python_version()}, {packages}",
        f"* {programs or 'neither dockerd nor skopeo nor docker-registry'}",
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _system() -> str:
    name = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{name}, Linux {platform.release()}"


def _tare() -> str:
    return subprocess.run([*tare(), "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]


def _program(name: str) -> str:
    found = shutil.which(PROGRAMS[name][0], path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if found is None:
        return ""
    done = subprocess.run([found, *PROGRAMS[name][1:]], check=False, capture_output=True, text=True)
    return done.stdout.strip().split(", build")[0].splitlines()[0] if done.stdout.strip() else name


def tare() -> list[str]:
    """Return the command that users type.

    `make bench` installs it with what it needs and nothing else, since msgspec loads what tools for development bring.
    Otherwise it is the script beside the interpreter, or the module where there is none.
    """
    script = next(filter(Path.exists, (INSTALLED, Path(sys.executable).with_name("tare"))), None)
    return [str(script)] if script else [sys.executable, "-m", "tare"]


def environment(cache: Path) -> dict[str, str]:
    """Return the environment that tare is run with: a user's, which caches bytecode, and a cache of the benchmark's."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "TARE_CACHE_DIR": str(cache)}
