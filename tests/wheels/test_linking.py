"""What the loader will not find: libraries, versions, and files for another machine, and nothing that is there."""

from __future__ import annotations

import msgspec
import pytest

from tare.oci.platform import Platform
from tare.wheels.elf import ElfInfo
from tare.wheels.lacking import Missing, refusal
from tare.wheels.libraries import KnownLibrary, Libraries, known_libraries
from tare.wheels.linking import missing
from tare.wheels.needs import ElfFile, WheelElf
from tare.wheels.target import Libc

AMD64 = Platform(os="linux", architecture="amd64")
SUFFIX = ".cpython-313-x86_64-linux-gnu.so"
SITE = "opt/venv/lib/python3.13/site-packages"

SLIM = Libraries(
    platform=AMD64,
    libc=Libc(family="glibc", major=2, minor=36),
    names=("libc.so.6", "libm.so.6", "libstdc++.so.6", "libz.so.1"),
    versions={"libstdc++.so.6": ("CXXABI_1.3", "GLIBCXX_3.4", "GLIBCXX_3.4.30", "GLIBCXX_3.4.9")},
    extension_suffix=SUFFIX,
)
ALPINE = Libraries(
    platform=AMD64,
    libc=Libc(family="musl", major=1, minor=2),
    names=("libc.musl-x86_64.so.1", "libz.so.1"),
    extension_suffix=".cpython-313-x86_64-linux-musl.so",
)


def info(*needed: str, **fields: object) -> ElfInfo:
    return msgspec.convert({"architecture": "amd64", "needed": needed, **fields}, ElfInfo)


def module(*needed: str, **fields: object) -> ElfInfo:
    return info(*needed, **({"module": True} | fields))


def wheel(name: str, files: dict[str, ElfInfo], tag: str = "cp313-cp313-manylinux_2_28_x86_64") -> WheelElf:
    return WheelElf(
        distribution=name,
        wheel=f"{name}-1.0-{tag}.whl",
        files=tuple(ElfFile(path=path, info=found) for path, found in files.items()),
    )


def find(
    *wheels: WheelElf,
    provided: Libraries = SLIM,
    allowed: tuple[str, ...] = (),
    table: tuple[KnownLibrary, ...] = (),
) -> list[str]:
    """Return what is missing as `severity file -> library: found`."""
    found = missing(wheels, provided, installed_paths=installed(*wheels), allowed=allowed, table=table)
    return [f"{item.severity} {item.path} -> {item.wanted}: {item.found}" for item in found]


def installed(*wheels: WheelElf) -> dict[str, dict[str, str]]:
    def place(path: str) -> str:
        for key, prefix in (("/data/", "opt/venv/"), ("/scripts/", "opt/venv/bin/")):
            if f".data{key}" in path:
                return prefix + path.partition(f".data{key}")[2]
        return f"{SITE}/{path}"

    return {wheel.wheel: {file.path: place(file.path) for file in wheel.files} for wheel in wheels}


NOWHERE = "neither the base nor a wheel has it"


def test_a_module_whose_libraries_the_base_has_lacks_nothing() -> None:
    assert find(wheel("fast", {f"fast/core{SUFFIX}": module("libz.so.1", "libm.so.6", "libc.so.6")})) == []


def test_a_library_that_nobody_has_is_missing_and_everything_about_it_is_named() -> None:
    opencv = wheel("opencv-python", {"cv2/cv2.abi3.so": module("libGL.so.1", "libc.so.6")})

    found = missing([opencv], SLIM, installed_paths=installed(opencv))

    assert found == (
        Missing(
            distribution="opencv-python",
            wheel="opencv-python-1.0-cp313-cp313-manylinux_2_28_x86_64.whl",
            path="cv2/cv2.abi3.so",
            kind="library",
            library="libGL.so.1",
            wanted="libGL.so.1",
            found=NOWHERE,
            severity="error",
        ),
    )
    assert msgspec.json.decode(msgspec.json.encode(found), type=tuple[Missing, ...]) == found


