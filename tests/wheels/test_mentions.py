"""What a Python file says about tests that it imports, and stubs that it reads."""

from __future__ import annotations

import pytest

from tare.wheels.mentions import mentions, reads_stub


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (b"import numpy", ()),
        (b"x = 'from p import tests'\nimport os", ()),
        (b"from p.tests import a, b as c", ("p.tests", "p.tests.a", "p.tests.b")),
        (b"from . import (\n    core,\n    tests,\n)", ("p.tests",)),
        (b"from ..q import tests", ("q.tests",)),
        (b"def f():\n    import p.tests.runner", ("p.tests.runner",)),
        (b"import importlib\nm = importlib.import_module('p.tests.x')", ("p.tests.x",)),
        (b"from p import tests (", ()),
    ],
)
def test_imports_of_tests_are_found_wherever_they_stand(source: bytes, names: tuple[str, ...]) -> None:
    assert mentions("p", source, package=True) == names


def test_a_relative_import_is_resolved_from_the_module() -> None:
    assert mentions("p.a.b", b"from ..tests import x", package=False) == ("p.tests", "p.tests.x")


def test_a_module_that_attaches_its_stub_reads_it() -> None:
    assert reads_stub(b"__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)")
    assert not reads_stub(b"# attach_stubs")
