"""`tare dockerfile` for wheels that load libraries of the system: which packages the stage that runs gets, and why."""

from __future__ import annotations

import shutil

import pytest
from command import Place, locked
from make.elves import make_elf

BASE = "python:3.13-slim-trixie"
OPTIONS = ("--base", f"{BASE}@sha256:{'0' * 64}")
TAG = "cp313-cp313-manylinux_2_28_x86_64"


def module(*needed: str) -> bytes:
    return make_elf(needed=[*needed, "libc.so.6"], symbols=("PyInit_core",))


def write(place: Place, **wheels: tuple[str, ...]) -> None:
    """Write a project whose wheels have a module each that loads libraries, given by the distribution's name."""
    releases = [
        place.wheels.add(name, tag=TAG, files={f"{name}/core.abi3.so": module(*needed)})
        for name, needed in wheels.items()
    ]
    place.write({"main.py": "print(1)\n", "requirements.txt": locked(releases)})


def installed(place: Place) -> list[str]:
    """Return the packages that the Dockerfile installs."""
    lines = (place.app / "Dockerfile").read_text().splitlines()
    return [name for line in lines if "apt-get install" in line for name in line.partition("recommends ")[2].split()]


def test_what_a_module_loads_and_no_wheel_has_is_installed_where_it_runs(place: Place) -> None:
    write(place, views=("libGL.so.1", "libgthread-2.0.so.0", "libstdc++.so.6", "libz.so.1"), plain=())

    ran = place("dockerfile", *OPTIONS)

    assert ran.code == 0
    assert ran.err == (
        "note: `views` cannot be imported without `libGL.so.1` (`libgl1`) and `libgthread-2.0.so.0` "
        "(`libglib2.0-0t64`), which the stage that runs installs\n"
    )
    assert installed(place) == ["libgl1", "libglib2.0-0t64"]
    assert place("dockerfile", "--check").code == 0


def test_a_suite_has_its_own_names(place: Place) -> None:
    write(place, views=("libglib-2.0.so.0",))

    place("dockerfile", "--base", f"python:3.13-slim-bookworm@sha256:{'0' * 64}")

    assert installed(place) == ["libglib2.0-0"]


def test_a_plugin_that_is_opened_on_request_installs_nothing(place: Place) -> None:
    files = {"views/core.abi3.so": module(), "views/plugins/libwindow.so": make_elf(needed=["libSM.so.6"])}
    release = place.wheels.add("views", tag=TAG, files=files)
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([release])})

    ran = place("dockerfile", *OPTIONS)

    assert (ran.err, installed(place)) == ("", [])


def test_a_library_that_another_wheel_file_is_installs_nothing(place: Place) -> None:
    files = {
        "views/core.abi3.so": make_elf(
            needed=["libGL.so.1"], runpath="$ORIGIN/../views.libs", symbols=("PyInit_core",)
        ),
        "views.libs/libGL.so.1": make_elf(soname="libGL.so.1", needed=["libc.so.6"]),
    }
    release = place.wheels.add("views", tag=TAG, files=files)
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([release])})

    place("dockerfile", *OPTIONS)

    assert installed(place) == []


def test_of_several_platforms_each_wheel_is_judged_for_its_own(place: Place) -> None:
    from make.elves import ARM64

    arm = make_elf(machine=ARM64, needed=["libgomp.so.1"], symbols=("PyInit_core",))
    files = {"cp313-cp313-manylinux_2_28_x86_64": module(), "cp313-cp313-manylinux_2_28_aarch64": arm}
    releases = [place.wheels.add("views", tag=tag, files={"views/core.abi3.so": data}) for tag, data in files.items()]
    hashes = " ".join(locked([each]).partition(" --hash")[2].strip() for each in releases)
    place.write({"main.py": "print(1)\n", "requirements.txt": f"views==1.0 --hash{hashes.replace(' =', ' --hash=')}\n"})

    place("dockerfile", *OPTIONS)
    alone = installed(place)
    place("dockerfile", *OPTIONS, "--platform", "linux/amd64,linux/arm64")

    assert (alone, installed(place)) == ([], ["libgomp1"])


def test_a_library_of_which_nobody_knows_the_package_is_told(place: Place) -> None:
    write(place, views=("libnobodys.so.7",))

    ran = place("dockerfile", "--offline", *OPTIONS)

    assert ran.err == (
        "note: `views` cannot be imported without `libnobodys.so.7`; which package of trixie has that is not known\n"
    )
    assert installed(place) == []


@pytest.mark.parametrize("option", ["--check", "--dry-run"])
def test_where_a_wheel_is_not_at_hand_the_libraries_of_the_file_stay(place: Place, option: str) -> None:
    write(place, views=("libGL.so.1",))
    place("dockerfile", *OPTIONS)
    lock = place.app / "requirements.txt"
    pylock = place.app / "pylock.toml"
    digest = lock.read_text().partition("sha256:")[2].split()[0]
    name = f"views-1.0-{TAG}.whl"
    pylock.write_text(
        f'lock-version = "1.0"\ncreated-by = "hand"\n[[packages]]\nname = "views"\nversion = "1.0"\n'
        f'[[packages.wheels]]\nname = "{name}"\nurl = "https://files.example/{name}"\nhashes = {{ sha256 = "{digest}" }}\n'
    )
    lock.unlink()
    known = place("dockerfile", "--offline", option)
    shutil.rmtree(place.cache)

    unknown = place("dockerfile", "--offline", option)

    assert (known.code, known.out) == (unknown.code, unknown.out)
    unread = "note: which shared libraries `views` may want of the system is not known: not all of the wheel was read\n"
    assert unknown.err == ("" if option == "--check" else unread)
    assert not any(line[:1] in {"-", "+"} and "libgl1" in line for line in unknown.out.splitlines())
    assert installed(place) == ["libgl1"]
