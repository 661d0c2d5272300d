"""Layers are written by as many threads as one likes, and are the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from make.errors import told
from make.layers import MTIME, layer_of, transmuxed
from make.wheels import METADATA, make_wheel, open_bytes
from make.zips import STORED, Entry

from tare.build.layers import Outcome, Writing, write_layers
from tare.errors import HostileInputError
from tare.stores.cache import Cache
from tare.wheels.wheel import Wheel

NOISE = random.Random(7).randbytes(3_000_000)  # noqa: S311  # the same bytes on every run
TEXT = b"import this\n" * 40_000


def wheel(name: str, *, damaged: bool = False) -> Wheel:
    files: dict[str, bytes | Entry] = {f"{name}/module{number}.py": TEXT[: 7 * number] for number in range(300)}
    files |= {
        f"{name}/large.so": TEXT + name.encode() + NOISE[:400_000],
        f"{name}/stored.bin": Entry(name=f"{name}/stored.bin", data=NOISE, method=STORED),
        f"{name}/text.txt": TEXT,
    }
    data = make_wheel(
        files,
        dist_info=f"{name}-1.0.dist-info",
        metadata=METADATA.replace(b"sample", name.encode()),
        rows=lambda rows: [
            (path, f"sha256={'A' * 43}", size) if damaged and path == f"{name}/large.so" else (path, value, size)
            for path, value, size in rows
        ],
    )
    return open_bytes(data, f"{name}-1.0-py3-none-any.whl")


WHEELS = tuple(wheel(name) for name in ("a", "b", "c"))


def written(cache: Path, *wheels: Wheel, threads: int) -> tuple[Outcome, ...]:
    layers = [layer_of([each]) for each in wheels]
    return write_layers(
        Cache(cache), layers, {each.digest: each for each in wheels}, Writing(mtime=MTIME, threads=threads)
    )


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 8])
def test_the_number_of_threads_changes_nothing(tmp_path: Path, threads: int) -> None:
    outcomes = written(tmp_path, *WHEELS, threads=threads)

    assert outcomes == tuple(Outcome(layer=transmuxed(each)[1], reused=False) for each in WHEELS)
    for each, outcome in zip(WHEELS, outcomes, strict=True):
        assert Cache(tmp_path).path(outcome.layer.descriptor.digest).read_bytes() == transmuxed(each)[0]


def test_what_was_written_before_is_found_and_the_order_stays(tmp_path: Path) -> None:
    before = written(tmp_path, WHEELS[1], threads=2)
    outcomes = written(tmp_path, *WHEELS, threads=2)

    assert [outcome.reused for outcome in outcomes] == [False, True, False]
    assert outcomes[1].layer == before[0].layer
    assert [outcome.layer for outcome in outcomes] == [transmuxed(each)[1] for each in WHEELS]


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_large_file_that_is_not_what_record_says_leaves_no_layer_of_its_wheel(tmp_path: Path, threads: int) -> None:
    bad = wheel("d", damaged=True)
    with pytest.raises(HostileInputError) as caught:
        written(tmp_path, *WHEELS, bad, threads=threads)

    kind, message, causes, _ = told(caught.value)
    assert (kind, message) == (HostileInputError, "refusing `d-1.0-py3-none-any.whl`")
    assert causes[0].endswith(f"; RECORD says {'A' * 43}")
    assert list((tmp_path / "partial").iterdir()) == []
    assert not [
        path for path in (tmp_path / "blobs").rglob("*") if path.is_file() and b"d/large.so" in path.read_bytes()
    ]