def test_what_a_module_loads_counts_as_the_module_does() -> None:
    """A library of the wheel that is reached from a module fails the import just so."""
    found = missing(
        [
            vendored := wheel(
                "fast",
                {
                    f"fast/core{SUFFIX}": module("libfirst-1a2b.so.1", runpath=["$ORIGIN/../fast.libs"]),
                    "fast.libs/libfirst-1a2b.so.1": info("libsecond-3c4d.so.2", rpath=["${ORIGIN}"]),
                    "fast.libs/libsecond-3c4d.so.2": info("libGL.so.1"),
                },
            )
        ],
        SLIM,
        installed_paths=installed(vendored),
    )

    assert [(item.severity, item.path, item.via) for item in found] == [
        ("error", "fast.libs/libsecond-3c4d.so.2", f"fast/core{SUFFIX}")
    ]


def test_a_plugin_that_no_module_loads_is_a_warning() -> None:
    files = {f"ui/core{SUFFIX}": module("libc.so.6"), "ui/plugins/libwayland.so": info("libwayland-client.so.0")}

    assert find(wheel("ui", files)) == [f"warning ui/plugins/libwayland.so -> libwayland-client.so.0: {NOWHERE}"]


@pytest.mark.parametrize("path", ["p/x.so", "p/x.abi3.so", f"p/x{SUFFIX}"])
def test_every_suffix_that_the_interpreter_imports_makes_a_module(path: str) -> None:
    assert find(wheel("p", {path: module("libGL.so.1")})) == [f"error {path} -> libGL.so.1: {NOWHERE}"]


@pytest.mark.parametrize("path", ["p/x.cpython-312-x86_64-linux-gnu.so", "p/x.cpython-313t-x86_64-linux-gnu.so"])
def test_a_module_of_another_interpreter_is_no_module_here(path: str) -> None:
    files = {path: module("libGL.so.1"), f"p/y{SUFFIX}": module()}

    assert find(wheel("p", files)) == [f"warning {path} -> libGL.so.1: {NOWHERE}"]


def test_any_tagged_module_counts_when_the_suffix_of_the_interpreter_is_not_known() -> None:
    provided = msgspec.structs.replace(SLIM, extension_suffix="")

    assert find(wheel("p", {f"p/x{SUFFIX}": module("libGL.so.1")}), provided=provided) == [
        f"error p/x{SUFFIX} -> libGL.so.1: {NOWHERE}"
    ]


def test_the_only_library_of_a_wheel_without_a_module_is_opened_by_ctypes() -> None:
    lightgbm = wheel(
        "lightgbm", {"lightgbm/lib/lib_lightgbm.so": info("libgomp.so.1")}, "py3-none-manylinux_2_28_x86_64"
    )
    any_wheel = wheel("debugger", {"debugger/attach.so": info("libgomp.so.1")}, "py3-none-any")
    several = wheel(
        "tools", {"tools/a.so": info("libgomp.so.1"), "tools/b.so": info()}, "py3-none-manylinux_2_28_x86_64"
    )

    assert find(lightgbm, any_wheel, several) == [
        f"error lightgbm/lib/lib_lightgbm.so -> libgomp.so.1: {NOWHERE}",
        f"warning debugger/attach.so -> libgomp.so.1: {NOWHERE}",
        f"warning tools/a.so -> libgomp.so.1: {NOWHERE}",
    ]


def test_a_command_counts_and_a_program_in_the_package_warns() -> None:
    files = {
        "node-1.0.data/scripts/node": info("libatomic.so.1", executable=True),
        "node/driver/node": info("libatomic.so.1", executable=True),
    }

    assert find(wheel("node", files)) == [
        f"error node-1.0.data/scripts/node -> libatomic.so.1: {NOWHERE}",
        f"warning node/driver/node -> libatomic.so.1: {NOWHERE}",
    ]


