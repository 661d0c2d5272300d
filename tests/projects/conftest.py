"""uv, as the tests of projects use it: the real one, which knows no index but one on loopback."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from loopback import Server, running_server
from make.index import Index

from tare.projects.uv import Uv


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for all tests, since asking an interpreter what it is takes uv longer than anything else here."""
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture
def index(server: Server) -> Index:
    return Index(server)


@pytest.fixture
def uv(index: Index, uv_cache: Path, tmp_path: Path) -> Uv:
    """The real uv, with an index on loopback as its default one."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "UV_DEFAULT_INDEX": index.url,
        "UV_HTTP_RETRIES": "0",
        "UV_CACHE_DIR": str(uv_cache),
    }
    return Uv(python=sys.executable, env=environment)


@pytest.fixture
def idle_uv() -> Uv:
    """A uv that must not be run."""

    def runner(*_: object, **__: object) -> None:
        pytest.fail("uv was run")

    return msgspec.structs.replace(Uv(python=sys.executable, env={}), runner=runner)
