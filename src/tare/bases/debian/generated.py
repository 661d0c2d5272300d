"""What maintainer scripts would have made, and what a container needs beside packages."""

from __future__ import annotations

import re
from typing import Final

from tare.bases.debian.tree import MERGED, Tree

USER: Final = 65532
"""The user and group `nonroot`, by the number that distroless images use."""

BUNDLE: Final = "etc/ssl/certs/ca-certificates.crt"

_PASSWD: Final = f"""\
root:x:0:0:root:/root:{{shell}}
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
nonroot:x:{USER}:{USER}:nonroot:/home/nonroot:{{shell}}
"""
_GROUP: Final = f"""\
root:x:0:
tty:x:5:
staff:x:50:
nogroup:x:65534:
nonroot:x:{USER}:
"""
_HOSTS: Final = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
_SWITCH: Final = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"


def make_files(tree: Tree, *, python: str, debug: bool) -> None:
    """Add files and links, for the interpreter of the series *python*, such as `3.13`.

    This comes before anything is omitted, since some are made from what is.
    """
    _certificates(tree)
    _time_zone(tree)
    _accounts(tree, shell="/bin/sh" if debug else "/usr/sbin/nologin")
    _name_service(tree)
    _missing_link(tree, "usr/bin/python3", f"python{python}")
    _missing_link(tree, "usr/bin/python", "python3")
    if debug:
        _shell(tree)


def make_directories(tree: Tree, *, architecture: str) -> None:
    """Add the directories and links that every container needs, after the omissions have emptied some."""
    _directories(tree)
    _merge(tree, architecture)


def _directories(tree: Tree) -> None:
    """Make what is written to at run time, and what runtimes mount on."""
    for path in (
        "dev",
        "etc",
        "proc",
        "run",
        "sys",
        "mnt",
        "opt",
        "srv",
        "usr/local/bin",
        "usr/local/lib",
        "var/cache",
    ):
        tree.directory(path)
    tree.directory("root", mode=0o700)
    for path in ("tmp", "var/tmp", "run/lock"):
        tree.directory(path, mode=0o1777)
    tree.directory("home/nonroot", mode=0o700, uid=USER, gid=USER)
    _replaced(tree, "var/run", "/run")
    _replaced(tree, "var/lock", "/run/lock")


def _certificates(tree: Tree) -> None:
    """Make the bundle that libssl reads, as `update-ca-certificates` would: one certificate after the other, by name.

    OpenSSL looks for the file before the directory, so the directory's links by hash are not made; a program that is
    given only `/etc/ssl/certs` as a directory of certificates finds none.
    """
    pieces = []
    for path, node in tree:
        if path.startswith("usr/share/ca-certificates/") and path.endswith(".crt") and node.kind == "file":
            text = tree.read(node)
            pieces.append(text if text.endswith(b"\n") else text + b"\n")
    if pieces and BUNDLE not in tree:
        tree.file(BUNDLE, pieces, owner="ca-certificates")
    # The package `openssl` has these; OPENSSLDIR is /usr/lib/ssl.
    _missing_link(tree, "usr/lib/ssl/cert.pem", f"/{BUNDLE}")
    _missing_link(tree, "usr/lib/ssl/certs", "/etc/ssl/certs")


def _time_zone(tree: Tree) -> None:
    if "etc/timezone" not in tree:
        tree.file("etc/timezone", [b"Etc/UTC\n"])
    _missing_link(tree, "etc/localtime", "/usr/share/zoneinfo/Etc/UTC")


def _accounts(tree: Tree, *, shell: str) -> None:
    if "etc/passwd" not in tree:
        tree.file("etc/passwd", [_PASSWD.format(shell=shell).encode()])
    if "etc/group" not in tree:
        tree.file("etc/group", [_GROUP.encode()])


def _name_service(tree: Tree) -> None:
    """Make `/etc/hosts`, which runtimes replace, and `/etc/nsswitch.conf`, from glibc's template where it is."""
    if "etc/hosts" not in tree:
        tree.file("etc/hosts", [_HOSTS.encode()])
    if "etc/nsswitch.conf" in tree:
        return
    template = tree.get("usr/share/libc-bin/nsswitch.conf")
    text = tree.read(template) if template is not None and template.kind == "file" else _SWITCH.encode()
    tree.file("etc/nsswitch.conf", [text])


def _shell(tree: Tree) -> None:
    """Link busybox's applets, whose names are in its binary: it cannot be asked, since it may be for another machine."""
    node = tree.get("usr/bin/busybox")
    if node is None or node.kind != "file":
        return
    # `applet_names` of busybox: sorted, each with a NUL, and `[` is the first of all.
    found = re.search(rb"(\[\0\[\[\0(?:[a-z0-9._-]{1,30}\0){50,1000})", tree.read(node))
    names = found[1].decode().split("\0") if found else ["sh"]
    for name in names:
        if name and f"usr/sbin/{name}" not in tree and name not in {"busybox", ".", ".."}:
            _missing_link(tree, f"usr/bin/{name}", "busybox")


def _merge(tree: Tree, architecture: str) -> None:
    """Link `/bin`, `/lib` and their like to those in `/usr`. The loader's path of some architectures is in `/lib64`."""
    wanted = {"bin", "sbin", "lib"} | ({"lib64"} if architecture in {"amd64", "ppc64el"} else set())
    there = {path.split("/")[1] for path, _ in tree if path.startswith("usr/") and path.split("/")[1] in MERGED}
    for name in sorted(wanted | there):
        tree.directory(f"usr/{name}")
        tree.top_link(name, f"usr/{name}")


def _missing_link(tree: Tree, path: str, target: str) -> None:
    if path not in tree:
        tree.symlink(path, target)


def _replaced(tree: Tree, path: str, target: str) -> None:
    """Make a link where a package may have brought an empty directory."""
    tree.remove_directory(path)
    _missing_link(tree, path, target)