@pytest.mark.parametrize("field", ["rpath", "runpath"])
def test_a_library_of_another_wheel_is_found_by_way_of_the_origin(field: str) -> None:
    torch = wheel(
        "torch", {f"torch/_C{SUFFIX}": module("libcublas.so.12", **{field: ["$ORIGIN/../nvidia/cublas/lib"]})}
    )
    cublas = wheel("nvidia-cublas", {"nvidia/cublas/lib/libcublas.so.12": info(), "nvidia/cublas/lib/other.so": info()})

    assert find(torch, cublas) == []
    assert find(torch) == [f"error torch/_C{SUFFIX} -> libcublas.so.12: {NOWHERE}"]


def test_a_library_in_the_data_scheme_is_found_where_it_is_installed() -> None:
    user = wheel("user", {f"user/x{SUFFIX}": module("libtbb.so.12", runpath=["$ORIGIN/../../../"])})
    tbb = wheel(
        "tbb", {"tbb-1.0.data/data/lib/libtbb.so.12": info(), "tbb-1.0.data/data/lib/libtbbmalloc.so.2": info()}
    )

    assert find(user, tbb) == []


def test_a_library_of_another_wheel_that_is_out_of_the_way_may_have_been_loaded_before() -> None:
    files = {f"audio/x{SUFFIX}": module("libtorch_cpu.so"), "audio/lib.so": info("libc.so.6")}
    torch = wheel("torch", {"torch/lib/libtorch_cpu.so": info(), "torch/lib/libc10.so": info()})

    assert find(wheel("audio", files), torch) == [
        f"warning audio/x{SUFFIX} -> libtorch_cpu.so: only `{torch.wheel}` has it, out of the loader's way"
    ]


def test_a_preload_that_is_known_is_no_warning() -> None:
    audio = wheel("audio", {f"audio/x{SUFFIX}": module("libtorch_cpu.so")})
    torch = wheel("torch", {"torch/lib/libtorch_cpu.so": info("libGL.so.1"), "torch/lib/libc10.so": info()})
    row = KnownLibrary(sonames=("libtorch*",), kind="preloaded", reason="", source="", date="")

    assert find(audio, torch, table=(row,)) == [f"error torch/lib/libtorch_cpu.so -> libGL.so.1: {NOWHERE}"]


def test_a_library_of_the_same_wheel_is_loaded_by_its_own_code_wherever_it_lies() -> None:
    files = {f"p/x{SUFFIX}": module("libhelp.so.1"), "p/deep/libhelp.so.1.2": info(soname="libhelp.so.1")}

    assert find(wheel("p", files)) == []


def test_a_path_with_an_unknown_directory_finds_nothing() -> None:
    files = {f"p/x{SUFFIX}": module("libhelp.so.1", runpath=["/usr/lib/other", "$ORIGIN/../../../../../../../.."])}

    assert find(wheel("p", files)) == [f"error p/x{SUFFIX} -> libhelp.so.1: {NOWHERE}"]


def test_a_file_that_is_left_out_of_the_image_neither_needs_nor_gives() -> None:
    p = wheel("p", {f"p/x{SUFFIX}": module("libhelp.so.1", runpath=["$ORIGIN"]), "p/libhelp.so.1": info("libGL.so.1")})
    paths = installed(p)
    del paths[p.wheel]["p/libhelp.so.1"]

    found = missing([p], SLIM, installed_paths=paths)

    assert [(item.path, item.library) for item in found] == [(f"p/x{SUFFIX}", "libhelp.so.1")]


def test_files_that_load_each_other_are_looked_at_once() -> None:
    files = {
        f"p/x{SUFFIX}": module("liba.so", runpath=["$ORIGIN"]),
        "p/liba.so": info("libb.so", "libGL.so.1", runpath=["$ORIGIN"]),
        "p/libb.so": info("liba.so", runpath=["$ORIGIN"]),
    }

    assert find(wheel("p", files)) == [f"error p/liba.so -> libGL.so.1: {NOWHERE}"]


