"""A prediction is the size that the layer then has, to the byte."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make.layers import MTIME, layer_of, transmuxed
from make.wheels import METADATA, make_wheel, open_bytes
from make.zips import STORED, Entry, deflate_in_blocks

from tare.build.predict import PredictedLayer, predict_layer
from tare.plan.plan import Link, PlannedFile
from tare.wheels.wheel import Wheel

NOISE = random.Random(7).randbytes(200_000)  # noqa: S311  # the same bytes on every run
PLANNED = (
    PlannedFile("opt/venv/bin/python", 0o777, 0, Link("/usr/bin/python3.13")),
    PlannedFile("opt/venv/pyvenv.cfg", 0o644, 4, b"home"),
)


def wheel(name: str = "sample") -> Wheel:
    files: dict[str, bytes | Entry] = {
        f"{name}/__init__.py": b"import this\n" * 900,
        f"{name}/empty.py": b"",
        f"{name}/stored.bin": Entry(name=f"{name}/stored.bin", data=NOISE, method=STORED),
        f"{name}/blocks.py": Entry(
            name=f"{name}/blocks.py", data=NOISE[:9_000], stream=deflate_in_blocks(NOISE[:9_000], 500)
        ),
        f"{name}/{'deep/' * 30}long.py": b"x",
        f"{name}-1.0.data/scripts/run": b"#!python\nprint(1)\n",
        **{f"{name}/many/{number}.py": bytes(number) for number in range(50)},
    }
    data = make_wheel(files, dist_info=f"{name}-1.0.dist-info", metadata=METADATA.replace(b"sample", name.encode()))
    return open_bytes(data, f"{name}-1.0-py3-none-any.whl")


def test_a_layer_of_wheels_is_predicted_to_the_byte() -> None:
    _, written = transmuxed(wheel("a"), wheel("b"), files=PLANNED)

    predicted = predict_layer(layer_of([wheel("a"), wheel("b")], PLANNED), mtime=MTIME)

    assert predicted == PredictedLayer(size=written.descriptor.size, unpacked=written.unpacked, exact=True)


def test_so_is_one_with_more_own_bytes_than_are_held() -> None:
    many = {f"p/{number}-{'n' * 90}.py": b"" for number in range(3_000)}
    big = open_bytes(make_wheel(many))
    _, written = transmuxed(big)

    predicted = predict_layer(layer_of([big]), mtime=MTIME)

    assert (predicted.size, predicted.exact) == (written.descriptor.size, True)


@pytest.mark.parametrize("way", ["single", "recoded"])
def test_what_is_compressed_again_is_not_called_exact(way: str) -> None:
    one = wheel("a")
    recoded = frozenset({one.digest}) if way == "recoded" else frozenset()

    predicted = predict_layer(layer_of([one]), mtime=MTIME, single_member=way == "single", recoded=recoded)

    assert not predicted.exact
    assert predicted.unpacked == layer_of([one]).unpacked


def test_what_is_compressed_again_and_at_hand_is_predicted_to_the_byte() -> None:
    one, recoded = wheel("a"), frozenset({wheel("a").digest})
    _, written = transmuxed(one, files=PLANNED, recoded=recoded)

    predicted = predict_layer(layer_of([one], PLANNED), mtime=MTIME, recoded=recoded, wheels={one.digest: one})

    assert predicted == PredictedLayer(size=written.descriptor.size, unpacked=written.unpacked, exact=True)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}/[a-z]{1,60}\.py", fullmatch=True), st.binary(max_size=3_000)))
def test_whatever_the_files_are(files: dict[str, bytes]) -> None:
    any_wheel = open_bytes(make_wheel(files))
    _, written = transmuxed(any_wheel)

    assert predict_layer(layer_of([any_wheel]), mtime=MTIME).size == written.descriptor.size
