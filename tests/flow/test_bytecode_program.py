"""The program that compiles modules inside of an image, run by the interpreter of these tests."""

from __future__ import annotations

import ast
import importlib.util
import marshal
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from local_engine import LocalEngine, trial

from tare.flow.build.bytecode.work import Compiled, Module, compiled, seconds

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="images are Linux's")

SOURCE = "import colors\nTEXT = ('a', 'b', {'c', 'd'})\ndef told():\n    return TEXT[0] in {'x', 'y', 'z'}\n"


def module(place: Path, name: str, source: str) -> Path:
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    module(tmp_path, "shop/__init__.py", "")
    module(tmp_path, "shop/things.py", SOURCE)
    module(tmp_path, "shop/unused.py", "def unused():\n    return 1\n")
    module(tmp_path, "shop/windows.py", "raise ImportError('this is no Windows')\n")
    module(tmp_path, "shop/template.py", "{{ name }} = 1 +\n")
    module(tmp_path, "colors.py", "RED = 'red'\n")
    return tmp_path


def made(place: Path, mode: Any, names: Sequence[str] = (), script: str = "") -> Compiled:
    return compiled(trial(place), mode, script, names)


def own(found: Compiled, place: Path) -> dict[str, Module]:
    prefix = str(place)[1:] + "/"
    return {each.path.removeprefix(prefix): each for each in found.modules if each.path.startswith(prefix)}


def test_what_is_imported_is_compiled_and_nothing_else(place: Path) -> None:
    found = made(place, "auto", ["shop:things", "shop.missing"])

    assert sorted(own(found, place)) == ["colors.py", "shop/__init__.py", "shop/things.py"]
    assert (found.broken, found.unequal) == ((), ())


def test_a_module_that_fails_is_compiled_at_every_start_too(place: Path) -> None:
    assert "shop/windows.py" in own(made(place, "auto", ["shop.windows"]), place)


def test_what_a_console_script_imports_counts(place: Path) -> None:
    script = module(place, "bin/shop", "#!/opt/venv/bin/python\nimport sys\nfrom shop.things import told\n")

    assert "shop/things.py" in own(made(place, "auto", script=str(script)), place)


def test_everything_is_compiled_but_what_is_no_python(place: Path) -> None:
    found = made(place, "all")

    assert sorted(own(found, place)) == [
        "colors.py", "shop/__init__.py", "shop/things.py", "shop/unused.py", "shop/windows.py",
    ]  # fmt: skip
    assert f"{place}/shop/template.py"[1:] in found.broken


def test_bytecode_is_unchecked_and_that_of_the_source(place: Path) -> None:
    things = own(made(place, "auto", ["shop.things"]), place)["shop/things.py"]

    source = SOURCE.encode()
    assert things.data[:16] == importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + importlib.util.source_hash(source)
    code = marshal.loads(things.data[16:])  # noqa: S302  # it was written here
    assert (code.co_filename, code.co_names) == (f"{place}/shop/things.py", ("colors", "TEXT", "told"))
    assert f"/{things.cached}" == importlib.util.cache_from_source(f"{place}/shop/things.py")


def test_what_comes_out_does_not_depend_on_what_else_is_compiled(place: Path) -> None:
    few = own(made(place, "auto", ["shop.things"]), place)
    more = own(made(place, "all"), place)

    assert few == {path: more[path] for path in few}


def test_what_has_bytecode_already_is_told_apart(place: Path) -> None:
    path = f"{place}/colors.py"
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "timestamp", path],
        check=True,
        env={"PATH": os.environ["PATH"]},
    )

    there = [each.path for each in made(place, "auto", ["shop.things"]).there]
    assert path[1:] in there
    os.utime(path, (1, 1))
    assert path[1:] not in [each.path for each in made(place, "auto", ["shop.things"]).there]


def test_a_budget_knows_how_much_there_is_to_compile(place: Path) -> None:
    found = own(made(place, "budget", ["shop.things"]), place)

    nodes = {path: sum(1 for _ in ast.walk(ast.parse((place / path).read_text()))) for path in found}
    assert {path: each.weight for path, each in found.items()} == nodes


def test_the_start_is_measured(place: Path) -> None:
    module(place, "slow.py", "import time\ntime.sleep(0.2)\n")

    assert 0.2 < seconds(trial(place), "", ["slow"]) < 20


def test_what_a_module_prints_is_not_taken_for_an_answer(place: Path) -> None:
    module(place, "loud.py", "import os\nprint('{}')\nos.write(1, b'loud')\nimport atexit\natexit.register(print)\n")

    assert sorted(own(made(place, "auto", ["loud"]), place)) == ["loud.py"]
    assert seconds(trial(place), "", ["loud"]) < 20


def test_an_engine_that_fails_is_an_error(place: Path) -> None:
    from tare.errors import MachineError

    with pytest.raises(MachineError, match="did not compile modules"):
        compiled(trial(place, engine=LocalEngine(place, code=3)), "auto", "", ())
