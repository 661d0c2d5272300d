"""What a file of an installation is for: by path and neighbours, and never by name alone."""

from __future__ import annotations

from typing import get_args

import pytest

from tare.wheels.kinds import Kind, KnownFile, Rule, inside, kinds, table

SITE = "opt/venv/lib/python3.13/site-packages"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("pandas/__init__.py", "module"),
        ("pandas/_libs/lib.cpython-313-x86_64-linux-gnu.so", "extension module"),
        ("markupsafe/_speedups.abi3.so", "extension module"),
        ("charset_normalizer/md.so", "extension module"),
        ("numpy.libs/libgfortran-040039e1-0352e75f.so.5.0.0", "library"),
        ("pyarrow/libarrow.so.2300", "library"),
        ("pyarrow/libarrow_python.so", "library"),
        ("numpy/__init__.pyi", "stub"),
        ("numpy/py.typed", "stub"),
        ("numpy/__init__.cython-30.pxd", "source"),
        ("fontTools/cu2qu/cu2qu.c", "source"),
        ("numpy/_core/include/numpy/arrayobject.h", "header"),
        ("numpy/_core/lib/libnpymath.a", "static library"),
        ("numpy/__pycache__/__init__.cpython-313.pyc", "bytecode"),
        ("app/__pycache__/fast.f-12.py313.1.nbc", "cache"),
        ("django/conf/locale/ko/LC_MESSAGES/django.mo", "locale"),
        ("django/conf/locale/ko/formats.py", "module"),
        ("pytz/zoneinfo/Asia/Seoul", "data"),
        ("attrs-25.4.0.dist-info/METADATA", "metadata"),
        ("attrs-25.4.0.dist-info/licenses/LICENSE", "licence"),
        ("scipy-1.18.1.dist-info/licenses/scipy/sparse/arpack.md", "licence"),
        ("tqdm-4.dist-info/LICENCE", "licence"),
        ("matplotlib/mpl-data/fonts/ttf/LICENSE_DEJAVU", "data"),
        ("license.py", "module"),
        ("../../../bin/uvicorn", "script"),
        ("../../../share/man/man1/ttx.1", "documentation"),
    ],
)
def test_a_file_is_known_by_its_name_and_place(path: str, kind: str) -> None:
    assert list(kinds([f"{SITE}/{path}"]).values()) == [kind]


def test_a_directory_of_tests_is_one_because_tests_are_in_it() -> None:
    assert kinds(
        [
            f"{SITE}/pandas/tests/io/data/iris.csv",
            f"{SITE}/pandas/tests/io/test_csv.py",
            f"{SITE}/pandas/tests/__pycache__/__init__.cpython-313.pyc",
            f"{SITE}/pandas/conftest.py",
            f"{SITE}/pandas/core/frame.py",
        ]
    ) == {
        f"{SITE}/pandas/tests/io/data/iris.csv": "test",
        f"{SITE}/pandas/tests/io/test_csv.py": "test",
        f"{SITE}/pandas/tests/__pycache__/__init__.cpython-313.pyc": "test",
        f"{SITE}/pandas/conftest.py": "test",
        f"{SITE}/pandas/core/frame.py": "module",
    }


@pytest.mark.parametrize(
    "paths",
    [
        ["django/test/__init__.py", "django/test/testcases.py", "django/test/client.py"],
        ["django/core/management/commands/test.py"],
        ["jinja2/tests.py"],
        ["annotated_types/test_cases.py"],
        ["botocore/docs/__init__.py", "botocore/docs/service.py"],
        ["app/conftest.py"],
        ["tables/tests/__init__.py", "tables/tests/common.py"],
    ],
)
def test_a_name_alone_proves_nothing(paths: list[str]) -> None:
    found = kinds([f"{SITE}/{path}" for path in paths])

    assert set(found.values()) == {"module"}


def test_what_is_imported_from_among_tests_is_an_exception() -> None:
    found = kinds([f"{SITE}/tables/tests/{name}" for name in ("common.py", "test_array.py", "data.h5")])

    assert list(found.values()) == ["module", "test", "test"]


def test_an_environment_in_a_directory_of_tests_is_not_made_of_tests() -> None:
    found = kinds(
        ["srv/tests/test_app.py", "srv/tests/venv/lib/python3.13/site-packages/six.py", "srv/tests/x/tests/test_y.py"]
    )

    assert list(found.values()) == ["module", "module", "test"]


def test_documents_beside_modules_are_data_of_theirs() -> None:
    assert kinds(["p/docs/guide.rst", "q/docs/guide.rst", "q/docs/__init__.py"]) == {
        "p/docs/guide.rst": "documentation",
        "q/docs/guide.rst": "data",
        "q/docs/__init__.py": "module",
    }


def test_sources_that_are_compiled_at_run_time_are_data() -> None:
    paths = ["triton/backends/nvidia/driver.c", "cupy/_core/include/cupy/carray.cuh", "mypy/typeshed/stdlib/os.pyi"]

    assert set(kinds([f"{SITE}/{path}" for path in paths]).values()) == {"data"}


def test_the_order_of_paths_does_not_matter() -> None:
    paths = [f"{SITE}/p/tests/test_a.py", f"{SITE}/p/tests/b.py", f"{SITE}/p/docs/x.md", "etc/passwd"]

    assert kinds(paths) == kinds(reversed(paths))


def test_deep_paths_are_judged_without_recursion() -> None:
    deep = "/".join(["d"] * 5000)

    assert kinds([f"{deep}/x.py"]) == {f"{deep}/x.py": "module"}


def test_a_path_is_shown_from_where_modules_are_found() -> None:
    assert inside("usr/local/lib/python3.14/json/tool.py") == "json/tool.py"
    assert inside("usr/lib/python3/dist-packages/six.py") == "six.py"
    assert inside("app/main.py") == "app/main.py"


def test_every_row_has_a_source_and_a_date() -> None:
    rows: list[Rule | KnownFile] = [*table().rule, *table().exception]

    assert [row for row in rows if len(row.source) < 5 or len(row.date) != 10] == []
    assert {row.kind for row in rows} | {"data"} == set(get_args(Kind))
