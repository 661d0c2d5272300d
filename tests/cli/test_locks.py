"""Locks and wheels that do not do: one error each, with the right exit code, and nothing written."""

from __future__ import annotations

import pytest
from command import Place, Ran, locked
from layouts import contents, read_layout
from make.base_images import base_image
from make.elves import make_elf
from make.wheelhouse import pylock

PACKAGES = "opt/venv/lib/python3.13/site-packages"


def refused(place: Place, *argv: str) -> Ran:
    """Build what cannot be built, and return what was said; nothing may be left of it."""
    ran = place.build(*argv)
    assert ran.out == ""
    assert not (place.app / "dist").exists()
    assert place.leftovers() == []
    return ran


UNREADABLE: dict[str, tuple[dict[str, str], str]] = {
    "a pylock.toml that is no TOML": (
        {"pylock.toml": 'lock-version = "1.0"\npackages = [\n'},
        "error: `pylock.toml` cannot be read\n  caused by: end of document: invalid value\n",
    ),
    "a pylock.toml with everything wrong": (
        {
            "pylock.toml": 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = 1\n[[packages]]\nversion = "1"\n'
        },
        "error: `pylock.toml` is not a valid lockfile\n"
        "  caused by: packages[0].name: Unexpected type int (expected str)\n"
        "  caused by: packages[1].name: Missing required value\n",
    ),
    "a pylock.toml of the future": (
        {"pylock.toml": 'lock-version = "2.0"\ncreated-by = "x"\npackages = []\n'},
        "error: `pylock.toml` cannot be read\n  caused by: pylock version 2.0 is not supported\n",
    ),
    "a merge conflict": (
        {
            "poetry.lock": '[[package]]\nname = "a"\n<<<<<<< ours\nversion = "1"\n=======\nversion = "2"\n>>>>>>> theirs\n'
        },
        "error: `poetry.lock` cannot be read\n"
        "  caused by: line 3, column 1: invalid statement\n\n"
        "hint: Resolve the merge conflict at line 3, or write the lockfile anew\n",
    ),
    "hashes for some only": (
        {"requirements.txt": f"a==1.0 --hash=sha256:{'0' * 64}\nb==2.0\nc>=1 --hash=sha256:{'0' * 64}\n"},
        "error: `requirements.txt` has hashes, and requirements that are not pinned by one\n"
        "  caused by: requirements.txt:2: `b==2.0` has no sha256 hash\n"
        "  caused by: requirements.txt:3: `c>=1` names no exact version\n\n"
        "hint: Write it anew with hashes for all, or for none\n",
    ),
    "a requirement that is none": (
        {"requirements.txt": "this is not a requirement\n"},
        "error: `requirements.txt:1` cannot be read\n"
        "  caused by: Expected semicolon (after name with no version specifier) or end\n"
        "  caused by:     this is not a requirement\n"
        "  caused by:          ^\n",
    ),
    "a Pipfile.lock that is no JSON": (
        {"Pipfile.lock": "{\n"},
        "error: `Pipfile.lock` cannot be read\n"
        "  caused by: line 2, column 1: Expecting property name enclosed in double quotes\n",
    ),
    "a pyproject.toml that is no TOML": (
        {"pyproject.toml": "[project\n"},
        "error: `pyproject.toml` cannot be read\n  caused by: line 1, column 9: expected ']' at the end of a table declaration\n",
    ),
    "bytes that are no text": (
        {"requirements.txt": "placeholder"},
        "error: `requirements.txt` cannot be read\n  caused by: line 2: the byte 0xff is not UTF-8\n",
    ),
}


