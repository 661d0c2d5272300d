"""The command line as tests run it: whole commands with whole outputs, in a place and an environment of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from make.base_images import base_image, write_base
from make.wheelhouse import Release, Wheelhouse
from trees import write

import tare
from tare.cli.main import run

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SHORT_DIGEST = re.compile(r"sha256:[0-9a-f]{12}…")
_PULL = re.compile(r"\b[0-9.]+ (?:B|kB|MB) to pull\b")
_FETCHES = re.compile(r"(?<=^fetches  )(.* files?), [0-9.]+ (?:B|kB|MB)", re.MULTILINE)
_BYTES = re.compile(r"\(([0-9,]+) bytes\)")
_TIME = re.compile(r"; (?:[0-9]+ ms|[0-9.]+ s)$", re.MULTILINE)


class Ran(NamedTuple):
    """How a command ended, and all it said."""

    code: int
    out: str
    err: str


class Place:
    """A directory with a base, a wheelhouse, a cache and a project, and the command that is run there.

    What a command says is compared after `filtered`: paths, digests, times and compressed sizes (which depend on the
    zlib that the generators use) have a placeholder each, and nothing else has.
    """

    def __init__(self, root: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[bytes], uv: Path) -> None:
        self.root = root
        self.app = root / "app"
        self.app.mkdir()
        self.cache = root / "cache"
        self.wheels = Wheelhouse(root / "wheels")
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(root / "home"),
            "PLACE": str(root),
            "TARE_CACHE_DIR": str(self.cache),
            "UV_CACHE_DIR": str(uv),
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": str(self.wheels.directory),
            "COLUMNS": "100",
            "LC_ALL": "C.UTF-8",
        }
        self._patch = patch
        self._capture = capture

    def write(self, files: Mapping[str, str]) -> Path:
        """Write the project's files."""
        return write(self.app, files)

    def base(self, *images: Any, name: str = "base") -> str:  # images
        """Write a base, if it is not there yet, and return its name."""
        directory = self.root / name
        if not directory.exists():
            write_base(directory, *(images or (base_image(),)))
        return f"oci:{directory}"

    def __call__(self, *argv: str, env: Mapping[str, str] | None = None) -> Ran:
        """Run a command in this process, as it is typed in the project's directory."""
        code, out, err = self._run(argv, env or {})
        return Ran(code, self.filtered(out), self.filtered(err))

    def _run(self, argv: Sequence[str], env: Mapping[str, str]) -> tuple[int, bytes, bytes]:
        with self._patch.context() as patch:
            for name in tuple(os.environ):
                patch.delenv(name)
            for name, value in {**self.environment, **env}.items():
                patch.setenv(name, value)
            patch.chdir(self.app)
            self._capture.readouterr()
            code = run(argv)
        return (code, *self._capture.readouterr())

    def build(self, *argv: str, env: Mapping[str, str] | None = None) -> Ran:
        """Build the project on the base, for its platform."""
        return self("build", *self.target, *argv, env=env)

    @property
    def target(self) -> tuple[str, ...]:
        """The options that name the base and its platform."""
        return ("--base", self.base(), "--platform", "linux/amd64")

    def document(self, *argv: str, env: Mapping[str, str] | None = None) -> Any:  # a document
        """Run a command that must succeed and answers with a document, and return that as it was said."""
        code, out, err = self._run((*argv, "--json"), env or {})
        assert code == 0, err.decode()
        return json.loads(out)

    python = sys.executable
    source = str(Path(tare.__file__).parent.parent)

    def process(
        self, *argv: str, env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[bytes]:  # what Popen takes
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [self.python, "-m", "tare", *argv],
            **{
                "cwd": self.app,
                "env": {**self.environment, "PYTHONPATH": self.source, **(env or {})},
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                **options,
            },
        )

    def finish(self, process: subprocess.Popen[bytes]) -> Ran:
        """Wait for a command, and return what came of it."""
        out, err = process.communicate(timeout=60)
        return Ran(process.returncode, self.filtered(out or b""), self.filtered(err or b""))

    def filtered(self, data: bytes) -> str:
        text = data.decode().replace(str(self.root), "TMP").replace(os.path.dirname(sys.executable), "BIN")
        text = _SHORT_DIGEST.sub("sha256:DIGEST…", _DIGEST.sub("sha256:DIGEST", text))
        text = _FETCHES.sub(r"\1, SIZE", _BYTES.sub("(N bytes)", text))
        return _TIME.sub("; TIME", _PULL.sub("SIZE to pull", text))

    def leftovers(self, *below: Path) -> list[str]:
        """Return the files that should not be there after a command: half-written ones, by any writer of ours."""
        names = (path for place in (self.cache, self.app, *below) for path in place.rglob("*") if path.is_file())
        return sorted(
            str(path) for path in names if "partial" in path.parts or path.name.startswith((".tare-", "new-"))
        )


def locked(releases: Sequence[Release]) -> str:
    """Return a hashed requirements file of *releases*."""
    return "".join(release.requirement() for release in releases)


@pytest.fixture(scope="session")
def shared_uv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Uv's own cache, one for all tests: asking an interpreter what it is takes uv longer than the rest."""
    return tmp_path_factory.mktemp("uv")


@pytest.fixture
def place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes], shared_uv: Path
) -> Place:
    """A place with nothing in it."""
    return Place(tmp_path, monkeypatch, capsysbinary, shared_uv)
