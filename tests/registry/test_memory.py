"""Memory stays flat, whatever the size of a blob."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixture_registry import Registry, Synthetic
from samples import a_registry

CHILD = """
import re, sys
from pathlib import Path
from tare.oci import reference
from tare.oci.descriptor import Descriptor
from tare.oci.image import FileBlob
from tare.stores.cache import Cache
from tare.stores.registry import blobs, uploads
from tare.stores.registry.downloads import download
from tare.stores.registry.repository import Registries
from tare.stores.registry.settings import Settings
from tare.stores.registry.source import BlobOpener
from tare.stores.verified import VerifiedBlob

what, name, digest, size, directory = sys.argv[1:]
descriptor = Descriptor(media_type="x", digest=digest, size=int(size))
with Registries(Settings()) as registries:
    here = reference.parse(f"{name}/big/blob:1")
    opener = BlobOpener((registries.open(here),), descriptor, "it")
    blob = VerifiedBlob(descriptor=descriptor, what="it", opener=opener)
    if what == "pull":
        with blob.open() as stream:
            while stream.read(1 << 20):
                pass
    elif what == "download":
        download(blob, Cache(Path(directory)))
    else:
        uploads.upload(registries.open(here, doing="push"), FileBlob(descriptor=descriptor, path=Path(directory, "zeros")))
print(int(re.search(r"VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""

LIMIT = 200
"""MiB."""


# `ru_maxrss` would be that of the process which started this one, if it was larger.
pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says what the peak was")


@pytest.fixture
def registry() -> Iterator[Registry]:
    with a_registry() as registry:
        registry.keep_bytes = False
        yield registry


def peak(what: str, registry: Registry, digest: str, size: int, directory: Path) -> int:
    """Return the peak of a process' memory in MiB."""
    source = str(Path(__file__).parents[2] / "src")
    done = subprocess.run(
        [sys.executable, "-c", CHILD, what, registry.name, digest, str(size), str(directory)],
        check=True,
        capture_output=True,
        env={"PYTHONPATH": source},
    )
    return int(done.stdout)


def zeros(directory: Path, size: int) -> str:
    """Make a file that takes no space, and return its digest."""
    path = directory / "zeros"
    with path.open("wb") as file:
        file.truncate(size)
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


@pytest.mark.parametrize("size", [64 << 20, pytest.param(4 << 30, marks=pytest.mark.slow)])
def test_pulling_takes_no_more_memory_for_more_bytes(registry: Registry, tmp_path: Path, size: int) -> None:
    digest = registry.add_blob("big/blob", Synthetic(size))
    assert peak("pull", registry, digest, size, tmp_path) < LIMIT


@pytest.mark.parametrize("size", [64 << 20, pytest.param(4 << 30, marks=pytest.mark.slow)])
def test_downloading_takes_no_more_memory_for_more_bytes(registry: Registry, tmp_path: Path, size: int) -> None:
    digest = registry.add_blob("big/blob", Synthetic(size))
    assert peak("download", registry, digest, size, tmp_path) < LIMIT


@pytest.mark.parametrize("size", [64 << 20, pytest.param(4 << 30, marks=pytest.mark.slow)])
def test_pushing_takes_no_more_memory_for_more_bytes(registry: Registry, tmp_path: Path, size: int) -> None:
    digest = zeros(tmp_path, size)
    assert peak("push", registry, digest, size, tmp_path) < LIMIT
    assert digest in registry.blobs
