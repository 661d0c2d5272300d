"""What an image's interpreter printed is read strictly: it ran in a container of somebody's code."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from local_engine import LocalEngine, trial

from tare.errors import IntegrityError
from tare.flow.build.bytecode.work import Compiled, Module, compiled

HEAD = b"\xf3\x0d\r\n\1\0\0\0" + bytes(8)
DATA = HEAD + b"code"
CACHED = "/lib/__pycache__/a.cpython-313.pyc"


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def output(data: bytes = DATA, again: bytes = DATA, **changes: Any) -> bytes:
    record = {"state": "compiled", "path": "/lib/a.py", "cached": CACHED, "size": len(data), **changes}
    digests = {record["path"]: (hashlib.sha256(again).hexdigest(), 7)}
    return line(**record) + data + line(state="end") + line(again=digests)


def read(text: bytes) -> Compiled:
    place = Path("/nonexistent")
    return compiled(trial(place, LocalEngine(place, output=text)), "auto", "", ())


MODULE = Module(path="lib/a.py", cached=CACHED[1:], data=DATA, weight=7)


def test_a_module_is_read() -> None:
    assert read(output()) == Compiled(modules=(MODULE,), there=(), broken=(), unequal=())


def test_what_does_not_come_out_equal_is_left_out_and_told() -> None:
    assert read(output(again=DATA + b"!")) == Compiled(modules=(), there=(), broken=(), unequal=("lib/a.py",))


def test_what_was_not_compiled_again_is_left_out() -> None:
    text = output().replace(b'"again": {"/lib/a.py"', b'"again": {"/lib/b.py"')
    assert read(text) == Compiled(modules=(), there=(), broken=(), unequal=("lib/a.py",))


HOSTILE = {
    "a path that leads up": output(cached="/lib/../etc/a.pyc"),
    "a path that is none": output(cached="lib/a.pyc"),
    "a double slash": output(cached="/lib//a.pyc"),
    "a zero": output(cached="/lib/a\0.pyc"),
    "a source that leads up": output(path="/lib/../a.py"),
    "no bytecode": output(cached="/etc/passwd"),
    "bytecode that is compared with its source": output(HEAD[:4] + b"\0\0\0\0" + bytes(8) + b"code"),
    "bytecode that is checked": output(HEAD[:4] + b"\3\0\0\0" + bytes(8) + b"code"),
    "no magic number": output(bytes(16) + b"code"),
    "nothing but a head": output(HEAD),
    "a size that is none": output(size=-1),
    "a size that is too large": output(size=2**40),
    "an end in the middle": output()[:-20],
    "an end in a module": output(size=10**6),
    "an end before the digests": line(state="end"),
    "nothing": b"",
    "another state": output(state="fine"),
    "no JSON": b"{}\n{\n",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_everything_else_is_refused(what: str) -> None:
    with pytest.raises(IntegrityError):
        read(HOSTILE[what])
