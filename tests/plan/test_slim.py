"""Which files an image can do without, decided by their paths and by what others say of them."""

from __future__ import annotations

import pytest

from tare.plan.slim import Evidence, decide, rules, table

SITE = "opt/venv/lib/python3.13/site-packages"


def taken(
    *paths: str, level: str = "safe", evidence: Evidence | None = None, spared: tuple[str, ...] = ()
) -> dict[str, str]:
    return decide(paths, "more" if level == "more" else "safe", evidence or Evidence(), spared=frozenset(spared))


@pytest.mark.parametrize(
    "path",
    [
        "django/test/client.py",
        "django/core/management/commands/test.py",
        "jinja2/tests.py",
        "numpy/testing/__init__.py",
        "pandas/testing.py",
        "p.libs/libfoo-123.so.1",
        "p-1.0.dist-info/licenses/LICENSE",
        "p-1.0.dist-info/METADATA",
        "p-1.0.dist-info/entry_points.txt",
        "p/py.typed",
        "torch/include/ATen/ATen.h",
        "Cython/Utility/Builtins.c",
        "brian2/codegen/runtime/cython_rt/templates/common.pyx",
        "pytensor/link/c/c_code/lazylinker_c.c",
    ],
)
def test_what_only_looks_as_if_nobody_needed_it_stays(path: str) -> None:
    assert taken(f"{SITE}/{path}", level="more") == {}


def test_tests_sources_headers_and_manuals_go() -> None:
    gone = taken(
        f"{SITE}/p/tests/test_x.py",
        f"{SITE}/p/tests/data/x.csv",
        f"{SITE}/p/_c.pyx",
        f"{SITE}/p/include/p.h",
        f"{SITE}/p/lib/libp.a",
        "opt/venv/share/man/man1/p.1",
        f"{SITE}/p/__init__.py",
        f"{SITE}/p/__init__.pyi",
    )
    assert gone == {
        f"{SITE}/p/tests/test_x.py": "TS101",
        f"{SITE}/p/tests/data/x.csv": "TS101",
        f"{SITE}/p/_c.pyx": "TS102",
        f"{SITE}/p/include/p.h": "TS103",
        f"{SITE}/p/lib/libp.a": "TS103",
        "opt/venv/share/man/man1/p.1": "TS104",
    }


def test_a_module_of_tests_that_another_one_imports_stays_with_all_that_it_imports() -> None:
    evidence = Evidence(
        mentions={
            f"{SITE}/p/__init__.py": ("p.tests", "p.tests.runner"),
            f"{SITE}/p/tests/runner.py": ("p.tests.common",),
            f"{SITE}/p/tests/test_x.py": ("p.tests.helper",),
        }
    )
    names = ("__init__", "runner", "common", "helper", "test_x")
    gone = taken(f"{SITE}/p/__init__.py", *(f"{SITE}/p/tests/{name}.py" for name in names), evidence=evidence)
    assert sorted(gone) == [f"{SITE}/p/tests/helper.py", f"{SITE}/p/tests/test_x.py"]


def test_a_stub_stays_where_the_module_beside_it_reads_it() -> None:
    evidence = Evidence(stub_readers=frozenset({f"{SITE}/p/__init__.py"}))
    gone = taken(f"{SITE}/p/__init__.pyi", f"{SITE}/p/a.pyi", level="more", evidence=evidence)
    assert gone == {f"{SITE}/p/a.pyi": "TS106"}


def test_the_base_loses_what_nobody_converts_with_and_keeps_its_licences_and_locale() -> None:
    paths = (
        "usr/lib/x86_64-linux-gnu/gconv/IBM037.so",
        "usr/lib/x86_64-linux-gnu/gconv/UTF-16.so",
        "usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache",
        "usr/lib/python3.13/pydoc_data/topics.py",
        "usr/lib/python3.13/idlelib/editor.py",
        "usr/lib/python3.13/encodings/cp037.py",
        "usr/share/doc/libc6/copyright",
        "usr/share/doc/libc6/changelog.gz",
        "usr/lib/locale/C.utf8/LC_CTYPE",
        "usr/lib/locale/locale-archive",
    )
    safe = {
        "usr/lib/x86_64-linux-gnu/gconv/IBM037.so": "TS202",
        "usr/lib/python3.13/pydoc_data/topics.py": "TS201",
        "usr/lib/python3.13/idlelib/editor.py": "TS201",
        "usr/share/doc/libc6/changelog.gz": "TS203",
    }
    assert taken(*paths) == safe
    assert taken(*paths, level="more") == safe | {"usr/lib/locale/locale-archive": "TS205"}
    assert "usr/lib/x86_64-linux-gnu/gconv/IBM037.so" not in taken(*paths, evidence=Evidence(iconv=True))


def test_rules_and_paths_can_be_kept() -> None:
    paths = (f"{SITE}/p/tests/test_x.py", f"{SITE}/p/_c.pyx", f"{SITE}/p/_d.pyx")
    assert sorted(taken(*paths, spared=("TS101", f"{SITE}/p/_c.pyx"))) == [f"{SITE}/p/_d.pyx"]
    assert sorted(taken(*paths, spared=(f"{SITE}/p/tests", f"{SITE}/p/_"))) == [f"{SITE}/p/_c.pyx", f"{SITE}/p/_d.pyx"]


def test_each_rule_has_a_code_of_its_own_and_each_exception_names_rules() -> None:
    codes = [rule.code for rule in table().rule]
    assert len(codes) == len(set(codes))
    assert {code for kept in table().exception for code in kept.rules} <= set(codes)
    assert {rule.level for rule in rules("safe")} == {"safe"}