@pytest.mark.parametrize(("files", "said"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_lock_that_cannot_be_read_says_where(place: Place, files: dict[str, str], said: str) -> None:
    place.write(files)
    if files == {"requirements.txt": "placeholder"}:
        (place.app / "requirements.txt").write_bytes(b"a==1\n\xff\n")

    ran = refused(place)
    assert (ran.code, ran.err) == (2, said)


def test_a_wrong_hash_in_requirements_is_an_integrity_error(place: Place) -> None:
    sample = place.wheels.add("sample")
    place.write({"main.py": "", "requirements.txt": sample.requirement(digest="0" * 64)})

    assert refused(place) == (
        5,
        "",
        "error: the files that `requirements.txt` names are not the ones that are offered\n"
        "  caused by: `sample==1.0`: expected sha256:DIGEST…, got sha256:DIGEST… (sample-1.0-py3-none-any.whl)\n\n"
        "hint: If that is expected, write the lockfile anew\n",
    )


def test_a_wheel_that_is_not_what_was_locked_is_an_integrity_error(place: Place) -> None:
    sample = place.wheels.add("sample")
    place.write({"main.py": "", "pylock.toml": pylock(sample.locked(digest="0" * 64))})

    ran = refused(place)
    assert ran == (
        5,
        "",
        "error: `file://TMP/wheels/sample-1.0-py3-none-any.whl` is not what was promised\n"
        "  caused by: expected sha256:DIGEST, got sha256:DIGEST (N bytes)\n",
    )
    assert not list(place.cache.glob("blobs/*/*"))


def test_a_wheel_that_is_not_there_is_named(place: Place) -> None:
    sample = place.wheels.add("sample")
    place.write({"main.py": "", "pylock.toml": pylock(sample.locked())})
    sample.path.unlink()

    assert refused(place) == (
        4,
        "",
        "error: cannot read `file://TMP/wheels/sample-1.0-py3-none-any.whl`\n  caused by: No such file or directory\n",
    )


def test_a_hash_that_proves_nothing_is_refused(place: Place) -> None:
    sample = place.wheels.add("sample")
    text = pylock(sample.locked()).replace(f'sha256 = "{sample.digest}"', f'md5 = "{"0" * 32}"')
    place.write({"main.py": "", "pylock.toml": text})

    assert refused(place) == (
        2,
        "",
        "error: `pylock.toml` has hashes that prove nothing\n"
        "  caused by: `sample-1.0-py3-none-any.whl` has md5; expected sha256\n",
    )


def test_no_wheel_for_the_target_says_what_there_is(place: Place) -> None:
    releases = [
        place.wheels.add("native", tag=f"cp313-cp313-{platform}")
        for platform in ("manylinux_2_17_aarch64", "macosx_11_0_arm64", "musllinux_1_2_x86_64")
    ]
    package = releases[0].locked() + "".join(
        release.locked().partition("version = ")[2].partition("\n")[2] for release in releases[1:]
    )
    place.write({"main.py": "", "pylock.toml": pylock(package)})

    assert refused(place) == (
        3,
        "",
        "error: `native==1.0` has no wheel for the target\n"
        "  caused by: the target is cp313, linux/amd64, glibc 2.41; `pylock.toml` offers macosx_11_0_arm64, "
        "manylinux_2_17_aarch64, musllinux_1_2_x86_64\n\n"
        "hint: Use a musl base\n",
    )


def test_a_base_whose_python_the_project_does_not_accept_is_refused(place: Place) -> None:
    place.write(
        {"main.py": "", "pyproject.toml": '[project]\nname = "demo"\nversion = "1"\nrequires-python = "<3.13"\n'}
    )

    assert refused(place) == (
        3,
        "",
        "error: `demo` is not for CPython 3.13.5\n"
        "  caused by: it needs Python `<3.13`; the target is cp313, linux/amd64, glibc 2.41\n\n"
        "hint: Choose another base, or another interpreter with `--python`\n",
    )


def test_markers_are_asked_for_the_target(place: Place) -> None:
    both = place.base(base_image("amd64"), base_image("arm64"))
    names = {"one": "platform_machine == 'x86_64'", "two": "platform_machine == 'aarch64'", "no": "os_name == 'nt'"}
    place.write(
        {"main.py": "", "pylock.toml": pylock(*(place.wheels.add(n).locked(marker=m) for n, m in names.items()))}
    )

    document = place.document("build", "--base", both, "--platform", "linux/amd64,linux/arm64")

    assert [image["layers"][2]["distributions"] for image in document["images"]] == [["one 1.0"], ["two 1.0"]]


def _extension(**fields: object) -> bytes:
    return make_elf(symbols=("PyInit_core",), **fields)  # type: ignore[arg-type]  # its own keywords


MISSING = (
    "error: the base lacks 1 shared library that wheels need\n"
    "  caused by: `native/core.so` of `native-1.0-cp313-cp313-manylinux_2_17_x86_64.whl` needs `libmissing.so.7`; "
    "neither the base nor a wheel has it\n\n"
    "hint: Choose a base that has what is needed, or add its packages\n"
    "hint: If a library is not needed at run time, say so: `--allow-missing libmissing.so.7`\n"
)


def test_a_library_that_the_base_lacks_is_named_with_wheel_and_file(place: Place) -> None:
    core = _extension(needed=["libmissing.so.7", "libc.so.6"])
    native = place.wheels.add("native", tag="cp313-cp313-manylinux_2_17_x86_64", files={"native/core.so": core})
    place.write({"main.py": "", "requirements.txt": locked([native])})

    ran = refused(place)
    assert (ran.code, ran.err) == (3, MISSING)

    allowed = place.build("--allow-missing", "libmissing.so.7")
    assert allowed.code == 0, allowed.err


def test_a_library_of_another_wheel_is_found(place: Place) -> None:
    core = _extension(needed=["libother.so.1"], runpath="$ORIGIN/../other/lib")
    library = _extension(soname="libother.so.1")
    tag = "cp313-cp313-manylinux_2_17_x86_64"
    native = place.wheels.add("native", tag=tag, files={"native/core.so": core})
    other = place.wheels.add("other", tag=tag, files={"other/lib/libother.so.1": library})
    place.write({"main.py": "", "requirements.txt": locked([native, other])})

    assert place.build().code == 0

    place.write({"requirements.txt": locked([native])})
    ran = place.build("-o", "oci:second")
    assert ran.code == 3
    assert "`native/core.so` of `native-1.0-cp313-cp313-manylinux_2_17_x86_64.whl` needs `libother.so.1`" in ran.err


def test_an_extension_for_another_processor_is_refused(place: Place) -> None:
    native = place.wheels.add(
        "native", tag="cp313-cp313-manylinux_2_17_x86_64", files={"native/core.so": _extension(machine=183)}
    )
    place.write({"main.py": "", "requirements.txt": locked([native])})

    assert refused(place) == (
        3,
        "",
        "error: the base cannot load files of the wheels\n"
        "  caused by: `native/core.so` of `native-1.0-cp313-cp313-manylinux_2_17_x86_64.whl` needs the processor arm64; "
        "the platform is `linux/amd64`\n\n"
        "hint: Choose a base that has what is needed, or add its packages\n",
    )


def test_a_hostile_wheel_is_refused_although_it_is_the_one_that_was_locked(place: Place) -> None:
    sample = place.wheels.add("sample", files={"../../evil.py": b""})
    place.write({"main.py": "", "requirements.txt": locked([sample])})

    assert refused(place) == (
        5,
        "",
        "error: refusing `sample-1.0-py3-none-any.whl`\n  caused by: its entry `../../evil.py` leaves the installation directory, or is not a plain relative path\n",
    )


def test_a_file_that_record_does_not_have_is_refused(place: Place) -> None:
    sample = place.wheels.add("sample", rows=lambda rows: [row for row in rows if row[0] != "sample.py"])
    place.write({"main.py": "", "requirements.txt": locked([sample])})

    ran = refused(place)
    assert (ran.code, "`sample.py`" in ran.err) == (5, True)


def test_a_content_that_is_not_what_record_says_is_refused_while_the_layer_is_written(place: Place) -> None:
    def lie(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
        return [(path, digest.swapcase() if path == "sample.py" else digest, size) for path, digest, size in rows]

    sample = place.wheels.add("sample", rows=lie)
    place.write({"main.py": "", "requirements.txt": locked([sample])})

    ran = refused(place)
    assert (ran.code, "`sample.py`" in ran.err) == (5, True)
    assert not list(place.cache.glob("memo/layers/*"))


def test_two_distributions_with_one_path_are_settled_and_said(place: Place) -> None:
    one = place.wheels.add("one", files={"shared.py": b"1"})
    two = place.wheels.add("two", files={"shared.py": b"2"})
    place.write({"main.py": "", "requirements.txt": locked([two, one])})

    ran = place.build()

    assert ran.err.splitlines()[0] == (
        "warning: `one` and `two` both have `/opt/venv/lib/python3.13/site-packages/shared.py`, with different "
        "contents: the one of `one` is kept"
    )
    assert contents(*read_layout(place.app / "dist").layers[2:])[f"{PACKAGES}/shared.py"] == b"1"


def test_extras_and_groups_are_taken_when_asked_for_and_no_group_by_itself(place: Place) -> None:
    names = ("always", "extra", "dev", "work")
    for name in names:
        place.wheels.add(name)
    place.write(
        {
            "main.py": "",
            "pyproject.toml": """\
                [project]
                name = "demo"
                version = "1"
                dependencies = ["always"]
                [project.optional-dependencies]
                more = ["extra"]
                [dependency-groups]
                dev = ["dev"]
                work = ["work"]
                """,
        }
    )

    def taken(*argv: str) -> list[str]:
        layers = place.document("build", *place.target, *argv)["layers"]
        return [name.partition(" ")[0] for name in layers[2]["distributions"]]

    assert taken() == ["always"]
    assert taken("--extra", "more") == ["always", "extra"]
    assert taken("--group", "work", "--extra", "more") == ["always", "extra", "work"]
    assert taken("--group", "dev") == ["always", "dev"]


def test_what_has_no_lock_is_built_with_a_warning(place: Place) -> None:
    place.wheels.add("sample")
    place.write({"main.py": "", "requirements.txt": "sample\n"})

    ran = place.build()

    assert (ran.code, ran.err.splitlines()[0]) == (
        0,
        "warning: the build is not pinned: `requirements.txt` leaves open which version of `sample`",
    )


def test_of_several_locks_one_is_taken_and_the_other_named(place: Place) -> None:
    sample, other = place.wheels.add("sample"), place.wheels.add("other")
    place.write({"main.py": "", "pylock.toml": pylock(sample.locked()), "requirements.txt": other.requirement()})

    ran = place.build()
    named = place.document("build", *place.target, "--lock", "requirements.txt")

    assert ran.err.splitlines()[0] == "warning: `pylock.toml` is taken, and `requirements.txt` not"
    assert [layer["distributions"] for layer in named["layers"]][2] == ["other 1.0"]


def test_a_script_with_its_own_requirements_is_a_project(place: Place) -> None:
    place.wheels.add("sample")
    script = '# /// script\n# requires-python = ">=3.11"\n# dependencies = ["sample"]\n# ///\nimport sample\n'
    place.write({"job.py": script, "other.py": ""})

    ran = place("build", "job.py", *place.target)

    assert (ran.code, ran.err.splitlines()[-1].partition("; runs ")[2]) == (0, "`python job.py`; TIME")
    image = read_layout(place.app / "dist")
    assert list(contents(image.layers[3])) == ["app/job.py"]
    assert f"{PACKAGES}/sample.py" in contents(image.layers[2])


def test_wheels_come_from_a_directory_that_is_named_from_where_the_command_is_typed(place: Place) -> None:
    sample = place.wheels.add("sample")
    place.write({"deep/project/main.py": "", "deep/project/requirements.txt": locked([sample])})
    del place.environment["UV_FIND_LINKS"]

    assert place.build("deep/project", "--find-links", "../wheels").code == 0
    assert place.build("deep/project", "--cache-dir", "../second", env={"UV_FIND_LINKS": "../wheels"}).code == 0
    assert place.build("deep/project", "--cache-dir", "../third") == (
        4,
        "",
        "error: cannot find what `requirements.txt` names\n"
        "  caused by: No solution found when resolving dependencies\n"
        "  caused by: Because sample was not found in the cache and you require sample==1.0, we can conclude that your "
        "requirements are unsatisfiable.\n"
        "  caused by: Packages were unavailable because the network was disabled. When the network is disabled, registry "
        "packages may only be read from the cache.\n\n"
        "hint: Run once without `--offline`, or name a directory with the wheels with `--find-links`\n",
    )


NEEDS_SAMPLE = '[project]\nname = "demo"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["sample{}"]\n'


def test_a_lock_that_lacks_what_the_project_asks_for_is_out_of_date(place: Place) -> None:
    lock = 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n[[package]]\nname = "demo"\nversion = "1"\nsource = { virtual = "." }\n'
    place.write({"main.py": "", "pyproject.toml": NEEDS_SAMPLE.format(""), "uv.lock": lock})

    assert refused(place) == (
        2,
        "",
        "error: `uv.lock` is out of date\n"
        "  caused by: `pyproject.toml` asks for `sample`, which `uv.lock` does not have\n\n"
        "hint: Run `uv lock`\n",
    )


def test_a_lock_of_another_tool_that_lacks_what_the_project_asks_for_is_out_of_date(place: Place) -> None:
    lock = 'package = []\n[metadata]\nlock-version = "2.1"\npython-versions = ">=3.11"\ncontent-hash = "0"\n'
    place.write({"main.py": "", "pyproject.toml": NEEDS_SAMPLE.format(""), "poetry.lock": lock})

    assert refused(place) == (
        2,
        "",
        "error: `poetry.lock` is out of date\n"
        "  caused by: `pyproject.toml` asks for `sample`, which `poetry.lock` does not have\n\n"
        "hint: Run `poetry lock`\n",
    )


def test_a_lock_with_another_version_than_the_project_asks_for_is_refused(place: Place) -> None:
    sample = place.wheels.add("sample")
    place.write({"main.py": "", "pyproject.toml": NEEDS_SAMPLE.format(">=2"), "pylock.toml": pylock(sample.locked())})

    assert refused(place) == (
        2,
        "",
        "error: `pylock.toml` contradicts `pyproject.toml`\n"
        "  caused by: `pyproject.toml` asks for `sample>=2`; `pylock.toml` has 1.0\n\n"
        "hint: Lock the project anew, or change what `pyproject.toml` asks for\n",
    )


CONTRADICTIONS = {
    "two versions of one": (
        ('version = "1.0"\n[[packages.wheels]]', 'version = "2.0"\n[[packages.wheels]]'),
        "error: `pylock.toml` is not a valid lockfile\n"
        "  caused by: packages[0].wheels[0]: Version in 'sample-1.0-py3-none-any.whl' is not consistent with package "
        "version '2.0'\n",
    ),
    "a wheel of another": (
        ('name = "sample"', 'name = "other"'),
        "error: `pylock.toml` is not a valid lockfile\n"
        "  caused by: packages[0].wheels[0]: Name in 'sample-1.0-py3-none-any.whl' is not consistent with package name "
        "'other'\n",
    ),
    "a directory and a wheel": (
        ("[[packages.wheels]]", 'directory = { path = "." }\n[[packages.wheels]]'),
        "error: `pylock.toml` is not a valid lockfile\n"
        "  caused by: packages[0]: None of vcs, directory, archive must be set if sdist or wheels are set\n",
    ),
}


@pytest.mark.parametrize(("change", "said"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_lock_that_contradicts_itself_is_an_error(place: Place, change: tuple[str, str], said: str) -> None:
    text = pylock(place.wheels.add("sample").locked())
    assert change[0] in text
    place.write({"main.py": "", "pylock.toml": text.replace(*change)})

    assert refused(place) == (2, "", said)


def test_requirements_that_contradict_each_other_are_an_error(place: Place) -> None:
    one, two = place.wheels.add("sample", "1.0"), place.wheels.add("sample", "2.0")
    place.write({"main.py": "", "requirements.txt": locked([one, two])})

    assert refused(place) == (
        2,
        "",
        "error: `requirements.txt` contradicts itself\n"
        "  caused by: Multiple packages with the name 'sample' are selected at packages[1] and packages[0]\n"
        "  caused by: the target is cp313, linux/amd64, glibc 2.41\n",
    )
