"""Dead bytes: files of a layer that no container sees, because a later layer replaced or removed them."""

from __future__ import annotations

from collections.abc import Iterator

from tare.measure.contents import Contents
from tare.measure.files import File


def dead(contents: Contents) -> Iterator[tuple[str, File]]:
    """Yield every file that is not seen, with the code of what became of it."""
    seen = {id(item.file) for item in contents.live}
    by_path = {item.path: item.file for item in contents.live}
    for file in contents.files:
        if id(file) in seen:
            continue
        now = by_path.get(_plain(file.path))
        if now is None or now.layer < file.layer:
            yield "TW002", file
        elif now.digest == file.digest and now.size == file.size:
            yield "TW003", file
        else:
            yield "TW001", file


def _plain(path: str) -> str:
    return path.lstrip("/")
