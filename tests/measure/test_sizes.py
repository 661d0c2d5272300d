"""The sizes of an image: what is in its layers, what a container sees of it, and what a registry would send."""

from __future__ import annotations

import gzip
import random

import pytest
from make.bases import write_layer
from make.images import Entry, image, layer, raw_layer

from tare.measure.sizes import ImageSizes, image_sizes


def test_what_a_layer_hides_is_waste() -> None:
    lower = layer([Entry("a", data=b"aaaaa"), Entry("d", kind="directory"), Entry("d/x", data=b"xx")])
    upper = layer([Entry(".wh.a"), Entry("b", data=b"bbb"), Entry("d", data=b"d")])
    value = image(lower, upper)
    layers = tuple(each.descriptor.size for each in value.layers)
    pull = sum(layers)

    # "d" became a file: what lay below the directory is gone, whiteout or not.
    assert image_sizes(value, what="it", shown=99) == ImageSizes(
        pull=pull, unpacked=11, rootfs=4, waste=7, store=pull + 11, layers=layers, shown=99
    )


def test_a_layer_that_lies_here_as_a_tar_counts_as_a_push_would_make_it() -> None:
    tar = write_layer({"noise": random.Random(7).randbytes(160_000)})  # noqa: S311  # a test's data

    sizes = image_sizes(image(raw_layer(tar, compressed=False)), what="it")

    assert len(tar) > sizes.pull == pytest.approx(len(gzip.compress(tar, 6)), abs=2_000)
    assert sizes.layers == (sizes.pull,)
    assert (sizes.unpacked, sizes.shown) == (160_000, None)
