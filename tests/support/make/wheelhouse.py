"""A directory of wheels that are made on the spot, and the lockfiles that name them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from make.wheels import make_wheel
from make.zips import Entry


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel that lies in a wheelhouse."""

    name: str
    version: str
    path: Path

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def requirement(self, *, digest: str | None = None, marker: str = "") -> str:
        """Return the line of a hashed requirements file."""
        condition = f" ; {marker}" if marker else ""
        return f"{self.name}=={self.version}{condition} --hash=sha256:{digest or self.digest}\n"

    def locked(self, *, digest: str | None = None, marker: str = "") -> str:
        """Return the package of a `pylock.toml`, with the wheel's path."""
        name = self.name.replace("_", "-")  # as the lock file's specification has names: normalized
        lines = ["[[packages]]", f'name = "{name}"', f'version = "{self.version}"']
        lines += [f"marker = {marker!r}"] if marker else []
        lines += [
            "[[packages.wheels]]",
            f'name = "{self.path.name}"',
            f'path = "{self.path}"',
            f'hashes = {{ sha256 = "{digest or self.digest}" }}',
        ]
        return "\n".join(lines) + "\n"


class Wheelhouse:
    """Wheels in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def add(
        self,
        name: str,
        version: str = "1.0",
        *,
        tag: str = "py3-none-any",
        files: Mapping[str, bytes | Entry] | None = None,
        metadata: str = "",
        **changes: Any,  # the keywords of `make_wheel`
    ) -> Release:
        """Put a wheel of *files* there; by default it has one module."""
        module = name.replace("-", "_")
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}"
        kind = (
            f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {str(tag.endswith('-any')).lower()}\nTag: {tag}\n"
        )
        data = make_wheel(
            files if files is not None else {f"{module}.py": f"VERSION = {version!r}\n".encode()},
            dist_info=f"{module}-{version}.dist-info",
            metadata=head.encode(),
            wheel=kind.encode(),
            **changes,
        )
        path = self.directory / f"{module}-{version}-{tag}.whl"
        path.write_bytes(data)
        return Release(name=name, version=version, path=path)


def pylock(*packages: str, head: str = "") -> str:
    """Return a `pylock.toml` of *packages*, each as `Release.locked` writes it."""
    lines = ['lock-version = "1.0"', 'created-by = "tests"', head, "" if packages else "packages = []"]
    return "\n".join([*filter(None, lines), *packages])
