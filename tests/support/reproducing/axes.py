"""The circumstances: what each value of an axis changes about a run, and which values this machine cannot offer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from reproducing.covering import Setting

THIS = "this"

AXES: Mapping[str, tuple[str, ...]] = {
    "clock": ("now", "1999-12-31 23:59:58", "2033-05-18 03:33:20"),
    "place": ("near", "far"),
    "umask": ("022", "077", "000"),
    "locale": ("C.UTF-8", "C", "tr_TR.UTF-8"),
    "hash seed": ("0", "1", "4242"),
    "order": ("written", "reversed"),
    "file times": ("now", "1970", "scattered"),
    "user": (THIS, "somebody else"),
    "host name": (THIS, "elsewhere.example"),
    "threads": ("1", "8"),
    "cache": ("cold", "warm"),
    "python": (THIS,),
    "processor": (THIS, "qemu64", "Haswell"),
}
"""The first value of each is the reference. `place` is where project, cache and output lie, and how they are named; `order`
is that of the lockfile's lines and in which the project's files were made; the clock brings a time zone with it;
*somebody else* is an ordinary user, whose project and cache are his own."""

ZONES = {"now": "UTC", "1999-12-31 23:59:58": "FAR+11:30", "2033-05-18 03:33:20": "AWAY-13:45"}
SOMEBODY = 65534
QEMU = ("qemu-x86_64", "qemu-x86_64-static")


class Machine:
    """What there is on this machine to vary."""

    def __init__(
        self, scratch: Path, pythons: Mapping[str, str] | None = None, absent: Mapping[str, str] | None = None
    ) -> None:
        self.pythons = {THIS: sys.executable, **(pythons or {})}
        self.faketime = shutil.which("faketime")
        self.qemu = next(filter(None, map(shutil.which, QEMU)), None)
        self.setpriv = shutil.which("setpriv") if os.geteuid() == 0 else None
        self.unshare = shutil.which("unshare") if os.geteuid() == 0 else None
        self.locales = scratch / "locales"
        self.absent = dict(absent or {})
        """Why a value is not tried."""

    def axes(self) -> dict[str, tuple[str, ...]]:
        """Return the axes with the values that can be tried here."""
        axes = {**AXES, "python": tuple(self.pythons)}
        if self.faketime is None:
            axes["clock"] = self._without(axes["clock"], "there is no `faketime`")
        if self.setpriv is None:
            axes["user"] = self._without(axes["user"], "only root can become somebody else, with `setpriv`")
        if self.unshare is None:
            axes["host name"] = self._without(axes["host name"], "only root can change it for one process")
        if self.qemu is None:
            axes["processor"] = self._without(axes["processor"], "there is no `qemu-x86_64`")
        if not self._has_turkish():
            self.absent["tr_TR.UTF-8"] = "the locale is not there, and its sources (Debian's `locales`) are not either"
            axes["locale"] = axes["locale"][:-1]
        return axes

    def _without(self, values: tuple[str, ...], why: str) -> tuple[str, ...]:
        self.absent.update(dict.fromkeys(values[1:], why))
        return values[:1]

    def _has_turkish(self) -> bool:
        """Tell whether there is a locale in which the small letter of I is another; make it if its sources are there."""
        listed = subprocess.run(["locale", "-a"], check=False, capture_output=True, text=True).stdout.lower()
        if "tr_tr.utf8" in listed:
            return True
        localedef = shutil.which("localedef")
        if localedef is None:
            return False
        self.locales.mkdir(parents=True, exist_ok=True)
        command = [localedef, "-i", "tr_TR", "-f", "UTF-8", str(self.locales / "tr_TR.UTF-8")]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    def command(self, setting: Setting) -> list[str]:
        """Return what runs tare under *setting*."""
        command = [self.pythons[setting["python"]], "-m", "tare"]
        if setting["processor"] != THIS:
            assert self.qemu
            command = [self.qemu, "-cpu", setting["processor"], *command]
        if setting["clock"] != "now":
            assert self.faketime
            command = [self.faketime, "-f", f"@{setting['clock']}", *command]
        return [*self._host_name(setting["host name"]), *self._user(setting["user"]), *command]

    def _host_name(self, name: str) -> list[str]:
        if name == THIS:
            return []
        assert self.unshare
        return [self.unshare, "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name]

    def _user(self, user: str) -> list[str]:
        """Return what becomes *user*, who may still read an interpreter in a home directory of root, but not write there."""
        if user == THIS:
            return []
        assert self.setpriv
        identity = [f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups"]
        powers = [f"--{kind}-caps=-all,+dac_read_search" for kind in ("inh", "ambient")]
        return [self.setpriv, *identity, *powers]

    def environment(self, setting: Setting) -> dict[str, str]:
        """Return the variables of *setting*, and nothing else of this process but where programs are."""
        variables = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONHASHSEED": setting["hash seed"],
            "LC_ALL": setting["locale"],
            "TZ": ZONES[setting["clock"]],
            # Waiting threads look at this clock; changing it too would only make them wait for ever.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        if self.locales.is_dir():
            variables["LOCPATH"] = str(self.locales)
        return variables


def processor_settings(machine: Machine, processor: str) -> str:
    """Return what OpenSSL finds of *processor*, so that a test can tell that an emulated one is really another."""
    code = (
        "import ctypes, re, ssl; "
        "library = ctypes.CDLL(re.search(r'\\S*libcrypto\\S*', open('/proc/self/maps').read())[0]); "
        "library.OPENSSL_info.restype = ctypes.c_char_p; "
        "print(library.OPENSSL_info(1008).decode())"
    )
    assert machine.qemu
    command = [machine.qemu, "-cpu", processor, machine.pythons[THIS], "-I", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
