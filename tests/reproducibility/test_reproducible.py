"""The same inputs give the same manifest digest, whatever the circumstances: docs/reproducibility.md."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from layouts import index_of
from make.base_images import base_image, write_base
from make.images import Entry, content, image, layer, raw_layer, symlink
from make.wheelhouse import Wheelhouse
from reproducing.axes import AXES, Machine, processor_settings
from reproducing.covering import Setting, all_pairs, covering, pairs
from reproducing.differences import explain
from reproducing.projects import BUILT, SOURCES, copier, maker, releases
from reproducing.pythons import ROOT, pythons
from reproducing.workshop import DOWNLOADS, Workshop, told

REFERENCE = {axis: values[0] for axis, values in AXES.items()}
CACHE = ROOT / ".cache" / "reproducibility"
"""What is made or fetched for `make test-reproducible` stays there."""

NETWORK = ("ALL_", "HTTP", "NO_", "PIP_", "SSL_", "TARE_DEBIAN_", "UV_", "all_", "http", "no_")

Open = Callable[..., Workshop]


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory on another file system, where the entries of a directory lie in another order."""
    memory = Path("/dev/shm")  # noqa: S108  # a file system; the name below it is our own
    if not os.access(memory, os.W_OK):
        yield tmp_path_factory.mktemp("far")
        return
    directory = memory / f"tare-{os.getpid()}"
    directory.mkdir()
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def open_workshop(tmp_path_factory: pytest.TempPathFactory, far: Path) -> Open:
    """Return what makes a workshop for a made-up project on a made-up base."""

    def make(machine: Machine, kind: str) -> Workshop:
        root = tmp_path_factory.mktemp(kind)
        house = Wheelhouse(root / "wheels")
        return Workshop(
            machine,
            root,
            far / root.name,
            make=maker({"sources": SOURCES, "built": BUILT}[kind], releases(house)),
            options=("--platform", "linux/amd64", "--find-links", str(house.directory)),
            base=write_base(root / "base", base_image()),
            variables={"UV_CACHE_DIR": str(root / "uv"), "PLACE": str(root)},
        )

    return make


def test_every_two_values_meet_in_a_row() -> None:
    axes = {"a": ("1", "2", "3"), "b": ("1", "2"), "c": ("1",), "d": ("1", "2", "3", "4")}

    rows = covering(axes)

    assert set().union(*(pairs(row.items()) for row in rows)) == all_pairs(axes)
    assert rows[0] == {"a": "1", "b": "1", "c": "1", "d": "1"}
    assert len(rows) < 3 * 2 * 4


@pytest.mark.parametrize("kind", ["sources", "built"])
def test_no_circumstance_shows_in_an_image(open_workshop: Open, tmp_path: Path, kind: str) -> None:
    """With those rows of the covering array that bring a new value, so that each is tried once.

    An emulator takes its time, so other processors are tried with one of the projects.
    """
    machine = Machine(tmp_path)
    workshop = open_workshop(machine, kind)
    reference = workshop.fill(REFERENCE)
    axes = {
        axis: values[:1] if (axis, kind) == ("processor", "built") else values
        for axis, values in machine.axes().items()
    }

    for setting in with_new_values(covering(axes)):
        check(workshop, reference, setting)


def with_new_values(settings: list[Setting]) -> Iterator[Setting]:
    """Yield the *settings* after the first that have a value which none before them had."""
    seen = set(settings[0].items())
    for setting in settings[1:]:
        if not seen.issuperset(setting.items()):
            seen.update(setting.items())
            yield setting


def check(workshop: Workshop, reference: Path, setting: Setting) -> None:
    """Build under *setting*, and fail with the entries that differ from the *reference*."""
    difference = explain(reference, workshop.build(setting))
    assert not difference, f"with {told(setting, REFERENCE.items())} the image is another:\n{difference}"


