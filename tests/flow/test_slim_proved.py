"""Slimming that is tried: what a rule took and something needs is put back, the same each time."""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager, nullcontext

from weighing import SITE, image_of
from worlds import MakeWorld

from tare.engines.interface import RunOptions
from tare.flow.slim.image import read, slim_image
from tare.flow.slim.prove import Missed, Proof, Restored, Trial
from tare.flow.slim.proved import slim_proved
from tare.oci.image import Image

NEEDED = f"{SITE}/p/tests/table.py"
IMAGE = image_of(
    {
        f"{SITE}/p/__init__.py": b"open('tests/table.py')\n",
        f"{SITE}/p/tests/__init__.py": b"",
        f"{SITE}/p/tests/test_p.py": b"def test_p(): pass\n" * 9,
        NEEDED: b"1\n",
        f"{SITE}/q/__init__.py": b"",
        f"{SITE}/q/tests/__init__.py": b"",
        f"{SITE}/q/tests/test_q.py": b"def test_q(): pass\n",
        "usr/share/doc/p/README": b"text",
    }
)


class Fake:
    """An engine in which `p` works where the file that it needs is there, and `broken` never does.

    It stands for what runs containers: what is tried here is what becomes of the answers.
    """

    name = "fake"

    def __init__(self, *, check_needs: str = "") -> None:
        self._check_needs = check_needs
        self.runs = 0

    def available(self) -> str | None:
        return None

    def held(self, image: Image) -> AbstractContextManager[object]:
        return nullcontext(image)

    def run(self, image: Image, options: RunOptions) -> int:
        self.runs += 1
        paths = read(image).live
        if options.entrypoint == ("check",):
            assert options.stdout is not None
            os.write(options.stdout, b"collected\n\n1 failed  in 0.1 s\n")
            return int(self._check_needs not in paths)
        answer = {"p": "" if NEEDED in paths else "FileNotFoundError: tests/table.py", "q": "", "broken": "ImportError"}
        assert options.entrypoint is not None
        wanted = options.entrypoint[3:] or answer
        assert options.stdout is not None
        os.write(options.stdout, json.dumps({"modules": {name: answer[name] for name in wanted}}).encode())
        return 0


def test_the_one_file_that_is_missed_is_put_back_and_named_with_its_rule(make_world: MakeWorld) -> None:
    slim, proof = slim_proved(make_world(), IMAGE, "safe", frozenset(), Trial(engine=Fake(), interpreter=("python",)))

    assert proof == Proof(
        engine="fake",
        imported=2,
        never=("broken",),
        left_out=4,
        missed=(Missed(what="p", error="FileNotFoundError: tests/table.py"),),
        restored=(Restored(code="TS101", paths=(NEEDED,)),),
        check=None,
    )
    assert [each.path for each in slim.dropped] == [
        f"{SITE}/p/tests/__init__.py",
        f"{SITE}/p/tests/test_p.py",
        f"{SITE}/q/tests/__init__.py",
        f"{SITE}/q/tests/test_q.py",
        "usr/share/doc/p/README",
    ]


def test_the_answer_is_the_same_each_time(make_world: MakeWorld) -> None:
    trial = Trial(engine=Fake(), interpreter=("python",))
    one = slim_proved(make_world(), IMAGE, "safe", frozenset(), trial)
    again = slim_proved(make_world(), IMAGE, "safe", frozenset(), trial)

    assert one == again
    assert one[0].image == slim_image(make_world(), IMAGE, "safe", frozenset({NEEDED})).image


def test_what_a_check_misses_is_put_back_too(make_world: MakeWorld) -> None:
    trial = Trial(engine=Fake(check_needs="usr/share/doc/p/README"), interpreter=("python",), check="check")
    _, proof = slim_proved(make_world(), IMAGE, "safe", frozenset({NEEDED}), trial)

    assert proof.missed == (Missed(what="check", error="exit code 1: 1 failed in 0.1 s"),)
    assert proof.restored == (Restored(code="TS203", paths=("usr/share/doc/p/README",)),)
    assert proof.unsound == ()


def test_nothing_is_put_back_where_nothing_is_missed(make_world: MakeWorld) -> None:
    engine = Fake()
    slim, proof = slim_proved(
        make_world(), IMAGE, "safe", frozenset({NEEDED}), Trial(engine=engine, interpreter=("python",))
    )

    assert (proof.missed, proof.restored, engine.runs) == ((), (), 2)
    assert slim == slim_image(make_world(), IMAGE, "safe", frozenset({NEEDED}))
