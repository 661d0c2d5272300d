"""Every generated Dockerfile, built by a real engine and run: five tools, three examples.

`make test-dockerfiles` starts what it needs. The bases are replicas of official images: `lab/replicas.py`.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tool_locks import TOOLS, project

from tare.cli.main import run
from tare.engines.building import Builder, BuildOptions
from tare.engines.interface import RunOptions
from tare.flow.builders import builders, built_sizes, choose_builder

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LAB = Path(__file__).parents[2] / "lab"
TAG = "3.13-slim-trixie"

SERVE = """
import os, subprocess, sys, time, urllib.request
service = subprocess.Popen([sys.executable, "service.py"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
for _ in range(150):
    try:
        print(urllib.request.urlopen("http://127.0.0.1:8000/healthz").status, os.getuid())
        break
    except OSError:
        time.sleep(0.2)
service.terminate()
"""
"""Runs in the container: the service, and a request to it. A container without a network has its own loopback."""

LEFT = """
import os
places = "/opt/tool", "/opt/venv/bin/pip", "/var/cache/pip", "/var/cache/uv", "/var/cache/poetry", "/usr/bin/gcc"
print([place for place in places if os.path.exists(place)])
"""
"""Runs in the container: what is there that only a build needs."""


class Lab(NamedTuple):
    """What builds, and from what."""

    base: str
    builder: Builder
    bundle: Path


PROVED = {
    "hello": (RunOptions(network=False), "Hello from Python!\n"),
    "api": (RunOptions(network=False, entrypoint=("python", "-c", SERVE)), "200 65532\n"),
    "science": (RunOptions(network=False), "Drawn to /tmp/parcels.png\n"),
}
"""How an example is run, and the end of what it says."""


@pytest.fixture(scope="session")
def base() -> str:
    """A base in the lab's registry."""
    host, registry = os.environ.get("DOCKER_HOST"), os.environ.get("TARE_LAB_REGISTRY")
    if not host or not registry:
        pytest.skip("there is no lab: `make test-dockerfiles` starts one")
    sys.path.insert(0, str(LAB))
    replicas: Any = import_module("replicas")  # a script of this checkout, not of a package
    work = Path(__file__).parents[2] / ".lab"
    work.mkdir(exist_ok=True)
    if not replicas.has(registry, TAG):
        replicas.push(replicas.REPLICAS[0], [_client(), "--host", host], registry, work)
    return f"{registry}/{replicas.REPOSITORY}:{TAG}"


def _client() -> str:
    return "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"


@pytest.fixture(scope="session")
def lab(base: str) -> Lab:
    """An engine, a base, and the machine's certificates: its network may have a proxy with its own."""
    bundle = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
    if not bundle.is_file():
        pytest.skip("this machine has no bundle of certificates")
    return Lab(base, choose_builder(list(builders(dict(os.environ))), "docker"), bundle)


@pytest.mark.parametrize("example", PROVED)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_generated_dockerfile_builds_and_runs(
    tool: str, example: str, *, lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = project(tool, example, tmp_path)
    tag = f"localhost/tare-{tool}-{example}"

    assert run(["dockerfile", str(directory), "--base", lab.base, "--certificates"]) == 0, capsys.readouterr()
    assert f"{lab.base}@sha256:" in (directory / "Dockerfile").read_text()
    assert run(["dockerfile", str(directory), "--certificates", "--check"]) == 0, capsys.readouterr()
    assert run(["lint", str(directory / "Dockerfile")]) == 0, capsys.readouterr()
    options = BuildOptions(tag=tag, host_network=True, secrets={"certificates": lab.bundle}, timeout=900)
    built = lab.builder.build(directory, options)
    try:
        how, end = PROVED[example]
        ran = lab.builder.run(tag, how)
        assert (ran.code, ran.stdout[-len(end) :]) == (0, end)
        assert lab.builder.run(tag, RunOptions(network=False, entrypoint=("python", "-c", LEFT))).stdout == "[]\n"
        sizes = built_sizes(lab.builder, tag)
    finally:
        lab.builder.remove(tag)
    with capsys.disabled():
        megabytes = f"{sizes.unpacked / 1e6:.1f} MB unpacked, {sizes.pull / 1e6:.1f} MB to pull"
        sys.stdout.write(f"\n{tool} {example}: {megabytes}, built in {built.seconds:.1f} s\n")
