"""A check is at least as strict as tare's own readers, and sees the same file system as a naive one."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from images import tars
from images.cases import Case
from images.parts import Image, Layer
from images.sound import all_sound
from images.unsound_layers import ARCHIVES, ENTRIES

from tare.errors import TareError
from tare.oci import validate
from tare.oci.tar import TarReader
from tare.oci.validate.archive import Archive
from tare.oci.validate.changes import Changes
from tare.oci.validate.findings import Fatal, Report
from tare.oci.validate.limits import Limits
from tare.oci.validate.machines import Machines
from tare.oci.validate.tree import Directory, Node, Tree


def is_refused(tar: bytes) -> bool:
    """Tell whether tare's reader of archives refuses *tar*."""
    try:
        for _ in TarReader(io.BytesIO(tar), what="the layer"):
            pass
    except TareError:
        return True
    return False


def problems(tar: bytes) -> list[str]:
    """Return the rules that *tar* breaks, but for its compression and digests."""
    report = Report("layer")
    changes = Changes(Tree(), Machines("amd64"), Limits())
    changes.begin(0, report)
    try:
        for member in Archive(io.BytesIO(tar), report, Limits()):
            changes.apply(member)
    except Fatal as fault:
        report.add(fault.code, "", fault.message)
    return [finding.code for finding in report.findings()]


@given(data=st.data())
@settings(max_examples=500)
def test_what_the_reader_of_archives_refuses_is_a_finding(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from([layer.tar for layer in Image().layers])))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
    start = at // 512 * 512
    if data.draw(st.booleans()):  # with the right checksum
        block = raw[start : start + 148] + b" " * 8 + raw[start + 156 : start + 512]
        raw[start + 148 : start + 156] = b"%06o\0 " % sum(block)
    if is_refused(bytes(raw)):
        assert problems(bytes(raw))


def test_what_the_reader_of_archives_refuses_of_all_cases_is_a_finding() -> None:
    refused = {
        case.name
        for case in (*ARCHIVES, *ENTRIES, *all_sound())
        if not case.codes and any(map(is_refused, tars_of(case)))
    }
    assert not refused


def tars_of(case: Case) -> list[bytes]:
    image = Image()
    for change in case.changes:
        change(image)
    return [layer.tar for layer in image.layers if layer.stored is None]


NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
ENTRY = st.tuples(st.sampled_from(["file", "directory", "whiteout", "opaque"]), PATHS)
Model = dict[str, str]


def layer_of(entries: list[tuple[str, str]]) -> bytes:
    made = []
    for kind, path in entries:
        above, _, name = path.rpartition("/")
        above += "/" if above else ""
        if kind == "directory":
            made.append(tars.directory(path))
        elif kind == "file":
            made.append(tars.file(path, b"x"))
        else:
            made.append(tars.whiteout(f"{above}.wh.{name}" if kind == "whiteout" else f"{path}/.wh..wh..opq"))
    return tars.archive(*made)


def apply(model: Model, entries: list[tuple[str, str]]) -> Model:
    """Apply a layer as the specification words it: whiteouts first, and to lower layers alone."""
    below = dict(model)
    for kind, path in entries:
        if kind == "whiteout":
            below = {name: what for name, what in below.items() if name != path and not name.startswith(f"{path}/")}
        elif kind == "opaque":
            below = {name: what for name, what in below.items() if not name.startswith(f"{path}/")}
    for kind, path in entries:
        if kind in {"file", "directory"}:
            parts = path.split("/")
            for depth in range(1, len(parts)):
                below["/".join(parts[:depth])] = "directory"
            if kind == "file":
                below = {name: what for name, what in below.items() if not name.startswith(f"{path}/")}
            below[path] = kind
    return below


def is_clear(model: Model, entries: list[tuple[str, str]]) -> bool:
    """Tell whether all engines agree on a layer: no path twice, nothing below a file, whiteouts before the rest.

    A file of a lower layer may become a directory, but only before anything is put below it.
    """
    paths = [path for kind, path in entries if kind in {"file", "directory"}]
    files = [path for kind, path in entries if kind == "file"]
    hidden = [entry for entry in entries if entry[0] in {"whiteout", "opaque"}]
    if len(set(paths)) != len(paths) or len(set(hidden)) != len(hidden) or entries[: len(hidden)] != hidden:
        return False
    lower = [name for name, what in apply(model, hidden).items() if what == "file"]
    above = [path for path in files for other in paths if other.startswith(f"{path}/")]
    for name in lower:
        before = paths[: paths.index(name)] if name in paths else paths
        above += [other for other in before if other.startswith(f"{name}/")]
    through = [name for name, what in model.items() if what == "file" for _, path in hidden if path.startswith(name)]
    return not above and not through


def flattened(node: Node, path: str = "") -> Model:
    if not isinstance(node, Directory):
        return {path: "file"}
    found = {path: "directory"} if path else {}
    for name, child in node.children.items():
        found |= flattened(child, f"{path}/{name.decode()}" if path else name.decode())
    return found


@given(st.lists(st.lists(ENTRY, max_size=6), min_size=1, max_size=4))
@settings(max_examples=500)
def test_layers_make_the_file_system_that_the_specification_words(layers: list[list[tuple[str, str]]]) -> None:
    model: Model = {}
    tree = Tree()
    changes = Changes(tree, Machines("amd64"), Limits())
    for number, entries in enumerate(layers):
        ordered = sorted(entries, key=lambda entry: entry[0] in {"file", "directory"})
        if not is_clear(model, ordered):
            return
        model = apply(model, ordered)
        changes.begin(number, Report("layer"))
        for member in Archive(io.BytesIO(layer_of(ordered)), Report("layer"), Limits()):
            changes.apply(member)
        changes.end(whole=True)
        assert flattened(tree.root) == model


@given(st.lists(st.lists(ENTRY, max_size=6), min_size=1, max_size=4))
@settings(max_examples=100)
def test_layers_that_no_engine_disagrees_on_have_no_errors(layers: list[list[tuple[str, str]]]) -> None:
    model: Model = {}
    made = Image()
    made.layers.clear()
    for entries in layers:
        ordered = sorted(entries, key=lambda entry: entry[0] in {"file", "directory"})
        if not is_clear(model, ordered):
            return
        model = apply(model, ordered)
        made.layers.append(Layer(layer_of(ordered)))
    with tempfile.TemporaryDirectory() as directory:
        made.write(Path(directory) / "layout")
        verdict = validate.layout(Path(directory) / "layout")
        assert verdict.valid, verdict.findings