def test_a_source_date_epoch_is_an_input_like_any_other(open_workshop: Open, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    workshop = open_workshop(machine, "sources")
    reference = workshop.fill(REFERENCE)
    otherwise = {axis: values[-1] for axis, values in machine.axes().items() if axis != "processor"}

    dated = [workshop.build({**REFERENCE, **setting}, SOURCE_DATE_EPOCH="1700000000") for setting in ({}, otherwise)]

    assert explain(*dated) == ""
    lines = [line for line in explain(reference, dated[0]).splitlines() if line.startswith("layer 5")]
    assert lines[0] == "layer 5: `app`: mtime 315532800 / 1700000000"
    assert {line.split()[3] for line in lines} == {"mtime"}


def test_what_differs_in_a_build_is_told_by_fields_and_entries(open_workshop: Open, tmp_path: Path) -> None:
    workshop = open_workshop(Machine(tmp_path), "sources")
    reference = workshop.fill(REFERENCE)
    workshop.change("ısı.py", "print('other')\n", mode=0o755)

    lines = explain(reference, workshop.build(REFERENCE)).splitlines()

    assert [line for line in lines if line.startswith("layer")] == [
        "layer 5: `app/ısı.py`: mode 0644 / 0755",
        "layer 5: `app/ısı.py`: size 12 / 15",
        "layer 5: `app/ısı.py`: content 'de463416a2c1ea97' / 'b74b5fe42240fc5b'",
    ]
    assert {line.split(":")[0] for line in lines} == {"manifest", "configuration", "layer 5"}


A, B = Entry("a", b"1"), Entry("b", b"2")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([A, B], [A, B], []),
        ([A, B], [B, A], ["the order differs from entry 0 on: `a` / `b`"]),
        ([A, B], [A], ["`b` is only in the first"]),
        ([A], [A, symlink("c", "a")], ["`c` is only in the second"]),
        ([symlink("c", "a")], [symlink("c", "b")], ["`c`: linkname 'a' / 'b'"]),
    ],
    ids=["nothing", "order", "removed", "added", "link"],
)
def test_what_differs_in_a_layer_is_told(
    tmp_path: Path, one: list[Entry], other: list[Entry], expected: list[str]
) -> None:
    layouts = [write_base(tmp_path / str(number), image(layer(entries))) for number, entries in enumerate((one, other))]

    lines = explain(*layouts).splitlines()

    assert [line for line in lines if line.startswith("layer")] == [f"layer 0: {line}" for line in expected]


def test_the_same_contents_compressed_otherwise_are_told_as_that(tmp_path: Path) -> None:
    ours = layer([A])
    others = raw_layer(gzip.decompress(content(ours[0])))
    layouts = [write_base(tmp_path / str(number), image(each)) for number, each in enumerate((ours, others))]

    lines = explain(*layouts).splitlines()

    sizes = " and ".join(str(blob.descriptor.size) for blob, _ in (ours, others))
    assert lines[-1] == f"layer 0: the same diff ID; compressed to {sizes} bytes, different from byte 8 on"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """This machine with all it has to vary, other CPythons too."""
    return Machine(tmp_path_factory.mktemp("machine"), *pythons(CACHE))


@pytest.mark.slow
def test_an_emulated_processor_is_another_to_what_chooses_its_code_by_it(machine: Machine) -> None:
    if machine.qemu is None:
        pytest.skip("there is no `qemu-x86_64`")

    found = {processor: processor_settings(machine, processor) for processor in AXES["processor"][1:]}

    assert len(set(found.values())) == len(found), found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sources", "built"])
def test_no_two_circumstances_show_in_an_image(
    machine: Machine, open_workshop: Open, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    workshop = open_workshop(machine, f"{kind}")
    through_all(machine, workshop, workshop.fill(REFERENCE), f"a made-up project, {kind}", capsys)


@pytest.mark.slow
def test_no_two_circumstances_show_in_a_real_image(
    machine: Machine, tmp_path: Path, far: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`examples/science` on `deb:trixie`, which is assembled anew where the cache is cold."""
    science = ROOT / "examples" / "science"
    options = ("--base", "deb:trixie", "--platform", "linux/amd64")
    network = {name: value for name, value in os.environ.items() if name.startswith(NETWORK)}
    variables = {**network, "UV_CACHE_DIR": str(CACHE / "uv")}
    command = [sys.executable, "-m", "tare", "build", str(science), "-o", f"oci:{tmp_path / 'first'}", *options]
    paths = {"TARE_CACHE_DIR": str(CACHE / "tare"), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **variables, **paths}
    )
    if done.returncode:
        pytest.skip(f"the base or the wheels cannot be had here: {done.stderr.strip()[-300:]}")
    workshop = Workshop(
        machine,
        tmp_path,
        far / "science",
        make=copier(science),
        options=options,
        seed=CACHE / "tare",
        variables=variables,
    )
    through_all(machine, workshop, workshop.fill(REFERENCE, keep=DOWNLOADS), "examples/science on deb:trixie", capsys)


def through_all(
    machine: Machine, workshop: Workshop, reference: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Build under every row of the covering array, and print what was tried."""
    axes = machine.axes()
    settings = covering(axes)
    for setting in settings:
        check(workshop, reference, setting)
    digest = index_of(reference)["manifests"][0]["digest"]
    lines = [f"{what}: {len(settings)} builds, {len(all_pairs(axes))} pairs, all {digest}"]
    lines += [f"  {axis}: {', '.join(values)}" for axis, values in axes.items()]
    lines += [f"  not tried: {value}: {why}" for value, why in machine.absent.items()]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
