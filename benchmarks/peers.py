"""Docker's builder and a registry, started for one run, with what the peers need: bases, secrets, a poetry project.

What a build needs of the machine to reach an index (names of indexes, proxies, certificates) is read from its environment
when it runs, and handed in as secrets: it is in no file of this tree and in no image.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SCIENCE = ROOT / "examples" / "science"
UV = str(Path(sys.executable).with_name("uv"))
"""The program that the environment of the benchmarks has."""

sys.path.insert(0, str(ROOT / "lab"))

replicas: Any = import_module("replicas")
lab: Any = import_module("lab")  # a script of this checkout, not of a package; tests have a module of that name, too

SLIM = "bench-slim"
BUILDER = "bench-builder"
POETRY = "2.2.1"
SUITE = "trixie"

INDEX_NAMES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_INDEX_URL")
PROXY_NAMES = tuple(f"{name}_proxy" for name in ("http", "https", "all", "no"))
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")


class NotMeasuredError(Exception):
    """Something that a figure needs is not on this machine; the message says what."""


@dataclass(kw_only=True)
class Peers:
    """The services, and how to speak to them."""

    home: Path
    """Where everything is kept between runs."""

    docker: list[str]
    """The client, with the daemon's address."""

    registry: str
    """Host and port."""

    services: dict[str, dict[str, str]]

    def build(self, dockerfile: str, context: str, tag: str, **arguments: str) -> str:
        """Build an image and return the builder's log."""
        secrets = {"machine": self.home / "machine.sh", "certificates": certificates()}
        command = [*self.docker, "build", "--network", "host", "--progress", "plain"]
        command += ["--file", str(HERE / dockerfile), "--tag", tag]
        for name, path in secrets.items():
            command += ["--secret", f"id={name},src={path}"]
        for name, value in arguments.items():
            command += ["--build-arg", f"{name.upper()}={value}"]
        return run([*command, context], {"DOCKER_BUILDKIT": "1"})

    def uv_image(self) -> str:
        """Return the name of a replica of uv's own image."""
        from tare.dockerfile.generate.tables import tools

        image = next(tool.image for tool in tools() if tool.name == "uv")
        return str(replicas.push_uv(self.docker, self.registry, image, UV))

    def forget_layers(self) -> None:
        """Remove what earlier builds left, but for bases and cache mounts; with `--no-cache` these would be empty."""
        listed = run([*self.docker, "image", "ls", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]).splitlines()
        keep = {f"{name}:latest" for name in (SLIM, f"{SLIM}-raw", BUILDER)}
        named = [tag if "<none>" not in tag else image for tag, image in map(str.split, listed) if tag not in keep]
        if named:
            run([*self.docker, "image", "rm", "--force", *named])
        run([*self.docker, "builder", "prune", "--force", "--filter", "type=regular"])

    def push(self, tag: str, name: str) -> None:
        """Push the image *tag* into the registry as *name*."""
        remote = f"{self.registry}/{name}"
        run([*self.docker, "tag", tag, remote])
        run([*self.docker, "push", "--quiet", remote])

    def sizes(self, tag: str, name: str) -> str:
        """Return the sizes of the image *tag*, which was pushed as *name*."""
        unpacked = int(run([*self.docker, "image", "inspect", "--format", "{{.Size}}", tag]))
        repository, _, reference = name.partition(":")
        request = urllib.request.Request(f"http://{self.registry}/v2/{repository}/manifests/{reference}")
        request.add_header("Accept", "application/vnd.docker.distribution.manifest.v2+json")
        # No proxy: it is on loopback.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            pull = sum(layer["size"] for layer in json.load(answer)["layers"])
        return f"{unpacked / 1e6:.1f} MB unpacked, {pull / 1e6:.1f} MB to pull"

    @property
    def registry_data(self) -> Path:
        return self.home / "registry"

    def remove_blob(self, repository: str, digest: str) -> None:
        """Remove a blob from the registry's files, so that it has to be pushed again."""
        kind, _, value = digest.partition(":")
        root = self.registry_data / "docker" / "registry" / "v2"
        shutil.rmtree(root / "blobs" / kind / value[:2] / value)
        shutil.rmtree(root / "repositories" / repository / "_layers" / kind / value)

    def keep_registry(self) -> None:
        """Remember what the registry holds now."""
        kept = self.home / "registry-kept"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.registry_data, kept)

    def restore_registry(self) -> None:
        """Give the registry back what it held; it keeps no state beside its files."""
        shutil.rmtree(self.registry_data / "docker", ignore_errors=True)
        shutil.copytree(self.home / "registry-kept", self.registry_data, dirs_exist_ok=True)

    def close(self) -> None:
        """End the services that were started here, by their process."""
        for name, service in self.services.items():
            lab.end(name, service)
            if Path(service["mark"]).name.startswith(lab.RUN):
                shutil.rmtree(service["mark"], ignore_errors=True)


