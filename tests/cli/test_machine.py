"""What the machine does to a command: no space, no permission, an interrupt, a reader that left, a terminal."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import Place, Ran, locked
from layouts import read_layout
from loopback import Handler, running_server
from make.backends import PROJECT
from make.wheelhouse import pylock
from terminal import read_all, screen

from tare import __version__
from tare.cli import cache as cache_command
from tare.stores.cache import hash_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, limits and terminals are POSIX's here")


@pytest.fixture
def project(place: Place) -> Place:
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([place.wheels.add("sample")])})
    return place


DONE = (
    "linux/amd64 on oci:TMP/base (CPython 3.13.5, glibc 2.41): SIZE to pull, 2.1 kB unpacked, "
    "2 new layers of which {} were known; runs `python main.py`; TIME\n"
)


# No space


def _limited(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_layer_that_there_is_no_space_for_is_an_error_and_leaves_nothing(project: Place) -> None:
    """Each wheel fits below the limit, and the layer of all of them does not."""
    names = ("one", "two", "three")
    project.write(
        {
            "requirements.txt": locked(
                [project.wheels.add(name, files={f"{name}.bin": os.urandom(100_000)}) for name in names]
            )
        }
    )

    ran = project.finish(project.process("build", *project.target, preexec_fn=_limited(200_000)))

    assert ran == (
        2,
        "",
        "error: cannot write to the cache at `TMP/cache`\n"
        "  caused by: File too large\n\n"
        "hint: Free some space, or name another directory with `--cache-dir`\n",
    )
    assert project.leftovers() == []
    assert not (project.app / "dist").exists()
    assert project.build().code == 0


class Small:
    """A file system with little space, or one that is only read, that is there for one command."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def run(self, setup: str, *argv: str) -> Ran:
        command = f"{setup} && exec {sys.executable} -m tare {' '.join(argv)}"
        inside = ["unshare", "--mount", "sh", "-c", command]
        src = str(Path(cache_command.__file__).parents[2])
        environment = {**self._place.environment, "PYTHONPATH": src, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        done = subprocess.run(inside, cwd=self._place.app, env=environment, capture_output=True, check=False)
        return Ran(done.returncode, self._place.filtered(done.stdout), self._place.filtered(done.stderr))


@pytest.fixture
def mounts(project: Place) -> Small:
    """Commands that run with mounts of their own."""
    found = shutil.which("unshare")
    if not found or subprocess.run([found, "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounting for one command needs root on Linux, and `unshare`")
    return Small(project)


def test_a_full_disk_below_the_cache_is_an_error_and_the_cache_stays_sound(project: Place, mounts: Small) -> None:
    large = project.wheels.add("large", files={"large.bin": os.urandom(300_000)})
    project.write({"requirements.txt": locked([large])})
    project.cache.mkdir()
    whole_names = "find $TARE_CACHE_DIR/blobs $TARE_CACHE_DIR/memo -type f -size +8k"

    ran = mounts.run(
        f"mount -t tmpfs -o size=256k none {project.cache}",
        "build", *project.target, f"; code=$?; {whole_names}; exit $code",
    )  # fmt: skip

    message, reason, *rest = ran.err.splitlines()
    assert (ran.code, ran.out, rest) == (2, "", ["", "hint: Free some space, and run the command again"])
    assert message.startswith("error: cannot write `TMP/cache/partial/")
    assert reason == "  caused by: No space left on device"


def test_a_full_disk_below_the_output_is_an_error_and_no_image(project: Place, mounts: Small) -> None:
    (project.app / "dist").mkdir()

    ran = mounts.run(
        f"mount -t tmpfs -o size=16k none {project.app}/dist",
        "build",
        *project.target,
        "; code=$?; ls dist; exit $code",
    )

    assert (ran.code, ran.err) == (
        2,
        "error: cannot write to `dist`\n"
        "  caused by: No space left on device\n\n"
        "hint: Free some space, or choose another place\n",
    )
    assert "index.json" not in ran.out


# No permission


def test_a_cache_that_is_only_read_is_enough_when_everything_is_known(project: Place, mounts: Small) -> None:
    project.build()
    read_only = f"mount --bind {project.cache} {project.cache} && mount -o remount,ro,bind {project.cache}"

    assert mounts.run(read_only, "build", *project.target, "-o", "oci:second") == (
        0,
        "oci:second sha256:DIGEST\n",
        DONE.format(2),
    )
    project.write({"main.py": "print(2)\n"})
    assert mounts.run(read_only, "build", *project.target) == (
        2,
        "",
        "error: cannot write to the cache at `TMP/cache`\n"
        "  caused by: Read-only file system\n\n"
        "hint: Free some space, or name another directory with `--cache-dir`\n",
    )


def test_a_cache_that_cannot_be_made_is_an_error(project: Place) -> None:
    (project.root / "file").write_text("")

    assert project.build("--cache-dir", f"{project.root}/file/cache") == (
        2,
        "",
        "error: cannot write to the cache at `TMP/file/cache`\n"
        "  caused by: Not a directory\n\n"
        "hint: Free some space, or name another directory with `--cache-dir`\n",
    )


@pytest.mark.parametrize("output", ["oci:main.py", "oci:main.py/dist", "docker-archive:main.py/image.tar"])
def test_an_output_that_cannot_be_written_is_an_error(project: Place, output: str) -> None:
    ran = project.build("-o", output)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: cannot write to `{output.partition(':')[2]}`\n  caused by: ")
    assert (project.app / "main.py").read_text() == "print(1)\n"
    assert project.leftovers() == []


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("oci:.", "`.` is not empty, and no image layout"),
        ("oci:main.py", "cannot write to `main.py`"),
        ("docker-archive:.", "cannot write to `.`"),
    ],
)
def test_an_output_that_something_else_is_at_is_refused_before_anything_is_made(
    project: Place, output: str, said: str
) -> None:
    ran = project.build("-o", output)

    assert (ran.code, ran.err.partition("\n")[0]) == (2, f"error: {said}")
    assert list(project.cache.glob("blobs/*/*")) == []