@pytest.mark.parametrize(
    ("library", "version", "expected"),
    [
        ("libc.so.6", "GLIBC_2.36", None),
        ("libc.so.6", "GLIBC_2.38", "version GLIBC_2.38: the base has glibc 2.36"),
        ("libc.so.6", "GLIBC_2.4", None),
        ("libc.so.6", "GLIBC_ABI_DT_RELR", None),
        ("libc.so.6", "GLIBC_PRIVATE", None),
        ("libstdc++.so.6", "GLIBCXX_3.4.30", None),
        ("libstdc++.so.6", "GLIBCXX_3.4.32", "version GLIBCXX_3.4.32: the base's has up to GLIBCXX_3.4.30"),
        ("libstdc++.so.6", "CXXABI_1.3.15", "version CXXABI_1.3.15: the base's has up to CXXABI_1.3"),
        ("libz.so.1", "ZLIB_9", None),
    ],
)
def test_symbol_versions_are_compared_with_what_the_base_defines(
    library: str, version: str, expected: str | None
) -> None:
    path = f"p/x{SUFFIX}"
    found = find(wheel("p", {path: module(library, requires={library: [version]})}))

    assert found == ([] if expected is None else [f"error {path} -> {expected}"])


def test_an_older_glibc_does_not_know_packed_relocations() -> None:
    provided = msgspec.structs.replace(SLIM, libc=Libc(family="glibc", major=2, minor=31))
    files = {f"p/x{SUFFIX}": module("libc.so.6", requires={"libc.so.6": ["GLIBC_2.17", "GLIBC_ABI_DT_RELR"]})}

    assert find(wheel("p", files), provided=provided) == [
        f"error p/x{SUFFIX} -> version GLIBC_ABI_DT_RELR: the base has glibc 2.31"
    ]


def test_a_version_of_a_library_that_the_wheel_brings_is_its_own_affair() -> None:
    files = {
        f"p/x{SUFFIX}": module("libstdc++.so.6", runpath=["$ORIGIN"], requires={"libstdc++.so.6": ["GLIBCXX_3.4.99"]}),
        "p/libstdc++.so.6": info(),
    }

    assert find(wheel("p", files)) == []


def test_a_module_for_another_c_library_is_named_as_that() -> None:
    glibc = wheel("p", {"p/x.abi3.so": module("libpthread.so.0", "libc.so.6")})
    musl = wheel("q", {"q/x.abi3.so": module("libc.musl-x86_64.so.1", "libGL.so.1")})

    assert find(glibc, provided=ALPINE) == ["error p/x.abi3.so -> glibc: the base has musl 1.2"]
    assert find(musl, provided=SLIM) == ["error q/x.abi3.so -> musl: the base has glibc 2.36"]


def test_names_that_the_musl_loader_answers_itself_are_there() -> None:
    files = {"p/x.abi3.so": module("libpthread.so.0", "libm.so.6", "libc.musl-x86_64.so.1", "libgcc_s.so.1")}

    assert find(wheel("p", files), provided=ALPINE) == [f"error p/x.abi3.so -> libgcc_s.so.1: {NOWHERE}"]


def test_a_module_for_another_processor_cannot_be_loaded_and_a_helper_for_one_is_left_alone() -> None:
    files = {
        "p/x.abi3.so": module("libc.so.6", architecture="arm64"),
        "p/y.abi3.so": module("libc.so.6"),
        "p/attach_x86.so": info("libGL.so.1", architecture="386"),
    }

    assert find(wheel("p", files)) == ["error p/x.abi3.so -> the processor arm64: the platform is `linux/amd64`"]


def test_a_library_that_is_allowed_to_be_missing_is_not_missed() -> None:
    files = {f"p/x{SUFFIX}": module("libGL.so.1", "libX11.so.6")}

    assert find(wheel("p", files), allowed=("libGL.so.1",)) == [f"error p/x{SUFFIX} -> libX11.so.6: {NOWHERE}"]


