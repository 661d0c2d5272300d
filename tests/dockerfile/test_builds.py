"""Every generated Dockerfile, built by a real engine and run: five tools, three examples; and on other bases.

`make test-dockerfiles` starts what it needs. The bases are replicas of official images: `lab/replicas.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from dockerfile_lab import SLIM, Lab
from tool_locks import TOOLS, lock, project

from tare.cli.main import run
from tare.engines.building import BuildOptions
from tare.engines.interface import RunOptions
from tare.flow.dockerfiles.builders import built_sizes

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ALPINE, FULL = "3.13-alpine3.23", "3.13-trixie"

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
from pathlib import Path
places = "/opt/tool", "/opt/venv/bin/pip", "/var/cache/pip", "/var/cache/uv", "/var/cache/poetry", {compiler!r}
environment = Path("/opt/venv/lib")
compiled = not environment.exists() or any(environment.rglob("*.pyc"))
left = [place for place in places if os.path.isfile(place) or (os.path.isdir(place) and os.listdir(place))]
print(left, compiled, list(environment.rglob("tests/**/*.pyc")))
"""
"""Runs in the container: what is there that only a build needs; whether there is bytecode, and which of tests."""


PROVED = {
    "hello": (RunOptions(network=False), "Hello from Python!\n"),
    "api": (RunOptions(network=False, entrypoint=("python", "-c", SERVE)), "200 65532\n"),
    "science": (RunOptions(network=False), "Drawn to /tmp/parcels.png\n"),
}
"""How an example is run, and the end of what it says."""


@pytest.mark.parametrize("example", PROVED)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_generated_dockerfile_builds_and_runs(
    tool: str, example: str, *, lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _proved(lab, project(tool, example, tmp_path), SLIM, example)

    with capsys.disabled():
        sys.stdout.write(f"\n{tool} {example}: {said}\n")


@pytest.mark.parametrize("example", PROVED)
@pytest.mark.parametrize("tool", ["pip", "poetry"])
@pytest.mark.parametrize("tag", [ALPINE, FULL])
def test_it_builds_and_runs_on_other_bases_too(
    tag: str, tool: str, example: str, *, lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _proved(lab, project(tool, example, tmp_path), tag, example)

    with capsys.disabled():
        sys.stdout.write(f"\n{tool} {example} on {tag}: {said}\n")


def test_a_wheel_that_loads_libraries_of_the_system_is_imported(lab: Lab, tmp_path: Path) -> None:
    manifest = '[project]\nname = "views"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["{}"]\n'
    (tmp_path / "pyproject.toml").write_text(manifest.format("opencv-python==4.10.0.84"))
    (tmp_path / "main.py").write_text("import cv2\n\nprint(cv2.__version__)\n")
    lock("uv", tmp_path, tmp_path)
    image = "localhost/tare-views"

    assert run(["dockerfile", str(tmp_path), "--base", lab.replica(SLIM), "--tool-from", lab.uv, "--certificates"]) == 0
    options = BuildOptions(tag=image, host_network=True, secrets={"certificates": lab.bundle}, timeout=900)
    lab.builder.build(tmp_path, options)
    try:
        assert lab.builder.run(image, RunOptions(network=False)).stdout == "4.10.0\n"
    finally:
        lab.builder.remove(image)


@pytest.mark.parametrize(
    ("tool", "options"), [("uv", ["--slim"]), ("poetry", ["--slim"]), ("poetry", ["--tool-from", "index"])]
)
def test_it_is_as_good_with_other_options(
    tool: str, options: list[str], *, lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _proved(lab, project(tool, "science", tmp_path), SLIM, "science", options)

    with capsys.disabled():
        sys.stdout.write(f"\n{tool} science {' '.join(options)}: {said}\n")


def _proved(lab: Lab, directory: Path, tag: str, example: str, options: Sequence[str] = ()) -> str:
    """Write a project's Dockerfile, check it, build it and run it; return what was measured."""
    base, image = lab.replica(tag), f"localhost/tare-{directory.name}"
    dockerfile = str(directory / "Dockerfile")
    allowed = ["--ignore", "TP005"] if tag == FULL else []  # which says that it is the full image
    compiler = "nowhere" if tag == FULL else "/usr/bin/gcc"

    source = [] if "--tool-from" in options else ["--tool-from", lab.uv]
    assert run(["dockerfile", str(directory), "--base", base, "--certificates", *source, *options]) == 0
    assert f"{base}@sha256:" in Path(dockerfile).read_text()
    assert run(["dockerfile", str(directory), "--check"]) == 0
    assert run(["lint", dockerfile, *allowed]) == 0
    how = BuildOptions(tag=image, host_network=True, secrets={"certificates": lab.bundle}, timeout=900)
    built = lab.builder.build(directory, how)
    try:
        started, end = PROVED[example]
        ran = lab.builder.run(image, started)
        assert (ran.code, ran.stdout[-len(end) :]) == (0, end)
        looked = RunOptions(network=False, entrypoint=("python", "-c", LEFT.format(compiler=compiler)))
        assert lab.builder.run(image, looked).stdout.startswith("[] True []\n")
        sizes = built_sizes(lab.builder, image)
    finally:
        lab.builder.remove(image)
    megabytes = f"{sizes.unpacked / 1e6:.1f} MB unpacked, {sizes.pull / 1e6:.1f} MB to pull"
    return f"{megabytes}, built in {built.seconds:.1f} s"