def test_a_project_file_that_cannot_be_read_is_named(project: Place) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    (project.app / "main.py").chmod(0)

    assert project.build() == (2, "", "error: cannot use `TMP/app/main.py`\n  caused by: Permission denied\n")


# Names and locales


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "C"},
    ],
)
def test_names_that_are_not_ascii_are_the_same_in_every_locale(place: Place, locale: dict[str, str]) -> None:
    place.write(
        {"main.py": "print('ä')\n", "mödule/ü.py": "1", "pyproject.toml": '[project]\nname = "ä-b"\n'.replace("ä", "a")}
    )
    expected = place.finish(place.process("build", *place.target, "-o", "oci:öut"))
    found = place.finish(place.process("build", *place.target, "-o", "oci:öut", env=locale))

    assert (expected.code, expected.out) == (0, "oci:öut sha256:DIGEST\n")
    assert found[:2] == expected[:2]
    digests = {entry["digest"] for entry in json.loads((place.app / "öut" / "index.json").read_bytes())["manifests"]}
    assert len(digests) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_no_text_are_an_error_or_work(place: Place) -> None:
    place.write({"main.py": ""})
    name = os.fsdecode(b"b\xffd")
    (place.app / name).mkdir()
    (place.app / name / "main.py").touch()

    assert place.finish(place.process("build", name, *place.target)) == (
        2,
        "",
        "error: a name is not UTF-8\n  caused by: `TMP/app/b\\udcffd`\n\nhint: Rename it, or leave it out\n",
    )
    refused = place.build()
    assert (refused.code, refused.err.splitlines()[1]) == (
        2,
        "  caused by: the name of `b\\udcffd/main.py` is not UTF-8",
    )
    shutil.rmtree(os.fsencode(place.app / name))
    process = place.process("build", *place.target, "-o", f"oci:../{name}")
    out, err = process.communicate()
    assert (process.returncode, out.partition(b" ")[0]) == (0, b"oci:../b\xffd"), err


def test_a_working_directory_that_is_gone_is_said(place: Place) -> None:
    gone = place.root / "gone"
    gone.mkdir()
    program = (
        f"import os; os.rmdir({str(gone)!r}); os.execv({sys.executable!r}, [{sys.executable!r}, '-m', 'tare', 'build'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=gone, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**place.environment, "PYTHONPATH": place.source},
    )  # fmt: skip

    assert place.finish(process) == (
        2,
        "",
        "error: the working directory is not there any more\n  caused by: No such file or directory\n\n"
        "hint: Change to a directory that exists, and run the command again\n",
    )


# Interrupted


