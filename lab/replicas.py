"""Base images for the lab's registry: replicas of official images, for machines that Docker Hub cannot be reached from.

They are what the official images are made of, and not their bytes: no figure of one is a figure of the other. Every one
of them has the label `replica`, and results that were measured on it say so.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final, NamedTuple

HERE = Path(__file__).resolve().parent
REPOSITORY: Final = "library/python"
"""As Docker Hub has it, so that the registry can stand in for it: `tare … --mirror HOST:PORT`."""


class Replica(NamedTuple):
    """An image that is made here, and what it is a replica of."""

    script: tuple[str, ...]
    tags: tuple[str, ...]
    text: str


REPLICAS: Final = (
    Replica(
        ("debian.sh", "slim"),
        ("3.13-slim-trixie", "3.13-slim"),
        "of python:3.13-slim-trixie; Debian's own CPython, with PGO and LTO",
    ),
    Replica(
        ("alpine.sh", "{work}/alpine"),
        ("3.13-alpine3.23", "3.13-alpine"),
        "of python:3.13-alpine3.23; Alpine's user land, CPython of Debian's source for musl, without PGO",
    ),
    Replica(
        ("debian.sh", "full"),
        ("3.13-trixie", "3.13"),
        "of python:3.13-trixie; Debian's own CPython, with PGO and LTO, and the packages of buildpack-deps",
    ),
)

CHANGES: Final = (
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV LANG=C.UTF-8",
    'CMD ["python3"]',
)


def push_replicas(*, docker: str, host: str, registry: str, work: Path) -> None:
    """Make the replicas that *registry* lacks, with the daemon at *host*, and push them."""
    for replica in REPLICAS:
        if any(not has(registry, tag) for tag in replica.tags):
            push(replica, [docker, "--host", host], registry, work)


def push(replica: Replica, engine: list[str], registry: str, work: Path) -> None:
    archive = work / f"{replica.tags[0]}.tar"
    name, *arguments = replica.script
    script = ["sh", str(HERE / name), *(argument.format(work=work) for argument in arguments), str(archive)]
    if not archive.exists():  # One that is there is whole, and was not pushed.
        print(f"lab: making the replica {replica.text}", file=sys.stderr)
        subprocess.run(script, check=True, stdout=sys.stderr)
    first, *others = (f"{registry}/{REPOSITORY}:{tag}" for tag in replica.tags)
    labels = f"LABEL replica={json.dumps(replica.text)}"
    changes = [word for change in (*CHANGES, labels) for word in ("--change", change)]
    quietly([*engine, "import", *changes, str(archive), first])
    archive.unlink()
    for other in others:
        quietly([*engine, "tag", first, other])
    for each in (first, *others):
        quietly([*engine, "push", each])


def push_uv(engine: list[str], registry: str, image: str, uv: str) -> str:
    """Push a replica of uv's own *image*, with the static program of its wheel, and return what it is called.

    *uv* is the program that fetches the wheel, from the index that it is told of.
    """
    repository, _, version = image.partition("/")[2].partition(":")
    name = f"{registry}/{repository}:{version}"
    if not has(registry, version, repository):
        with tempfile.TemporaryDirectory(prefix="tare-lab-uv-") as directory:
            wanted = ["--no-deps", "--python-platform", f"{platform.machine()}-unknown-linux-musl", f"uv=={version}"]
            python = ["--python", sys.executable, "--target", f"{directory}/packages"]
            quietly([uv, "pip", "install", "--quiet", *python, *wanted])
            with tarfile.open(f"{directory}/uv.tar", "w") as archive:
                archive.add(f"{directory}/packages/bin/uv", "uv")
            quietly([*engine, "import", "--change", 'LABEL replica="of uv\'s image"', f"{directory}/uv.tar", name])
        quietly([*engine, "push", name])
    return name


def quietly(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def has(registry: str, tag: str, repository: str = REPOSITORY) -> bool:
    request = urllib.request.Request(f"http://{registry}/v2/{repository}/manifests/{tag}", method="HEAD")
    request.add_header("Accept", "application/vnd.docker.distribution.manifest.v2+json")
    try:
        # No proxy: it is on loopback.
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).close()
    except urllib.error.HTTPError:
        return False
    return True
