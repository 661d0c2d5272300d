"""Generated parts of a file, and what a person wrote around them."""

from __future__ import annotations

import pytest

from tare.dockerfile.generate import merge
from tare.dockerfile.generate.stages import Part
from tare.errors import ProjectError


def test_marks_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ProjectError) as caught:
        merge.split("# tare: begin run\nFROM x\n# tare: begin start\n", "Dockerfile")

    assert caught.value.causes == ("line 3: `# tare: begin start` does not pair",)


def test_a_part_that_is_new_comes_after_the_one_before_it() -> None:
    old = merge.split("top\n# tare: begin a\n1\n# tare: end a\nmine\n# tare: begin gone\n# tare: end gone\n", "x")

    assert merge.merged([Part(name="a", lines=("2",)), Part(name="b", lines=("3",))], old) == (
        "top\n# tare: begin a\n2\n# tare: end a\n\n# tare: begin b\n3\n# tare: end b\nmine\n"
    )