@pytest.fixture
def building(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """A command whose build backend has just been started, and does not end."""
    place.write(PROJECT)
    place.base()
    (place.root / "hold").touch()
    process = place.process("build", *place.target, start_new_session=True)
    deadline = time.monotonic() + 30
    while not (place.root / "building").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield process
    finally:
        (place.root / "hold").unlink(missing_ok=True)
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_told_in_one_word_and_leaves_nothing(
    place: Place, building: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    os.killpg(building.pid, number)

    assert place.finish(building) == (130, "", "interrupted\n")
    assert place.leftovers() == []
    assert not (place.app / "dist").exists()


def test_a_build_after_an_interrupt_is_as_if_nothing_had_been(place: Place, building: subprocess.Popen[bytes]) -> None:
    os.killpg(building.pid, signal.SIGINT)
    place.finish(building)
    (place.root / "hold").unlink()

    assert place.build().code == 0
    again = place.build("--cache-dir", "../fresh", "-o", "oci:fresh")
    assert again.code == 0
    assert read_layout(place.app / "dist").digest == read_layout(place.app / "fresh").digest


@pytest.fixture
def downloading(place: Place) -> Iterator[tuple[subprocess.Popen[bytes], threading.Event]]:
    """A command whose downloads have begun, of servers that say nothing more until the event is set."""
    begun, on = threading.Semaphore(0), threading.Event()
    with running_server() as server:
        packages = []
        for name in ("one", "two", "three"):
            release = place.wheels.add(name, files={f"{name}.bin": os.urandom(300_000)})
            data = release.path.read_bytes()

            def route(handler: Handler, data: bytes = data) -> None:
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(data)))
                handler.end_headers()
                handler.wfile.write(data[:100_000])
                begun.release()
                on.wait(60)
                handler.wfile.write(data[100_000:])

            server.routes[f"/{release.path.name}"] = route
            packages.append(
                release.locked().replace(f'path = "{release.path}"', f'url = "{server.url}/{release.path.name}"')
            )
        place.write({"main.py": "", "pylock.toml": pylock(*packages)})
        place.base()
        process = place.process("build", *place.target, env={"UV_OFFLINE": "0"}, start_new_session=True)
        try:
            for _ in packages:
                assert begun.acquire(timeout=30)
            yield process, on
        finally:
            on.set()
            process.kill()
            process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_does_not_wait_for_downloads(
    place: Place, downloading: tuple[subprocess.Popen[bytes], threading.Event], number: signal.Signals
) -> None:
    process, on = downloading
    interrupted = time.monotonic()
    process.send_signal(number)
    ended = place.finish(process)
    took = time.monotonic() - interrupted

    assert ended == (130, "", "interrupted\n")
    assert took < 5, "the servers go on after a minute"
    assert [path for path in place.leftovers() if "new-" in path] == []
    assert [path for path in place.cache.glob("blobs/*/*") if hash_file(path) != f"sha256:{path.name}"] == []
    on.set()
    assert place.build(env={"UV_OFFLINE": "0"}).code == 0


# A reader that left


@pytest.mark.parametrize("argv", [("cache", "info"), ("plan", "--files"), ("--help",)], ids=" ".join)
def test_a_reader_that_left_is_no_error_of_ours(project: Place, argv: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    more = project.target if argv[0] == "plan" else ()
    process = project.process(*argv, *more, stdout=write)
    os.close(write)

    assert project.finish(process) == (141, "", "")


# A bug


def test_a_bug_apologises_and_asks_for_a_report(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> int:
        raise KeyError("layers")

    monkeypatch.setattr(cache_command, "execute", broken)
    version = ".".join(map(str, sys.version_info[:3]))
    said = (
        "error: something is wrong in tare itself, sorry\n"
        "  caused by: KeyError: 'layers'\n\n"
        "hint: Please report it with the output of the same command and `--verbose` "
        f"(tare {__version__}, CPython {version}, {sys.platform})\n"
    )

    assert place("cache", "info") == (70, "", said)
    verbose = place("cache", "info", "--verbose")
    assert verbose.err.startswith(f"{said}Traceback (most recent call last):\n")


# A terminal


def on_terminal(place: Place, *argv: str) -> tuple[int, str, str]:
    """Run a command whose stderr is a terminal; return its code, its stdout, and what the terminal got."""
    import pty

    master, slave = pty.openpty()
    process = place.process(*argv, stderr=slave)
    os.close(slave)
    written = read_all(master)
    os.close(master)
    assert process.stdout is not None
    out = process.stdout.read().decode()
    process.stdout.close()
    return process.wait(), place.filtered(out.encode()), written


def test_progress_is_drawn_on_a_terminal_and_leaves_a_clean_screen(project: Place) -> None:
    code, out, written = on_terminal(project, "build", *project.target)

    assert (code, out) == (0, "oci:dist sha256:DIGEST\n")
    assert "\r\x1b[2Kread the base …" in written
    assert "\r\x1b[2Kwrite layers …" in written
    assert project.filtered("\n".join(screen(written)).encode()) == DONE.format(0)


def test_an_error_on_a_terminal_stands_alone(project: Place) -> None:
    project.write({"requirements.txt": f"sample==1.0 --hash=sha256:{'0' * 64}\n"})

    code, _, written = on_terminal(project, "build", *project.target)

    lines = screen(written)
    assert code == 5
    assert lines[0] == "error: the files that `requirements.txt` names are not the ones that are offered"
    assert "\x1b[2K" in written


def test_warnings_on_a_terminal_keep_their_lines(place: Place) -> None:
    place.write({"a.py": "", "b.py": ""})

    _, _, written = on_terminal(place, "build", *place.target)

    assert screen(written)[0] == (
        "warning: nothing says what to run: set `entrypoint` in [tool.tare], or pass `--entrypoint`"
    )


def test_without_a_terminal_nothing_is_drawn(project: Place) -> None:
    assert project.finish(project.process("build", *project.target)) == (
        0,
        "oci:dist sha256:DIGEST\n",
        DONE.format(0),
    )
