"""Dead bytes: files of a layer that no container sees, because a later layer replaced or removed them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tare.bases.tree import Tree
from tare.measure.contents import Contents
from tare.measure.files import File


def dead(contents: Contents) -> Iterator[tuple[str, File]]:
    """Yield every file that is not seen, with the code of what became of it first."""
    seen = {id(item.file) for item in contents.live}
    if len(seen) == len(contents.files):
        return
    real = _Real(contents.tree)
    versions: dict[str, list[File]] = defaultdict(list)
    for file in contents.files:
        versions[real(file.path)].append(file)
    for every in versions.values():
        for number, file in enumerate(every):
            if id(file) not in seen:
                yield _became(file, every[number + 1] if number + 1 < len(every) else None), file


def _became(file: File, after: File | None) -> str:
    """Return what the next file of the same path means for *file*."""
    if after is None:
        return "TW002"
    return "TW003" if (after.digest, after.size) == (file.digest, file.size) else "TW001"


class _Real:
    """Paths with the links of their directories resolved, as they are in the end."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._known: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        directory, _, name = path.strip("/").rpartition("/")
        if directory not in self._known:
            found = self._tree.real(directory)
            self._known[directory] = directory if found is None else found[1:]
        real = self._known[directory]
        return f"{real}/{name}" if real else name