def start(home: Path) -> Peers:
    """Start a daemon and a registry and make the bases; raise when one of them cannot be had."""
    if shutil.which("mmdebstrap") is None:
        raise NotMeasuredError("there is no `mmdebstrap`")
    if os.geteuid() != 0:
        raise NotMeasuredError("a Docker daemon of one's own needs root")
    home.mkdir(parents=True, exist_ok=True)
    client = docker_client()
    lab.LAB = home  # its data go beside the other things of the benchmarks
    shutil.rmtree(home / "registry", ignore_errors=True)
    services: dict[str, dict[str, str]] = {}
    try:
        services["docker"] = lab.start_docker()
        services["registry"] = lab.start_registry()
    except OSError as error:
        for name, service in services.items():
            lab.end(name, service)
        raise NotMeasuredError(str(error)) from error
    docker = [client, "--host", services["docker"]["address"]]
    peers = Peers(home=home, docker=docker, registry=services["registry"]["address"], services=services)
    try:
        (home / "machine.sh").touch(mode=0o600)
        (home / "machine.sh").write_text(machine_settings(), encoding="utf-8")
        make_bases(peers)
    except BaseException:
        peers.close()
        raise
    return peers


def docker_client() -> str:
    """Return a client that can build with BuildKit: an old one that has it built in, or one with buildx."""
    for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = shutil.which("docker", path=directory)
        if path is None:
            continue
        said = subprocess.run([path, "--version"], check=False, capture_output=True, text=True).stdout
        number = re.search(r"version (\d+)", said)
        buildx = subprocess.run([path, "buildx", "version"], check=False, capture_output=True).returncode == 0
        if buildx or (number and int(number[1]) < 23):
            return path
    raise NotMeasuredError("there is no `docker` that can build with BuildKit")


def make_bases(peers: Peers) -> None:
    """Make the replica of Python's slim image, and the builder's base with uv, unless they are there."""
    if not has_image(peers, SLIM):
        tar = peers.home / "slim.tar"
        run(["mmdebstrap", "--variant=minbase", "--include=python3,python3-venv,ca-certificates", SUITE, str(tar)])
        # As in the image that it stands for, the interpreter is also `python`.
        import_image = [*peers.docker, "import", "--change", "CMD python3", str(tar), SLIM + "-raw"]
        run(import_image)
        recipe = f"FROM {SLIM}-raw\nRUN ln -s python3 /usr/bin/python && rm -rf /var/lib/apt/lists/*\n"
        run([*peers.docker, "build", "--network", "host", "--tag", SLIM, "-"], {"DOCKER_BUILDKIT": "1"}, recipe)
        tar.unlink()
    if not has_image(peers, BUILDER):
        peers.build("Dockerfile.builder", str(SCIENCE), BUILDER, base=SLIM, uv=version("uv"))


def has_image(peers: Peers, tag: str) -> bool:
    command = [*peers.docker, "image", "inspect", "--format", "{{.Id}}", tag]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def machine_settings() -> str:
    """Return shell lines that set what a container needs of this machine to reach an index."""
    names = [name for lower in PROXY_NAMES for name in (lower, lower.upper())]
    found = {name: os.environ[name] for name in (*INDEX_NAMES, *names) if os.environ.get(name)}
    trusted = dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"), "/run/secrets/certificates")
    settings = {**found, **trusted, "UV_SYSTEM_CERTS": "1", "DEBIAN_FRONTEND": "noninteractive"}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items())


def certificates() -> Path:
    """Return the machine's bundle of authorities."""
    for place in (os.environ.get("SSL_CERT_FILE"), *BUNDLES):
        if place and Path(place).is_file():
            return Path(place)
    raise NotMeasuredError("there is no bundle of certificates")


def poetry_project(home: Path) -> Path:
    """Return a directory with the science example as a poetry project, with the same versions locked."""
    directory = home / "poetry"
    pins = re.findall(
        r"^([\w.-]+)==([^\s\\;]+)", (SCIENCE / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    wanted = POETRY_PROJECT.format(dependencies=", ".join(f'"{name}=={pin}"' for name, pin in pins), index=index())
    directory.mkdir(parents=True, exist_ok=True)
    written = directory / "pyproject.toml"
    if (directory / "poetry.lock").exists() and written.exists() and written.read_text(encoding="utf-8") == wanted:
        return directory
    (directory / "pyproject.toml").write_text(wanted, encoding="utf-8")
    shutil.copy(SCIENCE / "parcels.py", directory)
    (directory / "entrypoint").write_text("#!/bin/sh\nexec python parcels.py\n", encoding="utf-8")
    tool = home / "poetry-tool"
    run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, str(tool)])
    run([UV, "pip", "install", "--quiet", "--python", str(tool), f"poetry=={POETRY}"])
    run([str(tool / "bin" / "poetry"), "lock", "--no-interaction", "--directory", str(directory)])
    return directory


POETRY_PROJECT = """\
[project]
name = "science"
version = "1.0.0"
requires-python = ">=3.11,<3.14"
dependencies = [{dependencies}]

[tool.poetry]
package-mode = false

[tool.poetry.group.dev.dependencies]
pytest = "*"

[[tool.poetry.source]]
name = "main"
url = "{index}"
"""


def index() -> str:
    """Return the simple index that this machine uses: named by the environment, or pip's own default."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    if not done.stdout.strip():
        raise NotMeasuredError("no index is configured, and pip is not there to say its own")
    return done.stdout.strip()


def run(command: Sequence[str], environment: dict[str, str] | None = None, text: str | None = None) -> str:
    """Run *command* and return what it wrote; its last lines are the reason when it fails."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **(environment or {})}, input=text
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotMeasuredError(f"`{Path(command[0]).name}` fails: {' / '.join(said[-3:])[:400]}")
    return done.stdout + done.stderr
