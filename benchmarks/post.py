"""The tables of the post that this project was created from, measured again, with tare's own rows beside them.

    eval "$(make -s lab)" && python benchmarks/post.py

needs what `make lab` exports: a Docker daemon and a registry with replicas of the official base images. Writes POST.md.

    python benchmarks/post.py --sequel

builds nothing: it writes the sequel's section alone, from the CPU.json that `cpu.py` made.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import machine
import peers
import sequel
from peers import HERE, POETRY, ROOT, NotMeasuredError, run

HELLO = ROOT / "examples" / "hello"
REPLICAS = {"latest": "3.13-trixie", "slim": "3.13-slim-trixie", "alpine": "3.13-alpine3.23"}


class Row(NamedTuple):
    """One image; bytes and seconds, None for what was not measured."""

    what: str
    then: str
    """What the post has, as it has it."""
    unpacked: int | None = None
    pull: int | None = None
    seconds: float | None = None
    note: str = ""


class Lab(NamedTuple):
    """Where `make lab` has what."""

    docker: list[str]
    registry: str
    scratch: Path

    def base(self, name: str) -> str:
        """Return the replica that stands for the tag *name* of the post."""
        return f"{self.registry}/library/python:{REPLICAS[name]}"

    def build(self, dockerfile: str, context: Path, base: str) -> tuple[str, float]:
        """Build without any cache; return the image's tag, and seconds."""
        tag = f"localhost/post:{dockerfile.rpartition('.')[2].lower()}-{sha256(f'{context}{base}'.encode()).hexdigest()[:12]}"
        secrets = {"machine": self.scratch / "machine.sh", "certificates": peers.certificates()}
        command = [*self.docker, "build", "--no-cache", "--network", "host", "--progress", "plain", "--tag", tag]
        command += [word for name, path in secrets.items() for word in ("--secret", f"id={name},src={path}")]
        command += ["--build-arg", f"BASE={base}", "--build-arg", f"POETRY={POETRY}"]
        started = time.monotonic()
        run([*command, "--file", str(HERE / dockerfile), str(context)], {"DOCKER_BUILDKIT": "1"})
        return tag, time.monotonic() - started

    def row(self, what: str, then: str, dockerfile: str, context: Path, base: str, *, timed: bool = False) -> Row:
        """Build an image and weigh it."""
        tag, seconds = self.build(dockerfile, context, base)
        remote = f"{self.registry}/{tag.removeprefix('localhost/')}"  # Only there is it compressed.
        run([*self.docker, "tag", tag, remote])
        run([*self.docker, "push", "--quiet", remote])
        sizes = weighed(f"docker://{remote}", self.registry)
        return Row(what, then, sizes["unpacked"], sizes["pull"], seconds if timed else None)

    def ours(self, what: str, project: Path, base: str, *, timed: bool = False) -> Row:
        """Build with tare: its own cache and uv's are empty at first, downloads are part of it."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as place:
            command = [
                *machine.tare(),
                "build",
                str(project),
                "--base",
                base,
                "--json",
                "--cache-dir",
                f"{place}/cache",
            ]
            command += ["--insecure-registry", self.registry, "-o", f"oci:{place}/image"]
            started = time.monotonic()
            document = json.loads(quiet(command, {"UV_CACHE_DIR": f"{place}/uv"}))
            seconds = time.monotonic() - started
        sizes = document["sizes"]
        return Row(what, "", sizes["unpacked"], sizes["pull"], seconds if timed else None)


def weighed(image: str, registry: str) -> dict[str, int]:
    command = [*machine.tare(), "weigh", image, "--insecure-registry", registry, "--json"]
    sizes: dict[str, int] = json.loads(quiet(command))["sizes"]
    return sizes


def quiet(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Run a command and return its standard output alone."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **(environment or {})}
    )
    if done.returncode:
        raise NotMeasuredError(done.stderr.strip()[-400:])
    return done.stdout


def hello(lab: Lab) -> Iterator[Row]:
    then = {"latest": "1.46 GB", "slim": "212 MB", "alpine": "78.4 MB"}
    for name, size in then.items():
        yield lab.row(f"python:{REPLICAS[name]} (replica), Dockerfile", size, "Dockerfile.hello", HELLO, lab.base(name))
    yield lab.ours("tare on deb:trixie", HELLO, "deb:trixie")
    yield lab.ours("tare on the alpine replica", HELLO, f"docker://{lab.base('alpine')}")


def stages(lab: Lab) -> Iterator[Row]:
    project = bare_poetry_project(lab.scratch)
    base = lab.base("slim")
    yield lab.row("poetry in one stage, slim replica", "700 MB", "Dockerfile.poetry-one", project, base)
    yield lab.row("poetry in three stages, slim replica", "324 MB", "Dockerfile.poetry", project, base)
    yield lab.ours("tare on the slim replica", project, f"docker://{base}")
    yield lab.ours("tare on deb:trixie", project, "deb:trixie")


def science(lab: Lab) -> Iterator[Row]:
    project = peers.poetry_project(lab.scratch)
    base = lab.base("slim")
    yield lab.row("three stages, slim replica", "755 MB, 45.6 s", "Dockerfile.poetry", project, base, timed=True)
    yield Row(
        "three stages, alpine replica", "1.13 GB, 90.4 s",
        note="cannot be repeated here: its first stage installs compilers from a mirror that is not reached",
    )  # fmt: skip
    yield lab.ours("tare on the slim replica", project, f"docker://{base}", timed=True)
    yield lab.ours("tare on the alpine replica", project, f"docker://{lab.base('alpine')}", timed=True)
    yield lab.ours("tare on deb:trixie", project, "deb:trixie", timed=True)


def bare_poetry_project(scratch: Path) -> Path:
    """Return a poetry project of one file without dependencies, locked by poetry itself."""
    whole = peers.poetry_project(scratch)
    directory = scratch / "bare"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    text = peers.POETRY_PROJECT.format(dependencies="", index=peers.index()).replace('"science"', '"hello"')
    (directory / "pyproject.toml").write_text(text, encoding="utf-8")
    shutil.copy(HELLO / "hello.py", directory / "parcels.py")
    shutil.copy(whole / "entrypoint", directory)
    run([str(scratch / "poetry-tool" / "bin" / "poetry"), "lock", "--no-interaction", "--directory", str(directory)])
    return directory


TABLES = {
    "One file, on three bases": (hello, "A program that prints a line."),
    "One stage, and three": (
        stages,
        "A poetry project of the same program. The post's second Dockerfile has a stage that builds, one that runs and one that serves.",
    ),
    "pandas and matplotlib": (
        science,
        "Built from nothing, downloads included; seconds are of one build each, on a machine with two cores.",
    ),
}

HEAD = """\
# The post's tables, again