@pytest.mark.parametrize(
    ("distribution", "path", "library"),
    [
        ("torch", f"torch/_C{SUFFIX}", "libcuda.so.1"),
        ("pynvml", f"pynvml/x{SUFFIX}", "libnvidia-ml.so.1"),
        ("cupy-cuda12x", f"cupy/cuda/cufft{SUFFIX}", "libcufft.so.11"),
        ("numba", f"numba/np/ufunc/omppool{SUFFIX}", "libgomp.so.1.0.0"),
        ("numba", f"numba/np/ufunc/tbbpool{SUFFIX}", "libtbb.so.12"),
        ("pygame", f"pygame/scrap{SUFFIX}", "libX11.so.6"),
        ("kivy", f"kivy/core/window/window_x11{SUFFIX}", "libXrender.so.1"),
        ("anyone", f"x/y{SUFFIX}", "ld-linux-x86-64.so.2"),
    ],
)
def test_what_wheels_do_without_is_known(distribution: str, path: str, library: str) -> None:
    assert find(wheel(distribution, {path: module(library)}), table=known_libraries()) == []


@pytest.mark.parametrize(
    ("distribution", "path", "library"),
    [
        ("lightgbm", f"lightgbm/x{SUFFIX}", "libgomp.so.1"),
        ("numba", f"numba/core/other{SUFFIX}", "libgomp.so.1"),
        ("pycurl", f"pycurl{SUFFIX}", "libcurl.so.4"),
        ("opencv-python", "cv2/cv2.abi3.so", "libGL.so.1"),
        ("embedded", f"embedded/x{SUFFIX}", "libpython3.13.so.1.0"),
    ],
)
def test_what_is_known_of_one_wheel_excuses_no_other(distribution: str, path: str, library: str) -> None:
    assert find(wheel(distribution, {path: module(library)}), table=known_libraries()) == [
        f"error {path} -> {library}: {NOWHERE}"
    ]


def test_every_row_of_the_table_says_where_it_is_from() -> None:
    for row in known_libraries():
        assert row.sonames
        assert row.reason[-1] != "."
        assert row.source
        assert row.date.startswith("20")


def test_the_refusal_names_each_library_once_with_the_way_out() -> None:
    qt = wheel("qt", {f"qt/{name}.abi3.so": module("libGL.so.1", "libc.so.6") for name in ("Core", "Gui", "Widgets")})
    old = wheel("old", {"old/x.abi3.so": module("libc.so.6", requires={"libc.so.6": ["GLIBC_2.41"]})})
    both = missing([qt, old], SLIM, installed_paths=installed(qt, old))

    error = refusal(both, {"libGL.so.1": "libgl1", "libfoo.so.1": "libfoo1"})

    assert error.exit_code == 3
    assert (error.message, error.causes, error.hints) == (
        "the base lacks 1 shared library that wheels need",
        (
            f"`old/x.abi3.so` of `{old.wheel}` needs version GLIBC_2.41 of `libc.so.6`; the base has glibc 2.36",
            f"`qt/Core.abi3.so` of `{qt.wheel}` needs `libGL.so.1`; {NOWHERE} (and so do 2 more files)",
        ),
        (
            "Choose a base that has what is needed, or add its packages: `libgl1`",
            "If a library is not needed at run time, say so: `--allow-missing libGL.so.1`",
        ),
    )


def test_a_refusal_without_a_missing_library_offers_no_way_around() -> None:
    other = wheel("p", {"p/x.abi3.so": module("libc.so.6")})

    error = refusal(missing([other], ALPINE, installed_paths=installed(other)), {})

    assert (error.message, error.causes, error.hints) == (
        "the base cannot load files of the wheels",
        (f"`p/x.abi3.so` of `{other.wheel}` needs glibc; the base has musl 1.2",),
        ("Choose a base that has what is needed, or add its packages",),
    )
