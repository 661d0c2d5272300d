"""How much memory a build has at most, also with a wheel that is larger than that."""

from __future__ import annotations

import base64
import hashlib
import shutil
import string
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from fixture import Tare
from peers import SCIENCE, NotMeasuredError
from results import Section, megabytes

LIMIT = 200_000_000

ABOUT = """\
The largest resident set of `tare build` and of what it runs, as the system counts it for a process and those it waited for.
The large wheel is made here: one file of 600 MB that compresses to three quarters, and 4,000 small ones of 40 kB; it is found
by `--find-links`, locked with its hash, and goes through the whole of the pipeline `--offline`."""

LARGE = 600_000_000
SMALL = 40_000
COUNT = 4_000
PIECE = 1_000_000
ALPHABET = string.ascii_letters.encode() + b"0123456789-_"


def measure(tare: Tare, scratch: Path) -> Section:
    section = Section(title="Memory", about=ABOUT)
    for name, how in {"cold": True, "warm": False}.items():
        if how:
            tare.forget_project()
        _add(section, f"`examples/science`, {name}", tare, str(SCIENCE), scratch / "science-layout")
    project = scratch / "large"
    try:
        size = make_project(project)
    except OSError as error:
        section.missing("a large wheel", str(error), f"≤ {megabytes(LIMIT)}")
        return section
    options = ("--offline", "--find-links", str(project / "wheels"), "--base", "deb:trixie")
    for name in ("cold", "warm"):
        _add(section, f"a wheel of {megabytes(size)}, {name}", tare, str(project), scratch / "large-layout", *options)
    for directory in (project, scratch / "large-layout"):
        shutil.rmtree(directory, ignore_errors=True)
    return section


def _add(section: Section, what: str, tare: Tare, project: str, layout: Path, *options: str) -> None:
    try:
        peak = tare.peak("build", project, "-o", f"oci:{layout}", *options)
    except NotMeasuredError as error:
        section.missing(what, str(error), f"≤ {megabytes(LIMIT)}")
        return
    section.raw[what] = [peak]
    section.add(what, f"**{megabytes(peak)}**", f"≤ {megabytes(LIMIT)}", met=peak <= LIMIT)


def make_project(directory: Path) -> int:
    """Make a project that needs a large wheel, and the wheel; return its size."""
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "wheels").mkdir(parents=True)
    wheel = directory / "wheels" / "large-1.0-py3-none-any.whl"
    make_wheel(wheel)
    with wheel.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    (directory / "requirements.txt").write_text(f"large==1.0 --hash=sha256:{digest}\n", encoding="utf-8")
    (directory / "main.py").write_text("import large\n", encoding="utf-8")
    (directory / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    # The wheels are beside the project's sources, not among them.
    (directory / ".dockerignore").write_text("wheels\n", encoding="utf-8")
    return wheel.stat().st_size


PROJECT = """\
[project]
name = "needs-large"
version = "1"
requires-python = ">=3.11"
dependencies = ["large==1.0"]

[tool.tare]
entrypoint = "python main.py"
"""

METADATA = "Metadata-Version: 2.1\nName: large\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def make_wheel(path: Path) -> None:
    """Write the wheel piece by piece, so that this process stays small too."""
    rows = []
    texts = {"large-1.0.dist-info/METADATA": METADATA, "large-1.0.dist-info/WHEEL": WHEEL, "large/__init__.py": ""}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open(zipfile.ZipInfo("large/weights.bin"), "w", force_zip64=True) as file:
            rows.append(_row("large/weights.bin", _copy(pieces(LARGE), file)))
        for number in range(COUNT):
            name = f"large/part_{number % 60}/file_{number}.txt"
            data = b"".join(pieces(SMALL, seed=number + 1))
            archive.writestr(_info(name), data)
            rows.append(_row(name, (hashlib.sha256(data).digest(), len(data))))
        for name, text in texts.items():
            archive.writestr(_info(name), text)
            rows.append(_row(name, (hashlib.sha256(text.encode()).digest(), len(text))))
        archive.writestr(_info("large-1.0.dist-info/RECORD"), "\n".join([*rows, "large-1.0.dist-info/RECORD,,", ""]))


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def pieces(size: int, seed: int = 0) -> Iterator[bytes]:
    """Yield *size* bytes of 64 different values, which deflate can bring to three quarters and no further."""
    stream = hashlib.shake_128(seed.to_bytes(4, "big"))
    noise = stream.digest(min(size, PIECE))
    table = ALPHABET * 4
    left = size
    number = 0
    while left:
        # Turned by one place each time, so that no window of deflate sees the same bytes again.
        piece = (noise[number:] + noise[:number]).translate(table)[:left]
        yield piece
        left -= len(piece)
        number = (number + 1) % len(noise)


def _copy(source: Iterator[bytes], target: IO[bytes]) -> tuple[bytes, int]:
    hasher, size = hashlib.sha256(), 0
    for piece in source:
        hasher.update(piece)
        size += target.write(piece)
    return hasher.digest(), size


def _row(name: str, content: tuple[bytes, int]) -> str:
    digest, size = content
    return f"{name},sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()},{size}"
