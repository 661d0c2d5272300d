"""What an assembled base does without, beside what every one omits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tare.bases.debian.tree import Tree
    from tare.flow.request import Request
    from tare.plan.plan import Dropped
    from tare.plan.slim import Level

_OWN: Final = frozenset({"libc6", "libc-bin", "libstdc++6"})
"""Packages that define or name `iconv_open`, and convert nothing by themselves."""


_FORMAT: Final = 2
"""Raised whenever the same files would be judged otherwise by the same tables."""


def slim_of(request: Request) -> str:
    """Return a name for what a base leaves out: the level, with the tables and exceptions that decide it."""
    if request.slim is None:
        return ""
    from tare.plan.slim import table_digest

    return " ".join((request.slim, str(_FORMAT), table_digest(), *request.spared))


def slim_tree(tree: Tree, level: Level, spared: tuple[str, ...]) -> list[Dropped]:
    """Return the files of *tree* that go, sorted by path."""
    from tare.plan.plan import Dropped
    from tare.plan.slim import Evidence, decide
    from tare.wheels.conversion import uses_iconv

    nodes = {path: node for path, node in tree if node.kind == "file"}
    iconv = libdb = False
    for path, node in nodes.items():
        if node.owner not in _OWN and "/gconv/" not in path:
            data = tree.read(node)
            iconv = iconv or uses_iconv(data)
            libdb = libdb or uses_libdb(path, data)
    evidence = Evidence(iconv=iconv, libdb=libdb)
    found = decide(nodes, level, evidence, spared=frozenset(spared))
    return [Dropped(path=path, size=nodes[path].size, code=code) for path, code in sorted(found.items())]


def uses_libdb(path: str, data: bytes) -> bool:
    """Whether an ELF file needs Berkeley DB, and is neither that nor the standard library's module for it."""
    name = path.rpartition("/")[2]
    return data.startswith(b"\x7fELF") and not name.startswith(("_dbm.", "libdb-")) and b"\0libdb-5" in data
