"""`tare cache`: what tare keeps on this machine."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.settings import cache_path
from tare.errors import UsageError
from tare.report.text import megabytes
from tare.stores.cache import Cache

_UNITS = {"h": 3600, "d": 86400, "w": 7 * 86400}

if TYPE_CHECKING:
    from tare.engines.rootfs_cache import RootfsCache


class CacheArguments(Arguments):
    """What `tare cache` is given."""

    action: str
    cache_dir: str | None
    older_than: str
    all: bool
    json: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("action", choices=("info", "prune"), help="show what is there, or remove what was not used")
    parser.add_argument("--cache-dir", metavar="DIR", help="the cache (TARE_CACHE_DIR)")
    parser.add_argument(
        "--older-than", default="30d", metavar="TIME", help="prune what was last used before, such as 12h, 30d or 8w"
    )
    parser.add_argument("--all", action="store_true", help="prune everything")
    parser.add_argument("--json", action="store_true", help="print a document that machines read")


def execute(arguments: Arguments) -> int:
    """Show or prune."""
    arguments = cast("CacheArguments", arguments)
    cache = Cache(cache_path(arguments.cache_dir))
    if arguments.action == "prune":
        age = 0 if arguments.all else _seconds(arguments.older_than)
        before = time.time() + 1 if arguments.all else time.time() - age
        freed = cache.prune(unused_since=before, waiting=_say_waiting) + _root_file_systems(
            cache.root / "rootfs"
        ).prune(unused_since=before)
        sys.stdout.write(_json({"freed": freed}) if arguments.json else f"{megabytes(freed)} freed\n")
        return 0
    usage = cache.usage()
    images, unpacked = _root_file_systems(cache.root / "rootfs").usage()
    if arguments.json:
        sys.stdout.write(
            _json({"path": usage.path, "blobs": usage.blobs, "blob_bytes": usage.blob_bytes, "memos": usage.memos,
                   "partial_bytes": usage.partial_bytes, "rootfs": images, "rootfs_bytes": unpacked})
        )  # fmt: skip
        return 0
    sys.stdout.write(
        f"{usage.path}\n"
        f"  {usage.blobs} blobs, {megabytes(usage.blob_bytes)}\n"
        f"  {usage.memos} remembered steps\n"
        f"  {images} unpacked image{'' if images == 1 else 's'}, {megabytes(unpacked)}\n"
        f"  {megabytes(usage.partial_bytes)} unfinished\n"
    )
    return 0


def _say_waiting() -> None:
    sys.stderr.write("note: waiting for a command that uses the cache\n")
    sys.stderr.flush()


def _root_file_systems(directory: Path) -> RootfsCache:
    from tare.engines.rootfs_cache import RootfsCache

    return RootfsCache(directory, as_root=False)


def _seconds(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in _UNITS:
        raise UsageError(f"`--older-than {text}` is not a length of time", hints=("Write it as `12h`, `30d` or `8w`",))
    return int(number) * _UNITS[unit]


def _json(document: dict[str, object]) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode({"schema": "tare.cache/1", **document}), indent=2).decode() + "\n"
