"""Maintainer scripts, read and never run: which links they would make, and whether anything else in them matters.

`update-alternatives(1)` is what libraries use it for: `libblas.so.3` exists only as such a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from tare.bases.debian.tree import Tree

_SCRIPT_LIMIT: Final = 256 * 1024
"""Bytes that are read of a script."""
_EXPANSIONS: Final = 200
"""Words of a loop that are followed."""

_LOOP: Final = re.compile(r"\bfor (\w+) in ([^;\n$`]+)(?:;|\n)\s*do\b(.*?)\bdone\b", re.DOTALL)
_ADDED: Final = re.compile(
    r"^# Automatically added by (?!dh_installsysusers)\S+$.*?^# End automatically added section$",
    re.DOTALL | re.MULTILINE,
)
"""What debhelper adds starts services, moves configuration files on upgrades, and makes files for systemd. Users are
another matter."""

_CALL: Final = re.compile(r"\bupdate-alternatives((?:[ \t]+(?:\"[^\"$`\n]*\"|[^\s;|&\"'$`]+))+)")
_WORD: Final = re.compile(r"[A-Za-z0-9._+@:-]+")
_NOTHING: Final = re.compile(
    r"#.*|set -e[ux]*|exit 0|true|:|case \"\$1\" in|esac|;;|\*?[a-z|-]*\)|"
    r"(?:el)?if \[ \"\$1\" = \"?[a-z-]+\"? \] ?; ?then|then|else|fi|do|done"
)
_PROGRAMS: Final = re.compile(
    r"\b(update-[a-z-]+|adduser|addgroup|useradd|groupadd|usermod|systemd-sysusers|systemctl|fc-cache|"
    r"glib-compile-schemas|gdk-pixbuf-query-loaders|gio-querymodules|dpkg-divert|dpkg-statoverride|ucf|setcap|"
    r"chown|chmod|mkdir|install|touch|cp|ln)\b"
)


class Alternative(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A name that one of several files can have."""

    name: str
    """In `/etc/alternatives`."""

    priority: int
    link: str
    path: str


def alternatives(script: bytes) -> list[Alternative]:
    """Return the alternatives that *script* installs, as far as it says plainly which.

    >>> alternatives(b"update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5")[0].path
    '/usr/bin/mawk'
    """
    found = []
    for call in _calls(_text(script)):
        words = [word.strip('"') for word in re.findall(r"\"[^\"]*\"|\S+", call)]
        if "--install" not in words:
            continue
        link, name, path, priority = (*words[words.index("--install") + 1 :], "", "", "", "")[:4]
        if _is_plain(link, name, path) and re.fullmatch(r"-?\d{1,9}", priority):
            rank = int(priority)
            found.append(Alternative(name=name, priority=rank, link=link, path=path))
            slaves = [index for index, word in enumerate(words) if word == "--slave"]
            for index in slaves:
                link, name, path = (*words[index + 1 :], "", "", "")[:3]
                if _is_plain(link, name, path):
                    found.append(Alternative(name=name, priority=rank, link=link, path=path))
    return found


def make_alternatives(tree: Tree, wanted: list[Alternative]) -> None:
    """Make the links of the alternatives that have the highest priority and whose file is there."""
    for item in sorted(wanted, key=lambda item: (-item.priority, item.path)):
        link, choice = tree.place(item.link.lstrip("/")), f"etc/alternatives/{item.name}"
        target = tree.place(item.path.lstrip("/"))
        if target in tree and link not in tree and choice not in tree:
            tree.symlink(choice, item.path)
            tree.symlink(link, f"/{choice}")


def unmet(script: bytes) -> str | None:
    """Return what *script* does that would be missed, or None if that is nothing."""
    text = _CALL.sub("", _expanded(_ADDED.sub("", _text(script))))
    lines = [line.strip() for line in text.splitlines()]
    if all(not line or _NOTHING.fullmatch(line) for line in lines):
        return None
    found = sorted(set(_PROGRAMS.findall("\n".join(line for line in lines if not line.startswith("#")))))
    return "it calls " + ", ".join(f"`{name}`" for name in found) if found else "it calls nothing that is known"


def _calls(text: str) -> Iterator[str]:
    yield from (found[1] for found in _CALL.finditer(_expanded(text)))


def _expanded(text: str) -> str:
    """Return *text* with its simple loops written out."""

    def repeat(found: re.Match[str]) -> str:
        variable, words, body = found.groups()
        name = re.compile(rf"\$(?:{variable}\b|\{{{variable}\}})")
        return "\n".join(name.sub(lambda _, word=word: word, body) for word in words.split()[:_EXPANSIONS])

    return _LOOP.sub(repeat, text)


def _text(script: bytes) -> str:
    return script[:_SCRIPT_LIMIT].decode("utf-8", "replace").replace("\\\n", " ")


def _is_plain(link: str, name: str, path: str) -> bool:
    words = [name, *link.split("/")[1:], *path.split("/")[1:]]
    return link[:1] == path[:1] == "/" and all(_WORD.fullmatch(word) and word not in {".", ".."} for word in words)
