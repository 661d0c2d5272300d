"""What is read of bases: whole facts of the kinds that people use, and the traps that lie in them."""

from __future__ import annotations

import time
import tracemalloc

import msgspec
import pytest
from make.bases import (
    DEBIAN,
    DEBIAN_PYTHON,
    GLIBC,
    MUSL,
    OFFICIAL_PYTHON,
    Layer,
    config,
    library,
    openers,
    stdlib,
    sysconfig_data,
)
from make.elves import AMD64, ARM64, I386, make_elf

from tare.bases.facts import FORMAT, BaseFacts, Distribution, Interpreter, OperatingSystem, read
from tare.errors import HostileInputError, TargetError
from tare.oci.config import ImageConfig
from tare.oci.ground import Ground
from tare.oci.platform import Platform
from tare.wheels.libraries import Libraries
from tare.wheels.target import Libc, Target

LINUX = Platform(os="linux", architecture="amd64")


def facts(*layers: Layer, of: ImageConfig | None = None, python: str | None = None) -> BaseFacts:
    return read(of or config(), openers(*layers), python=python)


def interpreter(*layers: Layer, of: ImageConfig | None = None, python: str | None = None) -> Interpreter:
    found = facts(*layers, of=of, python=python).python
    assert found is not None
    return found


def test_a_slim_image_is_read_whole() -> None:
    path = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"

    found = facts(DEBIAN, OFFICIAL_PYTHON, of=config(f"PATH={path}", "LANG=C.UTF-8", user="1000"))

    assert found == BaseFacts(  # noqa: S604  # `shell` is a fact here, and starts nothing
        platform=LINUX,
        libc=Libc(family="glibc", major=2, minor=41),
        python=Interpreter(
            executable="/usr/local/bin/python3.13",
            version="3.13.14",
            architecture="amd64",
            soabi="cpython-313-x86_64-linux-gnu",
            extension_suffix=".cpython-313-x86_64-linux-gnu.so",
            prefix="/usr/local",
            stdlib="/usr/local/lib/python3.13",
            site_packages=("/usr/local/lib/python3.13/site-packages",),
            distributions=(
                Distribution(name="pip", version="25.1"),
                Distribution(name="typing-extensions", version="4.1"),
            ),
            shared=True,
            libpython="libpython3.13.so.1.0",
            bytecode=False,
            pgo=True,
            lto=True,
            config_args="'--enable-optimizations' '--enable-shared' '--with-lto'",
        ),
        libraries=(
            "ld-linux-x86-64.so.2",
            "libc.so.6",
            "libpython3.13.so.1.0",
            "libstdc++.so.6",
            "libstdc++.so.6.0.33",
        ),
        versions={"libc.so.6": ("GLIBC_2.41",), "libstdc++.so.6": ("GLIBCXX_3.4.33",)},
        os=OperatingSystem(id="debian", version="13", codename="trixie"),
        package_manager="apt",
        shell="/bin/sh",
        ca_bundle="/etc/ssl/certs/ca-certificates.crt",
        user="1000",
        path=path,
        unpacked=found.unpacked,
        ground=Ground(links={"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}),
        how={
            "libc": "the version in /lib/x86_64-linux-gnu/libc.so.6",
            "python.build": "/usr/local/lib/python3.13/_sysconfigdata__linux_x86_64-linux-gnu.py",
            "python.version": "the string in /usr/local/lib/libpython3.13.so.1.0",
        },
    )
    assert found.unpacked == tuple(
        sum(len(content) for content in layer.values() if isinstance(content, bytes))
        for layer in (DEBIAN, OFFICIAL_PYTHON)
    )
    assert msgspec.json.decode(msgspec.json.encode(found), type=BaseFacts) == found


def test_facts_give_the_target_and_what_the_loader_finds() -> None:
    found = facts(DEBIAN, OFFICIAL_PYTHON)

    assert found.target() == Target(platform=LINUX, libc=Libc(family="glibc", major=2, minor=41), version="3.13.14")
    assert found.provided() == Libraries(
        platform=LINUX,
        libc=Libc(family="glibc", major=2, minor=41),
        names=found.libraries,
        versions=found.versions,
        extension_suffix=".cpython-313-x86_64-linux-gnu.so",
    )


def test_debians_own_python_is_static_and_its_record_is_of_another_build() -> None:
    found = facts(DEBIAN, DEBIAN_PYTHON)

    assert found.python == Interpreter(
        executable="/usr/bin/python3.13",
        version="3.13.5",
        architecture="amd64",
        soabi="cpython-313-x86_64-linux-gnu",
        extension_suffix=".cpython-313-x86_64-linux-gnu.so",
        prefix="/usr",
        stdlib="/usr/lib/python3.13",
        site_packages=("/usr/lib/python3/dist-packages",),
        distributions=(Distribution(name="six", version="1.17.0"),),
        lacks=("tkinter",),
        bytecode=True,
        externally_managed=True,
        pgo=True,
        lto=True,
        config_args="'--enable-shared' '--prefix=/usr'",
    )
    source = "debian/rules (with_pgo, with_lto) of python3.11 3.11.2-6+deb12u8 and python3.13 3.13.5-2+deb13u5"
    assert found.how["python.pgo"] == found.how["python.lto"] == source


def test_what_another_distributors_record_does_not_say_is_not_known() -> None:
    ubuntu = {**DEBIAN, "usr/lib/os-release": b"ID=ubuntu\nVERSION_ID='24.04'\n"}

    found = interpreter(ubuntu, DEBIAN_PYTHON)

    assert (found.pgo, found.lto) == (None, None)


def test_an_alpine_image_built_without_optimisation_says_so() -> None:
    alpine: Layer = {
        "bin/busybox": b"\x7fELF",
        "bin/sh": "/bin/busybox",
        "sbin/apk": b"\x7fELF",
        "lib/ld-musl-x86_64.so.1": library("libc.musl-x86_64.so.1", content=MUSL),
        "lib/libc.musl-x86_64.so.1": "ld-musl-x86_64.so.1",
        "usr/lib/libz.so.1": library("libz.so.1"),
        "etc/os-release": b'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.23.6\n',
        "etc/ssl/cert.pem": "certs/ca-certificates.crt",
        "usr/local/bin/python3": make_elf(
            needed=["libpython3.13.so.1.0", "libc.musl-x86_64.so.1"], interpreter="/lib/ld-musl-x86_64.so.1"
        ),
        "usr/local/lib/libpython3.13.so.1.0": library("libpython3.13.so.1.0", content=b"\0003.13.14\0"),
        **stdlib("usr/local/lib/python3.13"),
        "usr/local/lib/python3.13/_sysconfigdata__linux_x86_64-linux-musl.py": sysconfig_data(
            "cpython-313-x86_64-linux-musl", "'--enable-shared' '--with-lto'", shared=1
        ),
    }

    found = facts(alpine)

    assert found.python is not None
    assert (found.python.executable, found.python.version) == ("/usr/local/bin/python3", "3.13.14")
    assert (found.python.pgo, found.python.lto) == (False, True)
    assert str(found.target()) == "cp313, linux/amd64, musl 1.2"
    assert found.libraries == (
        "ld-musl-x86_64.so.1",
        "libc.musl-x86_64.so.1",
        "libpython3.13.so.1.0",
        "libz.so.1",
    )
    assert (found.os, found.package_manager, found.shell) == (
        OperatingSystem(id="alpine", version="3.23.6"),
        "apk",
        "/bin/sh",
    )
    assert found.ca_bundle is None, "a link to nothing is no bundle"


def test_a_base_without_python_has_facts_and_no_target() -> None:
    found = facts(DEBIAN)

    assert (found.python, found.libc) == (None, Libc(family="glibc", major=2, minor=41))
    with pytest.raises(TargetError) as caught:
        found.target()
    assert (caught.value.message, caught.value.causes) == (
        "the base has no Python",
        ("neither `python3` nor `python` on its PATH is an interpreter",),
    )


def test_an_empty_base_has_facts_too() -> None:
    assert facts({}) == BaseFacts(platform=LINUX, unpacked=(0,))
    with pytest.raises(TargetError) as caught:
        facts({}).provided()
    assert caught.value.message == "the base has no C library that tare knows"


@pytest.mark.parametrize(
    ("path", "executable"),
    [
        (None, "/usr/local/bin/python3.13"),
        ("/usr/local/bin:/usr/bin", "/usr/local/bin/python3.13"),
        ("/usr/bin:/usr/local/bin", "/usr/bin/python3.13"),
        ("/nowhere:relative:/usr/bin", "/usr/bin/python3.13"),
    ],
)
def test_the_python_that_path_finds_is_the_one(path: str | None, executable: str) -> None:
    of = config(f"PATH={path}") if path else config()

    assert interpreter(DEBIAN, DEBIAN_PYTHON, OFFICIAL_PYTHON, of=of).executable == executable


@pytest.mark.parametrize(
    ("wanted", "executable"),
    [
        ("/usr/bin/python3", "/usr/bin/python3.13"),
        ("3.12", "/opt/py/bin/python3.12"),
        ("3.12.7", "/opt/py/bin/python3.12"),
    ],
)
def test_an_interpreter_can_be_asked_for(wanted: str, executable: str) -> None:
    other: Layer = {
        "opt/py/bin/python3.12": make_elf(content=b"\0003.12.7\0"),
        **stdlib("opt/py/lib/python3.12"),
    }
    of = config("PATH=/usr/local/bin:/opt/py/bin")

    assert interpreter(DEBIAN, DEBIAN_PYTHON, OFFICIAL_PYTHON, other, of=of, python=wanted).executable == executable


def test_an_interpreter_that_is_asked_for_and_not_there_is_an_error() -> None:
    with pytest.raises(TargetError) as caught:
        facts(DEBIAN, DEBIAN_PYTHON, python="3.12")

    assert (caught.value.message, caught.value.causes) == ("the base has no Python `3.12`", ())


def test_another_patch_version_than_was_asked_for_is_an_error_that_names_it() -> None:
    with pytest.raises(TargetError) as caught:
        facts(DEBIAN, DEBIAN_PYTHON, python="3.13.1")

    causes = ("`/usr/bin/python3.13` is CPython 3.13.5",)
    assert (caught.value.message, caught.value.causes) == ("the base has no Python `3.13.1`", causes)


def test_links_by_way_of_alternatives_are_followed() -> None:
    layer: Layer = {
        "usr/bin/python3": "/etc/alternatives/python3",
        "etc/alternatives/python3": "../../usr/bin/python3.13",
    }

    assert interpreter(DEBIAN, DEBIAN_PYTHON, layer).executable == "/usr/bin/python3.13"


def test_links_in_a_circle_lead_nowhere() -> None:
    layer: Layer = {"usr/bin/python3": "python", "usr/bin/python": "python3"}

    assert facts(DEBIAN, layer).python is None


def test_a_script_of_a_version_manager_is_no_interpreter() -> None:
    shims: Layer = {"opt/shims/python3": b"#!/bin/sh\nexec pyenv exec python3\n"}

    found = interpreter(DEBIAN, DEBIAN_PYTHON, shims, of=config("PATH=/opt/shims:/usr/bin"))

    assert found.executable == "/usr/bin/python3.13"


def test_a_virtual_environment_leads_to_what_it_was_made_from() -> None:
    environment: Layer = {
        "opt/venv/pyvenv.cfg": b"home = /usr/bin\nversion = 3.13.5\n",
        "opt/venv/bin/python3": "/usr/bin/python3",
    }

    assert interpreter(DEBIAN, DEBIAN_PYTHON, environment, of=config("PATH=/opt/venv/bin")).prefix == "/usr"


def test_a_minimal_package_without_the_usual_name_is_found_and_is_known_to_lack_modules() -> None:
    lacking = ("asyncio", "contextvars", "ctypes", "email", "json", "multiprocessing", "sqlite3", "venv", "zoneinfo")
    minimal = {path: content for path, content in DEBIAN_PYTHON.items() if path != "usr/bin/python3"}
    minimal = {path: content for path, content in minimal.items() if not any(f"/{name}" in path for name in lacking)}

    found = interpreter(DEBIAN, minimal)

    assert found.executable == "/usr/bin/python3.13"
    assert found.lacks == (
        "asyncio",
        "contextvars",
        "ctypes",
        "email",
        *lacking[4:6],
        "sqlite3",
        "tkinter",
        *lacking[7:],
    )


def test_fedoras_library_directory_is_known() -> None:
    ubi: Layer = {
        "usr/bin/python3": "python3.12",
        "usr/bin/python3.12": make_elf(
            needed=["libpython3.12.so.1.0", "libc.so.6"], interpreter="/lib64/ld-linux-x86-64.so.2"
        ),
        "usr/bin/microdnf": b"\x7fELF",
        "usr/lib64/libc.so.6": library("libc.so.6", content=GLIBC.replace(b"2.41", b"2.34")),
        "usr/lib64/libpython3.12.so.1.0": library("libpython3.12.so.1.0", content=b"\0003.12.11\0"),
        **stdlib("usr/lib64/python3.12"),
        "usr/lib/python3.12/site-packages/pip-23.2.1.dist-info/METADATA": b"",
        "usr/lib64/python3.12/site-packages/lxml-5.0-py3.12.egg-info": b"",
        "etc/pki/tls/certs/ca-bundle.crt": "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem": b"-----BEGIN",
    }

    found = facts(ubi)

    assert found.python is not None
    assert found.python.stdlib == "/usr/lib64/python3.12"
    assert found.python.distributions == (
        Distribution(name="lxml", version="5.0"),
        Distribution(name="pip", version="23.2.1"),
    )
    assert str(found.target()) == "cp312, linux/amd64, glibc 2.34"
    assert (found.package_manager, found.ca_bundle) == ("dnf", "/etc/pki/tls/certs/ca-bundle.crt")
    assert "libpython3.12.so.1.0" in found.libraries


def test_the_libraries_beside_a_conda_python_are_found_by_what_it_loads() -> None:
    conda: Layer = {
        "opt/conda/bin/python3.13": make_elf(
            needed=["libc.so.6"],
            rpath="$ORIGIN/../lib",
            interpreter="/lib64/ld-linux-x86-64.so.2",
            content=b"\0003.13.7\0",
        ),
        "opt/conda/bin/python": "python3.13",
        "opt/conda/lib/libgomp.so.1": library("libgomp.so.1"),
        **stdlib("opt/conda/lib/python3.13"),
    }

    found = facts(DEBIAN, conda, of=config("PATH=/opt/conda/bin:/usr/bin"))

    assert found.python is not None
    assert (found.python.prefix, found.python.version) == ("/opt/conda", "3.13.7")
    assert "libgomp.so.1" in found.libraries


def test_a_free_threaded_build_has_its_own_tag() -> None:
    threaded: Layer = {
        "usr/local/bin/python3": "python3.13t",
        "usr/local/bin/python3.13t": make_elf(needed=["libc.so.6"], content=b"\0003.13.5\0"),
        **stdlib("usr/local/lib/python3.13t"),
        **stdlib("usr/local/lib/python3.13"),
        "usr/local/lib/python3.13t/lib-dynload/math.cpython-313t-x86_64-linux-gnu.so": b"\x7fELF",
    }

    found = facts(DEBIAN, threaded)

    assert found.python is not None
    assert (found.python.stdlib, found.python.soabi) == (
        "/usr/local/lib/python3.13t",
        "cpython-313t-x86_64-linux-gnu",
    )
    assert found.python.extension_suffix == ".cpython-313t-x86_64-linux-gnu.so"
    assert found.target().free_threaded


def test_of_several_standard_libraries_the_one_of_the_executable_counts() -> None:
    several: Layer = {
        **stdlib("usr/lib/python3.9"),
        **stdlib("usr/lib/python3.10"),
        **stdlib("usr/lib/python3.13"),
        "usr/bin/python3": make_elf(needed=["libc.so.6"], content=b"\0003.10.4\0"),
    }

    assert interpreter(DEBIAN, several).stdlib == "/usr/lib/python3.10"


def test_a_version_comes_from_the_header_when_the_binary_does_not_tell() -> None:
    silent: Layer = {
        "usr/local/bin/python3.13": make_elf(needed=["libc.so.6"]),
        "usr/local/include/python3.13/patchlevel.h": b'#define PY_MINOR 13\n#define PY_VERSION      "3.13.9+"\n',
        **stdlib("usr/local/lib/python3.13"),
    }
    base = facts(DEBIAN, silent)
    bare = facts(DEBIAN, {path: data for path, data in silent.items() if not path.endswith(".h")})

    assert base.python is not None
    assert bare.python is not None
    assert (base.python.version, base.how["python.version"]) == (
        "3.13.9",
        "/usr/local/include/python3.13/patchlevel.h",
    )
    assert (bare.python.version, bare.how["python.version"]) == (
        "3.13.0",
        "the name /usr/local/lib/python3.13; nothing says more",
    )


@pytest.mark.parametrize("version", ["3.14.0rc3", "3.14.0a1", "3.14.0b2", "3.14.10"])
def test_pre_releases_have_a_version_too(version: str) -> None:
    layer: Layer = {
        "usr/bin/python3.14": make_elf(content=b"\0" + version.encode() + b"+\0"),
        **stdlib("usr/lib/python3.14"),
    }

    assert interpreter(DEBIAN, layer).version == version


def test_configuration_that_contradicts_the_files_is_told_and_not_believed() -> None:
    found = facts(DEBIAN, DEBIAN_PYTHON, of=config(architecture="arm64", variant="v8"))

    assert found.libc is None
    with pytest.raises(TargetError) as caught:
        msgspec.structs.replace(found, libc=Libc(family="glibc", major=2, minor=41)).target()
    assert (caught.value.message, caught.value.causes) == (
        "the base is for another processor than it says: its configuration names `linux/arm64`",
        ("`/usr/bin/python3.13` is a program for amd64",),
    )


def test_libraries_for_another_processor_and_texts_for_linkers_do_not_count() -> None:
    layer: Layer = {
        "usr/lib/i386-linux-gnu/libgtk.so.3": library("libgtk.so.3", machine=I386, bits=32),
        "usr/lib/libold.so.1": library("libold.so.1", machine=ARM64),
        "usr/lib/x86_64-linux-gnu/libc.so": b"/* GNU ld script */ GROUP ( libc.so.6 )",
        "usr/lib/x86_64-linux-gnu/libdangling.so.1": "libdangling.so.1.2.3",
        "usr/lib/x86_64-linux-gnu/libfine.so.1": library("libfine.so.1"),
        "opt/private/lib/libhidden.so.1": library("libhidden.so.1"),
    }

    assert set(facts(DEBIAN, layer).libraries) - set(facts(DEBIAN).libraries) == {"libfine.so.1"}


@pytest.mark.parametrize(("cache", "found"), [(b"cache", True), (b"", False)])
def test_configured_directories_count_once_ldconfig_has_run(cache: bytes, *, found: bool) -> None:
    layer: Layer = {
        "etc/ld.so.cache": cache,
        "etc/ld.so.conf.d/cuda.conf": b"/usr/local/cuda/lib64\n",
        "usr/local/cuda/lib64/libcudart.so.12": library("libcudart.so.12"),
    }

    assert ("libcudart.so.12" in facts(DEBIAN, layer).libraries) is found


def test_directories_of_the_environment_count() -> None:
    layer: Layer = {"opt/lib/libown.so.1": library("libown.so.1")}

    assert "libown.so.1" in facts(DEBIAN, layer, of=config("LD_LIBRARY_PATH=/opt/lib:")).libraries


def test_musls_own_list_of_directories_replaces_its_default() -> None:
    alpine: Layer = {
        "lib/ld-musl-x86_64.so.1": library("libc.musl-x86_64.so.1", content=MUSL),
        "opt/libs/lib/libown.so.1": library("libown.so.1"),
        "usr/lib/libz.so.1": library("libz.so.1"),
        "etc/ld-musl-x86_64.path": b"/lib\n/opt/libs/lib\n",
    }

    assert facts(alpine).libraries == ("ld-musl-x86_64.so.1", "libown.so.1")


def test_where_there_are_two_c_libraries_the_interpreters_own_counts() -> None:
    compatible: Layer = {
        "lib/ld-musl-x86_64.so.1": library("libc.musl-x86_64.so.1", content=MUSL),
        "usr/bin/python3.12": make_elf(
            needed=["libc.musl-x86_64.so.1"], interpreter="/lib/ld-musl-x86_64.so.1", content=b"\0003.12.1\0"
        ),
        **stdlib("usr/lib/python3.12"),
    }

    assert facts(DEBIAN, compatible).libc == Libc(family="musl", major=1, minor=2)
    assert facts(DEBIAN, DEBIAN_PYTHON, compatible).libc == Libc(family="glibc", major=2, minor=41)


def test_a_later_layer_takes_away_and_replaces() -> None:
    removed: Layer = {"usr/bin/.wh.python3.13": b"", "usr/bin/.wh.python3": b""}
    replaced: Layer = {"usr/bin/python3.13": make_elf(content=b"\0003.13.99\0")}
    emptied: Layer = {"usr/lib/python3.13/": None, "usr/lib/python3.13/.wh..wh..opq": b""}

    assert facts(DEBIAN, DEBIAN_PYTHON, removed).python is None
    assert interpreter(DEBIAN, DEBIAN_PYTHON, replaced).version == "3.13.99"
    assert facts(DEBIAN, DEBIAN_PYTHON, emptied).python is None


def test_the_interpreters_record_is_never_run() -> None:
    """`_sysconfigdata` is a program: only literals are taken from it."""
    hostile = b"build_time_vars = {'A': 1,\n 'SOABI': f('x'),\n 'CONFIG_ARGS': 'a' + 'b',\n 'EXT_SUFFIX': (((('x',\n"
    layer = {**DEBIAN_PYTHON, "usr/lib/python3.13/_sysconfigdata__linux_x86_64-linux-gnu.py": hostile}

    found = interpreter(DEBIAN, layer)

    assert (found.soabi, found.config_args, found.extension_suffix) == ("", "", "")


@pytest.mark.parametrize("filling", [b"\n", b" ", b"'SOABI': ''\n", b"'SOABI': 'a' 'b' ", b"{", b"home", b"home =\n"])
def test_a_record_that_is_made_to_be_searched_long_is_not(filling: bytes) -> None:
    text = b"build_time_vars" + filling * (900_000 // len(filling))
    layer = {
        **DEBIAN_PYTHON,
        "usr/lib/python3.13/_sysconfigdata__linux_x86_64-linux-gnu.py": text,
        "usr/pyvenv.cfg": text,
        "etc/os-release": text,
    }
    started = time.perf_counter()

    assert not interpreter(DEBIAN, layer).config_args

    assert time.perf_counter() - started < 5


def test_a_binary_that_is_damaged_costs_facts_and_no_error() -> None:
    layer: Layer = {
        "usr/lib/x86_64-linux-gnu/libbroken.so.1": make_elf(machine=AMD64, needed=["a"])[:100],
        "usr/bin/python3.13": make_elf(content=b"\0003.13.5\0")[:120] + b"\0003.13.5\0",
    }

    found = facts(DEBIAN, DEBIAN_PYTHON, layer)

    assert "libbroken.so.1" in found.libraries, "it is there, and loads or not"
    assert found.python is not None
    assert found.python.version == "3.13.5"


def test_a_base_of_many_files_is_read_in_little_time_and_memory() -> None:
    layer: dict[str, bytes | str | None] = {f"usr/share/doc/{number // 50}/{number}": b"x" for number in range(20_000)}
    layers = openers({**DEBIAN, **DEBIAN_PYTHON, **layer})
    started = time.perf_counter()
    tracemalloc.start()

    read(config(), layers)

    assert tracemalloc.get_traced_memory()[1] < 30 * 1024 * 1024
    tracemalloc.stop()
    assert time.perf_counter() - started < 20


def test_a_base_made_to_fill_memory_is_refused() -> None:
    filling = bytes(1_000_000)
    layer: Layer = {f"opt/{number}/pyvenv.cfg": filling for number in range(70)}

    with pytest.raises(HostileInputError) as caught:
        facts(DEBIAN, layer)

    assert caught.value.message == "a base's libraries and texts have more than 67108864 bytes to remember"


def test_facts_have_a_format_to_be_remembered_under() -> None:
    assert FORMAT >= 1
