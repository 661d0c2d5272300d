"""The ground that layers stand on: directories of a base that are not plain, and links to directories.

A layer names the directories that its files are in. An entry for one that the base has already gives that one a mode and
an owner, and takes the place of a link; engines unpack each layer by itself, so what it leaves out is not looked up in
the layers below. So a layer has to know what is there. A directory that anyone may read and root owns is what a layer
writes anyway: only the others are kept, which are few.

https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec


class Directory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Mode and owner of a directory."""

    mode: int = 0o755
    uid: int = 0
    gid: int = 0


PLAIN: Final = Directory()


class Ground(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a base has where files may be put. Paths are from the image's root, without a leading slash."""

    directories: dict[str, Directory] = {}
    """Those that are not plain, by their paths without links."""

    links: dict[str, str] = {}
    """Links to directories, by their paths without links, and where they lead, without links too."""

    def place(self, path: str) -> str:
        """Return where a file at *path* lies, with the links on its way resolved; its own name may be a link's.

        >>> Ground(links={"bin": "usr/bin"}).place("bin/app")
        'usr/bin/app'
        """
        if not self.links:
            return path
        directory, _, name = path.rpartition("/")
        return f"{found}/{name}" if (found := self.real(directory)) else name

    def real(self, directory: str) -> str:
        """Return the path of *directory* with every link resolved."""
        return self._steps(directory)[-1] if self.links else directory

    def _steps(self, directory: str) -> list[str]:
        """Return every path that is met on the way to *directory*, links and what they lead to among them."""
        steps = [""]
        for name in directory.split("/"):
            steps.append(f"{steps[-1]}/{name}" if steps[-1] else name)
            if steps[-1] in self.links:
                steps.append(self.links[steps[-1]])
        return steps

    def directory(self, path: str) -> Directory:
        """Return mode and owner of the directory at *path*, which has no links: those of the base's, or plain ones."""
        return self.directories.get(path, PLAIN)

    def under(self, directories: Iterable[str]) -> Ground:
        """Return what matters to a layer with files in *directories* and nowhere else."""
        met: set[str] = set()
        for directory in directories:
            for step in self._steps(directory):
                while step and step not in met:
                    met.add(step)
                    step = step.rpartition("/")[0]  # noqa: PLW2901  # a link leads to a directory with parents
        return Ground(
            directories={path: self.directories[path] for path in sorted(met & self.directories.keys())},
            links={path: self.links[path] for path in sorted(met & self.links.keys())},
        )
