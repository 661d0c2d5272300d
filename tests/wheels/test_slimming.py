"""What the content of a wheel says about what can be left out."""

from __future__ import annotations

import hashlib

import pytest
from make.debugged import elf
from make.elves import make_elf
from make.wheels import make_wheel, open_bytes

from tare.wheels.slimming import inspect

GLIB = make_elf(symbols=["g_iconv_open"])


@pytest.mark.parametrize(
    ("name", "data", "converts"),
    [
        ("p/core.abi3.so", make_elf(symbols=["iconv_open"]), True),
        ("p.libs/libglib-2.0.so.0", GLIB, True),
        ("p/data/bin/cmake", GLIB, True),
        ("sample-1.0.data/scripts/tool", GLIB, True),
        ("p.libs/libother.so.1", make_elf(symbols=["iconv_close"]), False),
        ("p/notes", b"iconv_open\0", False),
    ],
)
def test_a_wheel_converts_characters_where_any_program_or_library_names_it(
    name: str, data: bytes, *, converts: bool
) -> None:
    assert inspect(open_bytes(make_wheel({name: data, "p/__init__.py": b""}))).iconv is converts


def test_modules_say_what_they_import_and_read() -> None:
    wheel = make_wheel(
        {
            "p/__init__.py": b"import lazy_loader\nlazy_loader.attach_stub(__name__, __file__)\nfrom .tests import runner\n",
            "p/__init__.pyi": b"",
            "p/plain.py": b"import os\n",
        }
    )
    clues = inspect(open_bytes(wheel))

    assert clues.mentions == {"p/__init__.py": ("p.tests", "p.tests.runner")}
    assert clues.stub_readers == ("p/__init__.py",)


def test_an_extension_module_is_cut_and_a_library_is_not() -> None:
    data = elf()
    clues = inspect(open_bytes(make_wheel({"p/core.abi3.so": data, "p.libs/libz.so.1": data})))

    assert list(clues.cuts) == ["p/core.abi3.so"]
    found = clues.cuts["p/core.abi3.so"]
    assert found.digest == hashlib.sha256(found.cut.apply(data)).digest()
