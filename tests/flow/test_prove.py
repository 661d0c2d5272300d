"""What is put back when something is missed: the smallest part, the same each time."""

from __future__ import annotations

import itertools

import pytest
from make.bases import Layer
from weighing import image_of

from tare.flow.slim.interpreter import interpreter_of
from tare.flow.slim.prove import Restored, needed
from tare.plan.plan import Dropped

SITE = "opt/venv/lib/python3.13/site-packages"
FILES = (
    *(
        Dropped(path=f"{SITE}/{package}/tests/{name}.py", size=1, code="TS101")
        for package in ("a", "b", "c", "d", "e")
        for name in ("x", "y", "z")
    ),
    Dropped(path=f"{SITE}/a/_c.pyx", size=1, code="TS102"),
)


VENV = {
    "app/env/pyvenv.cfg": b"home = /usr/bin\n",
    "app/env/bin/python": "/usr/bin/python3.13",
    "usr/bin/python3.13": b"1",
}


@pytest.mark.parametrize(
    ("layer", "run", "interpreter"),
    [
        (VENV, {"cmd": ("/app/env/bin/gunicorn", "app")}, "/app/env/bin/python"),
        (VENV, {"cmd": ("gunicorn",), "env": ("PATH=/usr/bin:/app/env/bin",)}, "/app/env/bin/python"),
        (VENV, {"cmd": ("app",), "entrypoint": ("/usr/bin/python3.13",)}, "/usr/bin/python3.13"),
        (VENV, {"entrypoint": ("/app/start.sh",), "env": ("PATH=/usr/bin",)}, "/base"),
        ({**VENV, "app/env/bin/python": "/gone"}, {"cmd": ("/app/env/bin/gunicorn",)}, "/base"),
        ({"app/env/bin/python": b"1"}, {"cmd": ("/app/env/bin/gunicorn",)}, "/base"),
    ],
)
def test_modules_are_those_of_the_environment_that_the_program_runs_in(
    layer: Layer, run: dict[str, tuple[str, ...]], interpreter: str
) -> None:
    assert interpreter_of(image_of(layer, **run), "/base") == interpreter


def restored(*wanted: str) -> tuple[Restored, ...]:
    return needed(FILES, lambda paths: set(wanted) <= paths)


def test_the_one_file_that_is_missed_is_found_with_its_rule() -> None:
    for each in FILES:
        assert restored(each.path) == (Restored(code=each.code, paths=(each.path,)),)


def test_two_files_that_are_missed_together_are_both_found() -> None:
    for one, other in itertools.combinations(FILES, 2):
        found = restored(one.path, other.path)
        assert sorted(path for each in found for path in each.paths) == sorted((one.path, other.path))


def test_the_order_in_which_files_were_left_out_does_not_matter() -> None:
    wanted = {FILES[4].path, FILES[15].path}
    assert needed(FILES[::-1], lambda paths: wanted <= paths) == restored(*wanted)
