"""Programs for other processors, and what is started for the name of a program."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from make.errors import told

from tare.engines import program
from tare.engines.emulation import Emulator
from tare.errors import MachineError, TareError
from tare.oci.platform import parse

AMD = parse("linux/amd64")


def emulator(tmp_path: Path, *found: str) -> Emulator:
    def which(name: str) -> str | None:
        return str(tmp_path / name) if name in found else None

    return Emulator(machine=AMD, which=which, binfmt=tmp_path / "binfmt")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "binfmt").mkdir()
    (tmp_path / "qemu-aarch64-static").write_bytes(b"\x7fELF static")
    (tmp_path / "qemu-arm").write_bytes(b"\x7fELF /lib64/ld-linux-x86-64.so.2 ")
    return tmp_path


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/386", "linux/amd64/v3"])
def test_a_processor_needs_no_help_with_its_own(machine: Path, platform: str) -> None:
    assert emulator(machine).find(parse(platform)) is None


def test_a_static_emulator_is_taken(machine: Path) -> None:
    found = emulator(machine, "qemu-aarch64-static", "qemu-aarch64").find(parse("linux/arm64"))

    assert found == str(machine / "qemu-aarch64-static")


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("enabled\ninterpreter /usr/bin/qemu\nflags: OCF\n", None),
        ("enabled\ninterpreter /usr/bin/qemu\nflags: OC\n", "qemu-aarch64-static"),
        ("disabled\ninterpreter /usr/bin/qemu\nflags: F\n", "qemu-aarch64-static"),
    ],
)
def test_the_kernel_may_do_it_alone(machine: Path, text: str, needed: str | None) -> None:
    (machine / "binfmt/qemu-aarch64").write_text(text)
    found = emulator(machine, "qemu-aarch64-static").find(parse("linux/arm64"))

    assert found == (str(machine / needed) if needed else None)


@pytest.mark.parametrize(("platform", "name"), [("linux/arm", "arm"), ("linux/s390x", "s390x"), ("linux/vax", "vax")])
def test_without_an_emulator_it_is_said(machine: Path, platform: str, name: str) -> None:
    with pytest.raises(TareError) as caught:
        emulator(machine, "qemu-arm").find(parse(platform))
    assert told(caught.value) == (
        MachineError,
        f"this machine cannot run programs for {parse(platform)}",
        (f"it is linux/amd64, and there is no emulator `qemu-{name}-static` on PATH",),
        ("Install Debian's `qemu-user-static`, or what your system calls it",),
    )


# What stands for the kernel

pytestmark = pytest.mark.skipif(os.name == "nt", reason="images are run on POSIX systems only")


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, bytes], str]:
    def make(name: str, data: bytes) -> str:
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o755)
        return str(tmp_path / name)

    return make


def test_a_program_is_looked_for_on_the_path(tmp_path: Path, script: Callable[[str, bytes], str]) -> None:
    tool = script("tool", b"\x7fELF")
    (tmp_path / "data").write_bytes(b"")
    (tmp_path / "directory").mkdir()
    path = f"/nowhere:{tmp_path}"

    assert program.find("tool", path) == tool
    assert program.find("./tool", path) == "./tool"
    with pytest.raises(PermissionError):
        program.find("data", path)
    for name in ("directory", "absent"):
        with pytest.raises(FileNotFoundError):
            program.find(name, path)


def test_an_emulated_script_is_given_to_its_interpreter(tmp_path: Path, script: Callable[[str, bytes], str]) -> None:
    python = script("python", b"\x7fELF")
    plain = script("plain", f"#!{python} -I\nprint()".encode())
    through = script("through", b"#!/usr/bin/env python\n")
    split = script("split", b"#! /usr/bin/env -S python -I -S\n")
    nested = script("nested", f"#!{plain}\n".encode())
    path = str(tmp_path)

    found = {name: program.emulated([name, "x"], path) for name in ("python", "plain", "through", "split", "nested")}
    assert found == {
        "python": ["qemu", "-0", "python", python, "x"],
        "plain": ["qemu", "-0", python, python, "-I", plain, "x"],
        "through": ["qemu", "-0", "python", python, through, "x"],
        "split": ["qemu", "-0", "python", python, "-I", "-S", split, "x"],
        "nested": ["qemu", "-0", python, python, "-I", plain, nested, "x"],
    }


def test_interpreters_in_a_circle_are_refused(tmp_path: Path, script: Callable[[str, bytes], str]) -> None:
    script("a", f"#!{tmp_path}/b\n".encode())
    script("b", f"#!{tmp_path}/a\n".encode())
    script("empty", b"#!\n")

    for name in ("a", "empty"):
        with pytest.raises(OSError, match="Exec format error"):
            program.emulated([name], str(tmp_path))
