"""Two distributions, of which one imports the other's tests."""

from __future__ import annotations

P = {
    "p/__init__.py": b"",
    "p/_c.pyx": b"1" * 400,
    "p/tests/__init__.py": b"",
    "p/tests/test_p.py": b"def test_p(): pass\n",
    "p/tests/helper.py": b"from p.tests import data\n",
    "p/tests/data.py": b"",
    "p/docs/p.rst": b"2" * 30,
}
Q = {"q/__init__.py": b"from p.tests.helper import thing\n", "q/tests/test_q.py": b"3" * 50}
