"""Patterns of the shell match all that shall go, and nothing that stays: a real shell is asked."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tare.dockerfile.generate.patterns import patterns


def test_what_goes_in_many_directories_is_one_pattern() -> None:
    gone = [f"{name}/tests/test_{number}.py" for name in ("pandas", "numpy", "PIL") for number in range(3)]
    kept = [f"{name}/__init__.py" for name in ("pandas", "numpy", "PIL")]

    assert patterns(gone, kept) == ("*/tests",)


def test_a_test_that_something_imports_stays_and_its_neighbours_go() -> None:
    kept = ["numpy/__init__.py", "numpy/tests/_natype.py", "numpy/fft/__init__.py"]
    gone = ["numpy/tests/test_a.py", "numpy/tests/test_b.py", "numpy/tests/data/x.npy", "numpy/fft/tests/test_c.py"]

    assert patterns(gone, kept) == ("numpy/fft/tests", "numpy/tests/data", "numpy/tests/test_*.py")


def test_files_go_by_their_kind_where_no_such_file_stays() -> None:
    kept = ["a/x.py", "a/needed.h", "b/x.py"]

    assert patterns(["a/one.c", "a/two.c", "a/other.h", "b/three.c"], kept) == ("*/*.c", "a/other.h")


def test_a_name_that_a_shell_would_read_otherwise_stays() -> None:
    assert patterns(["a/it's.c", "a/$HOME/x.c", "a/b.c"], ["a/x.py"]) == ("a/*.c",)


def test_where_more_lies_that_nobody_knows_no_directory_is_meant_by_a_star() -> None:
    gone = [f"{name}/tests/test_{number}.py" for name in ("pandas", "numpy") for number in range(2)]
    gone += ["numpy/a.c", "numpy/b.c"]
    kept = ["pandas/__init__.py", "numpy/__init__.py"]

    assert patterns(gone, kept, others=True) == ("numpy/*.c", "numpy/tests", "pandas/tests")


NAMES = st.sampled_from(["a", "b", "tests", ".hidden", "test_x.py", "test_y.py", "x.c", "y.c", "x.py", "_z.py", "x y"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@settings(max_examples=60, deadline=None)
@given(files=st.sets(PATHS, max_size=24), choice=st.randoms(use_true_random=False))
def test_a_shell_removes_nothing_that_stays_and_all_that_has_a_plain_name(files: set[str], choice: Random) -> None:
    paths = sorted(path for path in files if not any(other.startswith(f"{path}/") for other in files))
    gone = {path for path in paths if choice.random() < 0.6}
    with tempfile.TemporaryDirectory() as directory:
        for path in paths:
            Path(directory, path).parent.mkdir(parents=True, exist_ok=True)
            Path(directory, path).touch()
        found = patterns(gone, set(paths) - gone)
        subprocess.run(["sh", "-c", f"rm -rf -- {' '.join(found)}"], cwd=directory, check=True)
        left = {str(path.relative_to(directory)) for path in Path(directory).rglob("*") if path.is_file()}

    assert left >= set(paths) - gone
    assert [path for path in left & gone if " " not in path] == []
