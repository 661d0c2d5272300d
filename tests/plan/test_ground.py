"""Layers leave the base's directories as they are, and go through its links."""

from __future__ import annotations

import io
import tarfile
from functools import partial

import pytest
from make.bases import config
from make.layers import MTIME

from tare.bases import facts
from tare.build.keys import layer_key
from tare.build.transmux import begin_layer
from tare.oci.ground import Directory, Ground
from tare.plan.plan import PlannedFile, PlannedLayer

Base = list[tuple[str, int, tuple[int, int], str | None]]
"""Path, mode, owner, and where a link points."""

BASE: Base = [
    ("usr", 0o755, (0, 0), None),
    ("usr/bin", 0o755, (0, 0), None),
    ("bin", 0o777, (0, 0), "usr/bin"),
    ("tmp", 0o1777, (0, 0), None),
    ("home/nonroot", 0o700, (65532, 65532), None),
    ("run", 0o755, (0, 0), None),
    ("run/lock", 0o1777, (0, 0), None),
    ("var/run", 0o777, (0, 0), "/run"),
    ("var/lock", 0o777, (0, 0), "run/lock"),
    ("srv", 0o777, (0, 0), "nowhere"),
    ("etc/mtab", 0o777, (0, 0), "../usr/bin/file"),
    ("mnt/opt", 0o750, (0, 7), None),
    ("opt", 0o777, (0, 0), "/mnt/opt"),
]


def tar(entries: Base) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, mode, (uid, gid), target in entries:
            entry = tarfile.TarInfo(path)
            entry.type = tarfile.DIRTYPE if target is None else tarfile.SYMTYPE
            entry.linkname, entry.mode, entry.uid, entry.gid = target or "", mode, uid, gid
            archive.addfile(entry)
    return out.getvalue()


def ground(*layers: Base) -> Ground:
    return facts.read(config(), [partial(io.BytesIO, tar(each)) for each in layers]).ground


def entries(directory: str, base: Ground) -> list[tuple[str, str, int, tuple[int, int]]]:
    """Return the entries of a layer with one file in *directory*."""
    layer = PlannedLayer(
        kind="project",
        why="a test",
        files=(PlannedFile(f"{directory}/app", 0o644, 1, b"x"),),
        directories=(directory,),
    ).on(base)
    out = io.BytesIO()
    begin_layer(layer, {}, out, mtime=MTIME)()
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as archive:
        return [("dir" if each.isdir() else "file", each.name, each.mode, (each.uid, each.gid)) for each in archive]


ROOT = (0, 0)
CASES = {
    "tmp": [("dir", "tmp", 0o1777, ROOT), ("file", "tmp/app", 0o644, ROOT)],
    "home/nonroot/src": [
        ("dir", "home", 0o755, ROOT),
        ("dir", "home/nonroot", 0o700, (65532, 65532)),
        ("dir", "home/nonroot/src", 0o755, ROOT),
        ("file", "home/nonroot/src/app", 0o644, ROOT),
    ],
    "bin": [("dir", "usr", 0o755, ROOT), ("dir", "usr/bin", 0o755, ROOT), ("file", "usr/bin/app", 0o644, ROOT)],
    "var/run/app": [
        ("dir", "run", 0o755, ROOT),
        ("dir", "run/app", 0o755, ROOT),
        ("dir", "var", 0o755, ROOT),
        ("file", "run/app/app", 0o644, ROOT),
    ],
    "var/run/lock": [
        ("dir", "run", 0o755, ROOT),
        ("dir", "run/lock", 0o1777, ROOT),
        ("dir", "var", 0o755, ROOT),
        ("file", "run/lock/app", 0o644, ROOT),
    ],
    "opt/venv": [
        ("dir", "mnt", 0o755, ROOT),
        ("dir", "mnt/opt", 0o750, (0, 7)),
        ("dir", "mnt/opt/venv", 0o755, ROOT),
        ("file", "mnt/opt/venv/app", 0o644, ROOT),
    ],
    "srv": [("dir", "srv", 0o755, ROOT), ("file", "srv/app", 0o644, ROOT)],
    "new": [("dir", "new", 0o755, ROOT), ("file", "new/app", 0o644, ROOT)],
}


@pytest.mark.parametrize("directory", CASES)
def test_a_layer_keeps_the_bases_directories_and_goes_through_its_links(directory: str) -> None:
    assert entries(directory, ground(BASE)) == CASES[directory]


def test_the_ground_is_what_is_not_plain() -> None:
    assert ground(BASE) == Ground(
        directories={
            "home/nonroot": Directory(mode=0o700, uid=65532, gid=65532),
            "mnt/opt": Directory(mode=0o750, gid=7),
            "run/lock": Directory(mode=0o1777),
            "tmp": Directory(mode=0o1777),
        },
        links={"bin": "usr/bin", "opt": "mnt/opt", "var/lock": "run/lock", "var/run": "run"},
    )


def test_a_later_layer_changes_a_directorys_mode() -> None:
    over: Base = [("tmp", 0o755, (0, 0), None), ("run", 0o700, (1, 1), None)]
    assert "tmp" not in ground(BASE, over).directories
    assert ground(BASE, over).directories["run"] == Directory(mode=0o700, uid=1, gid=1)


def test_links_through_links_are_followed_to_the_end() -> None:
    chained = Ground(links={"a": "b", "b/c": "d/e"}, directories={"d": Directory(mode=0o700)})
    assert chained.place("a/c/f") == "d/e/f"
    assert chained.under({"a", "a/c"}) == chained


def test_only_what_a_layer_passes_is_in_its_key() -> None:
    """The same wheel is the same layer on bases that differ elsewhere."""
    layer = PlannedLayer(kind="project", why="a test", files=(PlannedFile("app/x", 0o644, 1, b"x"),))
    on = layer.on(Ground(directories={"tmp": Directory(mode=0o1777)}, links={"bin": "usr/bin"}))
    assert on == layer

    def key(planned: PlannedLayer) -> object:
        return layer_key(planned, mtime=MTIME, single_member=False, recoded=frozenset())

    assert key(layer.on(Ground(links={"app": "srv"}))) != key(layer)