In October 2024 a post asked why a container that prints one line has 1.46 GB, and compared bases and Dockerfiles. These are its
tables, measured again on {day} with `benchmarks/post.py`, and what tare makes of the same projects beside them. Official images
could not be reached from the machine that measured: *replicas* of them were made from the distributions' own packages (`make lab`), and
are not the images of 2024.

The post's figures are what `docker images` showed it, which is *compressed and unpacked* layers together (Docker Desktop keeps both): that
is the column *docker images* here. *unpacked* is what the files take on disk, *to pull* what a registry sends.
"""

CHANGED = "## What changed since, and why"
TAIL = f"""\
{CHANGED}

* The three figures of the first table are found again within a few percent, though the images are two years newer and replicas: they
  are a property of what is in a base (a distribution and its compilers; a minimal distribution; busybox and musl), not of the
  program.
* Poetry is larger than it was, and so are pandas, numpy and matplotlib; the post's project files are not published, so its second
  and third table are repeated with projects of the same kind, not with the same ones.
* On alpine, pandas and matplotlib have musllinux wheels: nothing has to be compiled, as the row of tare shows. The post's image of
  1.13 GB had compilers in it.
* Times are of other machines, and of one build each: compare the rows of one table with each other, and not with the post's.
* What the sequel left out can be measured by one command each: `benchmarks/rows.py` and `benchmarks/cpu.py`.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the tables of the post again.")
    parser.add_argument("--sequel", action="store_true", help="write the section of the sequel alone; build nothing")
    if parser.parse_args().sequel:
        page = (HERE / "POST.md").read_text("utf-8")
        first, _, _ = page.partition(CHANGED)
        first, _, _ = first.partition(sequel.TITLE)
        write([first.rstrip("\n"), ""])
        return 0
    try:
        host, registry = os.environ["DOCKER_HOST"], os.environ["TARE_LAB_REGISTRY"]
    except KeyError as error:
        print(f'{error.args[0]} is not set; run: eval "$(make -s lab)"', file=sys.stderr)
        return 2
    scratch = ROOT / ".lab" / "post"
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "machine.sh").write_text(peers.machine_settings(), encoding="utf-8")
    lab = Lab([peers.docker_client(), "--host", host], registry, scratch)
    parts = [HEAD.format(day=f"{datetime.now(UTC):%Y-%m-%d}"), "\n".join(machine.description()) + "\n"]
    for title, (measure, about) in TABLES.items():
        print(title, file=sys.stderr)
        parts.append(f"## {title}\n\n{about}\n\n{table(list(measure(lab)))}\n")
    write(parts)
    return 0


def write(parts: list[str]) -> None:
    """Write the page: *parts*, and what is made of other results."""
    (HERE / "POST.md").write_text("\n".join([*parts, sequel.section(HERE), TAIL]), encoding="utf-8")


def table(rows: list[Row]) -> str:
    timed = any(row.seconds for row in rows)
    heads = ["image", "the post, 2024", "docker images", "unpacked", "to pull", *(["build"] if timed else [])]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for row in rows:
        sizes = [megabytes((row.unpacked or 0) + (row.pull or 0)), megabytes(row.unpacked), megabytes(row.pull)]
        cells = [row.what, row.then or "–", *(sizes if row.unpacked else ["–", "–", "–"])]
        cells += [f"{row.seconds:.1f} s" if row.seconds else "–"] if timed else []
        lines.append("| " + " | ".join(cells) + " |")
    notes = [f"\n{row.what}: {row.note}." for row in rows if row.note]
    return "\n".join([*lines, *notes])


def megabytes(size: int | None) -> str:
    if not size:
        return "–"
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
