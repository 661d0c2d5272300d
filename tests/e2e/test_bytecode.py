"""Bytecode in a real image: the interpreter reads it, it is the same each time, and other commands find nothing wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from containers import Ended
from lab import needs_root
from real import EXAMPLES, Tare

pytestmark = pytest.mark.e2e


class Compiled(NamedTuple):
    """An image with bytecode."""

    name: str
    document: Any


@pytest.fixture(scope="module")
def compiled(tare_command: Tare, open_place: Path) -> Iterator[Compiled]:
    needs_root("a namespace that programs are run in")
    layout = open_place / "compiled"
    name = f"oci:{layout}:auto"
    document = tare_command.build(str(EXAMPLES / "science"), "--base", "deb:trixie", "--bytecode", "auto", "-o", name)
    yield Compiled(name, document)
    shutil.rmtree(layout)


READ_ONLY = ("run", "--quiet", "--engine", "chroot", "--read-only", "--tmpfs", "/tmp")  # noqa: S108  # the container's


def python(tare: Tare, image: str, *words: str, options: tuple[str, ...] = ()) -> Ended:
    return tare(*READ_ONLY, *options, "--entrypoint", "python", image, *words)


def test_what_the_start_imports_is_compiled_within_its_promise(compiled: Compiled) -> None:
    bytecode = compiled.document["bytecode"]

    assert (bytecode["unequal"], bytecode["broken"], bytecode["there"]) == ([], [], 0)
    assert bytecode["unpacked"] < 25_000_000
    assert bytecode["start"]["after"] < bytecode["start"]["before"]
    assert [layer["kind"] for layer in compiled.document["layers"]][-2:] == ["bytecode", "project"]


def test_the_interpreter_compiles_nothing(compiled: Compiled, tare_command: Tare) -> None:
    ran = python(tare_command, compiled.name, "-v", "-c", "import pandas, matplotlib.figure")

    assert ran.code == 0, ran.err
    matches = [line for line in ran.err.splitlines() if line.startswith("# ") and " matches " in line]
    compiled_now = [line for line in ran.err.splitlines() if line.startswith("# code object from /")]
    assert len(matches) > 400
    assert [line for line in compiled_now if line.endswith(".py")] == []


def test_the_program_still_draws_its_picture(compiled: Compiled, tare_command: Tare) -> None:
    ran = tare_command("run", "--quiet", "--engine", "chroot", compiled.name)

    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Drawn to /tmp/parcels.png"), ran.err


def test_a_source_that_is_changed_above_is_not_seen(compiled: Compiled, tare_command: Tare, tmp_path: Path) -> None:
    """This is what `unchecked` means: `docs/bytecode.md` says so."""
    changed = tmp_path / "changed.py"
    changed.write_text("raise SystemExit(7)\n", encoding="utf-8")
    changed.chmod(0o644)
    site = "/opt/venv/lib/python3.13/site-packages"

    over = ("-v", f"{changed}:{site}/cycler/__init__.py:ro")
    assert python(tare_command, compiled.name, "-c", "import cycler", options=over).code == 0
    over = ("-v", f"{changed}:{site}/matplotlib/backends/backend_tkcairo.py:ro")
    assert (
        python(tare_command, compiled.name, "-c", "import matplotlib.backends.backend_tkcairo", options=over).code == 7
    )


def test_the_same_bytecode_is_made_again(compiled: Compiled, tare_command: Tare, open_place: Path) -> None:
    memo = open_place / "cache" / "memo"
    shutil.rmtree(memo / "bytecode")
    shutil.rmtree(memo / "layers")
    layout = open_place / "again"

    again = tare_command.build(
        str(EXAMPLES / "science"), "--base", "deb:trixie", "--bytecode", "auto", "-o", f"oci:{layout}",
        env={"PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "FAR+11"},
    )  # fmt: skip
    assert again["image"]["digest"] == compiled.document["image"]["digest"]
    assert again["reused"] < compiled.document["reused"] + 5


def test_nothing_is_wrong_with_the_image(compiled: Compiled, tare_command: Tare) -> None:
    verified = tare_command("verify", compiled.name)
    assert verified.code == 0, verified.out

    weighed = json.loads(tare_command("weigh", compiled.name, "--json").out)
    codes = {finding["code"] for finding in weighed["findings"]}
    assert codes & {"TW601", "TW602", "TW603"} == set()
    assert weighed["sizes"]["unpacked"] == compiled.document["sizes"]["unpacked"]
    kinds = {kind["kind"]: kind["bytes"] for kind in weighed["kinds"]}
    assert kinds["bytecode"] == compiled.document["bytecode"]["unpacked"]
