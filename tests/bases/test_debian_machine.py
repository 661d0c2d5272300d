"""Real mirrors, as this machine's apt names them: bases that are assembled, unpacked and run."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mirror import Folder

from tare.bases.debian.apt import from_machine
from tare.bases.debian.assemble import BaseSpec, assemble, resolve_base, write_layer
from tare.bases.debian.blobs import Supply
from tare.bases.debian.contents import search
from tare.bases.debian.snapshot import fetch_index, take_snapshot
from tare.bases.debian.sources import Sources
from tare.bases.debian.tables import tables
from tare.errors import IntegrityError, NetworkError, UsageError
from tare.net.fetch import Fetcher
from tare.oci.platform import parse

pytestmark = pytest.mark.e2e

UNPACKED, PULL = 54_000_000, 19_500_000
"""Bytes that a base for amd64 stays below, so that there is room for a small project in 55 and 20 MB."""

CHECK = """
import ssl, sqlite3, ctypes, lzma, bz2, contextvars, zoneinfo, hashlib, decimal, asyncio, locale, curses, pwd, os, zlib
assert locale.setlocale(locale.LC_ALL, "") == "C.UTF-8"
assert len(ssl.create_default_context().get_ca_certs()) > 100
assert zoneinfo.ZoneInfo("Europe/Berlin") and len(zoneinfo.available_timezones()) > 400
assert pwd.getpwuid(os.getuid()).pw_name == "nonroot"
assert ctypes.CDLL("libc.so.6").getpid() == os.getpid()
assert not os.path.exists("/bin/sh")
curses.setupterm("xterm-256color")
import importlib, os.path, pkgutil, sys, warnings
warnings.simplefilter("ignore")
missing = []
for name in sorted(sys.stdlib_module_names - {"antigravity", "this"}):
    try:
        importlib.import_module(name)
    except ImportError:
        missing.append(name)
print(*missing)
"""

ELSEWHERE = {
    "_ios_support",
    "_msi",
    "_overlapped",
    "_scproxy",
    "_winapi",
    "_wmi",
    "msilib",
    "msvcrt",
    "nt",
    "winreg",
    "winsound",
}
"""Modules of macOS, iOS and Windows."""
APART = {"_tkinter", "tkinter", "turtle", "turtledemo", "idlelib", "ensurepip", "_gdbm"}
"""Modules that Debian has in packages of their own, and that a service has no use for."""


class Machine:
    """The mirrors of this machine, and a cache."""

    def __init__(self, sources: Sources, root: Path) -> None:
        self.sources = sources
        self.fetcher = Fetcher()
        self.blobs = Folder(root)

    def named(self) -> Sources:
        return self.sources

    def build(self, suite: str, platform: str, to: Path) -> tuple[int, int]:
        """Write the layer to *to*, and return its bytes unpacked and to pull."""
        spec = BaseSpec(suite=suite, platform=parse(platform))
        try:
            pin = resolve_base(
                spec,
                sources=self.named,
                fetcher=self.fetcher,
                blobs=self.blobs,
                now=datetime.now(UTC),
                log=lambda _: None,
            )
        except NetworkError as error:
            pytest.skip(f"the mirror cannot be reached: {error.message}: {error.causes[0]}")
        with (
            assemble(spec, pin, sources=self.named, fetcher=self.fetcher, blobs=self.blobs) as base,
            to.open("wb") as out,
        ):
            layer = write_layer(base.tree, out, mtime=315532800)
            assert base.unpacked.warnings == ()
        return layer.unpacked, layer.descriptor.size


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    try:
        sources = from_machine(Path("/"))
    except UsageError as error:
        pytest.skip(f"{error.message}: {error.causes[0]}")
    found = Machine(sources, tmp_path_factory.mktemp("cache"))
    yield found
    found.fetcher.close()


@pytest.mark.parametrize("suite", ["trixie", "bookworm"])
def test_a_base_runs_with_its_whole_standard_library(suite: str, machine: Machine, tmp_path: Path) -> None:
    unpacked, pull = machine.build(suite, "amd64", tmp_path / "layer")
    assert unpacked < UNPACKED
    assert pull < PULL
    if sys.platform != "linux" or os.uname().machine != "x86_64" or os.geteuid() != 0:
        pytest.skip("assembled and measured; running it in a chroot needs root on Linux for x86-64")
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["tar", "-xzf", tmp_path / "layer", "-C", root], check=True)

    def enter() -> None:
        os.chroot(root)
        os.chdir("/")
        os.setgroups([])
        os.setgid(65532)
        os.setuid(65532)

    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-B", "-c", CHECK],
        preexec_fn=enter,  # the threads of downloads have ended
        env={"LANG": "C.UTF-8", "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) - ELSEWHERE <= APART


def test_a_base_for_another_processor_is_of_that_processor(machine: Machine, tmp_path: Path) -> None:
    machine.build("trixie", "arm64", tmp_path / "layer")

    machines = set()
    with tarfile.open(tmp_path / "layer") as archive:
        for info in archive:
            file = archive.extractfile(info) if info.isreg() else None
            head = file.read(20) if file else b""
            if head[:4] == b"\x7fELF":
                machines.add(int.from_bytes(head[18:20], "little"))
    assert machines == {183}  # EM_AARCH64


@pytest.mark.parametrize("suite", ["trixie", "bookworm"])
def test_the_table_of_libraries_agrees_with_the_suite(suite: str, machine: Machine) -> None:
    known = tables()
    supply = Supply(sources=machine.named, fetcher=machine.fetcher, blobs=machine.blobs)
    try:
        found = known.find_suite(suite)
        snapshot = take_snapshot(found, "amd64", supply, now=datetime.now(UTC), log=lambda _: None)
        contents = snapshot.indexes[0].contents
        assert contents is not None
        path = fetch_index(snapshot, snapshot.indexes[0], contents, supply)
    except (NetworkError, IntegrityError) as error:
        pytest.skip(f"the mirror has no usable `Contents`: {error.message}: {error.causes[0]}")
    names = {**known.soname["any"], **known.soname[suite]}
    listed = search(path, names, triplet="x86_64-linux-gnu")

    other = {"ld-linux-aarch64.so.1", "ld-linux-armhf.so.3", "ld-linux-x86-64.so.2"}
    wrong = {
        name: (package, sorted(listed.get(name, ())))
        for name, package in names.items()
        if name not in other and package not in {item.rpartition("/")[2] for item in listed.get(name, ())}
    }
    assert wrong == {}
