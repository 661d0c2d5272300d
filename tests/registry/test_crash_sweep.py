"""A build and push that ends, or is told an error, at every single system call that changes something.

Afterwards nothing that is half-written is believed, the tag points to something whole, and another run makes and
pushes the same image. `make test-crash` prints how many moments there were.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from command import Place
from lab import needs
from make.wheelhouse import pylock
from real_registry import RealRegistry, docker_registry

from tare.stores.cache import hash_file

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CALLS = {
    "write": "write",
    "rename": "rename,renameat,renameat2",
    "fsync": "fsync,fdatasync",
    "mkdir": "mkdir,mkdirat",
    "chmod": "chmod,fchmod,fchmodat",
    "unlink": "unlink,unlinkat",
    "connect": "connect",
    "send": "sendto,sendmsg",
    "receive": "recvfrom,recvmsg",
}
"""What moves a run from one state of the disk, or of the registry, to the next."""

FAULTS = [
    *((name, "signal=KILL") for name in CALLS),
    *((name, "error=ENOSPC") for name in ("write", "fsync", "mkdir")),
    *((name, "error=EIO") for name in ("write", "fsync", "rename", "unlink")),
    ("connect", "error=ECONNREFUSED"),
    ("send", "error=ECONNRESET"),
    ("receive", "error=ECONNRESET"),
]

CLEAN = {0, 2, 4, 5}
"""Exit codes of a run that was told an error: it got over it, or said so. 70 would be a mistake of ours."""

MOST = 400
"""Moments of one kind. Reaching it is a failure: the sweep would not be whole."""


class Lab(NamedTuple):
    """A project with an image in a registry, and what a change of it makes."""

    place: Place
    registry: RealRegistry
    before: Path
    """A cache in which the first state was built."""

    old: str | None
    new: str | None
    """The digests before and after the change."""


@pytest.fixture(scope="module")
def registry() -> Iterator[RealRegistry]:
    needs("strace")
    if subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let one process trace another")
    with docker_registry() as real:
        yield real


@pytest.fixture
def lab(place: Place, registry: RealRegistry) -> Lab:
    releases = [place.wheels.add(name, files={f"{name}.bin": name.encode() * 9000}) for name in ("one", "two")]
    place.write({"main.py": "print(1)\n", "pylock.toml": pylock(*(release.locked() for release in releases))})
    del place.environment["UV_OFFLINE"]  # It would keep us from registries, too.
    place.environment["PYTHONDONTWRITEBYTECODE"] = "1"
    base = f"{registry.name}/library/python:3.13"
    assert place("copy", place.base(), base).code == 0
    place.document("build", "--base", base, "--platform", "linux/amd64", "-t", f"{registry.name}/old:1", "--push")
    before = place.root / "before"
    shutil.move(place.cache, before)
    old = digest_of(registry, "old")
    place.write({"main.py": "print(2)\n"})
    place.document("build", "--base", base, "--platform", "linux/amd64", "-t", f"{registry.name}/new:1", "--push")
    return Lab(place, registry, before, old, digest_of(registry, "new"))


def ask(registry: RealRegistry, method: str, path: str) -> Any:  # an answer
    accept = "application/vnd.oci.image.manifest.v1+json"
    url = f"http://{registry.name}/v2/{path}"
    return urllib.request.urlopen(urllib.request.Request(url, method=method, headers={"Accept": accept}))


def digest_of(registry: RealRegistry, repository: str) -> str | None:
    """Return what the tag points to, after a look at everything that it needs; by the standard library alone."""
    try:
        with ask(registry, "GET", f"{repository}/manifests/1") as answer:
            digest, manifest = answer.headers["Docker-Content-Digest"], json.load(answer)
    except urllib.error.HTTPError as error:
        error.close()
        return None
    for each in (manifest["config"], *manifest["layers"]):
        with ask(registry, "HEAD", f"{repository}/blobs/{each['digest']}") as answer:
            assert int(answer.headers["Content-Length"]) == each["size"]
    return str(digest)


def half_written(cache: Path) -> list[str]:
    """Return what does not have the bytes that its name promises, or is no document."""
    found = [str(path) for path in cache.glob("blobs/*/*") if hash_file(path) != f"sha256:{path.name}"]
    for memo in cache.glob("memo/*/*"):
        if memo.is_file() and memo.parent.name != "projects":
            try:
                json.loads(memo.read_bytes())
            except ValueError:
                found.append(str(memo))
    return found


def disturbed(lab: Lab, command: tuple[str, ...], fault: tuple[str, str], number: int) -> int:
    """Run a command that meets *fault* at that one of its calls, and return how it ended; 0 if there was none."""
    calls = CALLS[fault[0]]
    inject = ("-e", f"trace={calls}", "-e", f"inject={calls}:{fault[1]}:when={number}")
    tracer = ("strace", "-f", "-qq", "-o", str(lab.place.root / "trace"), *inject)
    return subprocess.run(
        [*tracer, lab.place.python, "-m", "tare", *command],
        cwd=lab.place.app,
        env={**lab.place.environment, "PYTHONPATH": lab.place.source},
        capture_output=True,
        check=False,
    ).returncode


@pytest.mark.parametrize("state", ["cold", "warm"])
@pytest.mark.parametrize("fault", FAULTS, ids=" ".join)
def test_no_moment_is_a_bad_one(lab: Lab, fault: tuple[str, str], state: str) -> None:
    """Cold: neither cache nor tag. Warm: both are of an older state of the project."""
    place, kind, warm = lab.place, f"{fault[0]}-{fault[1].partition('=')[2].lower()}-{state}", state == "warm"
    number = met = 0
    while met == number:
        number += 1
        assert number < MOST
        repository = f"{kind}/{number}"
        target = f"{lab.registry.name}/{repository}:1"
        shutil.rmtree(place.cache, ignore_errors=True)
        if warm:
            assert place("copy", f"{lab.registry.name}/old:1", target).code == 0
            shutil.copytree(lab.before, place.cache, dirs_exist_ok=True)
        base = f"{lab.registry.name}/library/python:3.13"
        command = ("build", "--base", base, "--platform", "linux/amd64", "-t", target, "--push")

        code = disturbed(lab, command, fault, number)

        met += "INJECTED" in (place.root / "trace").read_text(errors="replace") or code < 0
        assert code < 0 if fault[1] == "signal=KILL" and met == number else code in CLEAN, f"call {number}: {code}"
        assert half_written(place.cache) == []
        assert digest_of(lab.registry, repository) in {lab.old if warm else None, lab.new}
        assert place(*command).code == 0, f"call {number}"
        assert digest_of(lab.registry, repository) == lab.new
        assert half_written(place.cache) == []
    sys.stdout.write(f"\n{kind}: {met} moments\n")
    # A changed line waits for no disk: what it writes is so small that it is hashed when it is found.
    assert met > 0 or fault[0] == "unlink" or (fault[0], state) == ("fsync", "warm")
