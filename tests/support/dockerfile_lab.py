"""The lab as the tests of generated Dockerfiles use it: replicas of official bases, and an engine that builds.

`make test-dockerfiles` starts it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tare.cli.main import run
from tare.dockerfile.generate.tables import tools
from tare.engines.building import Builder, BuildOptions
from tare.engines.interface import RunOptions
from tare.flow.dockerfiles.builders import builders, choose_builder

LAB = Path(__file__).parents[2] / "lab"
SLIM = "3.13-slim-trixie"


class Lab(NamedTuple):
    """What builds, and from what."""

    replica: Callable[[str], str]
    """Names a base by its tag."""

    builder: Builder
    bundle: Path
    """The machine's certificates."""

    uv: str
    """The replica of uv's own image."""

    def push(self, name: str) -> None:
        """Push an image that was built to the registry that it is named after."""
        engine = [_client(), "--host", os.environ["DOCKER_HOST"]]
        subprocess.run([*engine, "push", "--quiet", name], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def replica() -> Callable[[str], str]:
    """Names a base of the lab's registry; where it is not there, and takes long to make, the test is skipped."""
    host, registry = os.environ.get("DOCKER_HOST"), os.environ.get("TARE_LAB_REGISTRY")
    if not host or not registry:
        pytest.skip("there is no lab: `make test-dockerfiles` starts one")
    sys.path.insert(0, str(LAB))
    replicas: Any = import_module("replicas")  # a script of this checkout, not of a package
    work = Path(__file__).parents[2] / ".lab"
    work.mkdir(exist_ok=True)

    def named(tag: str) -> str:
        if not replicas.has(registry, tag):
            if tag != SLIM:
                pytest.skip(f"there is no replica of `python:{tag}`: `make lab` makes it")
            replicas.push(replicas.REPLICAS[0], [_client(), "--host", host], registry, work)
        return f"{registry}/{replicas.REPOSITORY}:{tag}"

    return named


def _client() -> str:
    return "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"


@pytest.fixture(scope="session")
def lab(replica: Callable[[str], str]) -> Lab:
    """An engine, bases, and the machine's certificates: its network may have a proxy with its own."""
    bundle = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
    if not bundle.is_file():
        pytest.skip("this machine has no bundle of certificates")
    replica(SLIM)  # skips where there is no lab
    replicas: Any = import_module("replicas")
    engine = [_client(), "--host", os.environ["DOCKER_HOST"]]
    of_uv = next(tool.image for tool in tools() if tool.name == "uv")
    program = str(Path(sys.executable).with_name("uv"))
    uv = replicas.push_uv(engine, os.environ["TARE_LAB_REGISTRY"], of_uv, program)
    return Lab(replica, choose_builder(list(builders(dict(os.environ))), "docker"), bundle, uv)


@contextmanager
def image(
    lab: Lab,
    directory: Path,
    *options: str,
    base: str | None = None,
    secrets: Mapping[str, Path] | None = None,
    build_args: Mapping[str, str] | None = None,
) -> Iterator[Callable[..., str]]:
    """Write a project's Dockerfile, check it, lint it and build it; yield what runs it and returns what it printed."""
    dockerfile, name = str(directory / "Dockerfile"), f"localhost/tare-{directory.parent.name}-{directory.name}".lower()
    given = ["--base", base or lab.replica(SLIM), "--tool-from", lab.uv, "--certificates"]
    assert run(["dockerfile", str(directory), *given, *options]) == 0
    assert run(["dockerfile", str(directory), "--check"]) == 0
    assert run(["lint", dockerfile]) == 0
    files = {"certificates": lab.bundle, **(secrets or {})}
    lab.builder.build(
        directory, BuildOptions(tag=name, host_network=True, secrets=files, build_args=build_args or {}, timeout=900)
    )

    def printed(*entrypoint: str, user: str | None = None) -> str:
        how = RunOptions(network=False, entrypoint=entrypoint or None, user=user)
        ran = lab.builder.run(name, how)
        assert ran.code == 0, ran.stderr
        return ran.stdout

    try:
        yield printed
    finally:
        lab.builder.remove(name)
