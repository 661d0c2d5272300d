"""Every engine runs the same image in the same way: Docker, podman, and the one that needs none."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from lab import needs, needs_root, output
from make.images import Entry, directory, image, layer, symlink

from tare.engines.chroot import Chroot
from tare.engines.command_line import CommandLineEngine
from tare.engines.docker import Docker
from tare.engines.interface import TIMED_OUT, Engine, Mount, RunOptions
from tare.engines.podman import Podman
from tare.errors import MachineError
from tare.oci.image import Image
from tare.stores import platforms
from tare.stores.layout_writer import LayoutDestination

pytestmark = pytest.mark.e2e

HOST = platforms.host()
TOOLS = ("sh", "cat", "echo", "id", "ls", "sleep", "touch", "grep", "wc", "env", "hostname", "pwd", "kill", "stat")
PASSWD = b"root:x:0:0::/root:/bin/sh\napp:x:65532:65533::/home/app:/bin/sh\n"


def sample(busybox: bytes, *more: Entry, **config: object) -> Image:
    """Return an image with a shell that runs as nobody in particular."""
    entries = [
        *(directory(name) for name in ("app", "bin", "dev", "etc", "proc", "sys")),
        directory("tmp", 0o1777),
        Entry("bin/busybox", busybox, mode=0o755),
        *(symlink(f"bin/{name}", "busybox") for name in TOOLS),
        Entry("etc/passwd", PASSWD),
        Entry("app/hello", b'#!/bin/sh\necho "hello $1 from $(id -u):$(id -g) in $(pwd)"\nexit 7\n', mode=0o755),
        *more,
    ]
    settings = {"user": "65532:65533", "env": ("PATH=/bin", "NAME=value"), "working_dir": "/app"}
    defaults = {"entrypoint": ("/app/hello",), "cmd": ("world",)}
    return image(layer(entries), architecture=HOST.architecture, **{**settings, **defaults, **config})


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class Subject:
    """An engine, and a way to hear what a container says."""

    def __init__(self, engine: Engine, place: Path, busybox: bytes) -> None:
        self.engine = engine
        self.busybox = busybox
        self._place = place

    def run(self, value: Image | None = None, **options: object) -> Ran:
        streams = [self._place / name for name in ("out", "err")]
        with streams[0].open("wb") as out, streams[1].open("wb") as err:
            settings = RunOptions(stdout=out.fileno(), stderr=err.fileno(), **options)  # type: ignore[arg-type]  # RunOptions' own
            code = self.engine.run(value or sample(self.busybox), settings)
        return Ran(code, *(path.read_text() for path in streams))

    def shell(self, script: str, value: Image | None = None, **options: object) -> Ran:
        return self.run(value, entrypoint=("sh", "-c"), args=(script,), **options)


@pytest.fixture(scope="module", params=["docker", "podman", "chroot"])
def subject(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, busybox: bytes
) -> Iterator[Subject]:
    place = tmp_path_factory.mktemp("subject")
    engine: Engine
    if request.param == "docker":
        engine = Docker(host=request.getfixturevalue("dockerd").host)
    elif request.param == "podman":
        engine = Podman(options=request.getfixturevalue("podman").options)
    else:
        engine = Chroot(cache=place / "cache")
    reason = engine.available()
    if reason is not None:
        pytest.skip(f"{request.param}: {reason}")
    # The sample is loaded once; what loading and removing does has a test of its own.
    loaded = engine._loaded(sample(busybox)) if isinstance(engine, CommandLineEngine) else contextlib.nullcontext()
    with loaded:
        yield Subject(engine, place, busybox)


def test_an_image_does_what_it_is_for(subject: Subject) -> None:
    assert subject.run() == Ran(7, "hello world from 65532:65533 in /app\n", "")


def test_arguments_replace_the_image_s(subject: Subject) -> None:
    assert subject.run(args=("you",)).out == "hello you from 65532:65533 in /app\n"
    assert subject.run(entrypoint=("/bin/echo", "a"), args=("b c",)) == Ran(0, "a b c\n", "")
    assert subject.run(entrypoint=("echo",)) == Ran(0, "\n", "")


def test_an_empty_entrypoint_takes_the_image_s_away(subject: Subject) -> None:
    assert subject.run(entrypoint=(), args=("echo", "-n", "-x")) == Ran(0, "-x", "")


def test_user_directory_and_environment_are_what_is_asked_for(subject: Subject) -> None:
    script = 'echo "$(id -u):$(id -g) $(pwd) $NAME $OTHER"'

    assert subject.shell(script, user="7:8", workdir="/etc", env={"OTHER": "ö x"}).out == "7:8 /etc value ö x\n"
    assert subject.shell(script + "$HOME", user="app").out == "65532:65533 /app value /home/app\n"
    assert subject.shell("id -u", user="0").out == "0\n"


def test_a_container_is_locked_in(subject: Subject) -> None:
    """The promise for examples: a read-only root, one writable directory, no capability, no network."""
    script = """
        touch /app/x 2>/dev/null || echo read-only
        touch /tmp/x && echo writable
        grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status
        ls /sys/class/net 2>/dev/null || cat /proc/net/dev | grep -c :
    """
    tmpfs = ("/tmp",)  # noqa: S108  # the container's
    ran = subject.shell(script, read_only=True, tmpfs=tmpfs, network=False, drop_capabilities=True)

    *lines, network = ran.out.split("\n", 5)
    assert lines == [
        "read-only",
        "writable",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
    ]
    assert network.split() in (["lo"], ["1"])
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("read_only", [True, False])
def test_a_root_is_read_only_for_everybody_when_it_is(subject: Subject, *, read_only: bool) -> None:
    ran = subject.shell("touch /x 2>/dev/null && ls /x || echo no", user="0", read_only=read_only)

    assert ran.out == ("no\n" if read_only else "/x\n")


def test_nothing_is_left_of_a_container(subject: Subject) -> None:
    assert subject.shell("touch /tmp/x; ls /tmp").out == "x\n"
    assert subject.shell("ls /tmp").out == ""


def test_standard_input_is_handed_on_only_when_asked(subject: Subject, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("typed\n")
    before = os.dup(0)
    with (tmp_path / "in").open() as file:
        os.dup2(file.fileno(), 0)
        try:
            heard = [subject.run(entrypoint=("cat",), stdin=stdin).out for stdin in (False, True)]
        finally:
            os.dup2(before, 0)
            os.close(before)
    assert heard == ["", "typed\n"]


def test_mounts_are_what_they_are_said_to_be(subject: Subject, tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir").chmod(0o777)
    (tmp_path / "file").write_text("from outside\n")
    mounts = (
        Mount(source=tmp_path / "file", target="/made/up/file"),
        Mount(source=tmp_path / "dir", target="/out", read_only=False),
    )
    ran = subject.shell("cat /made/up/file; echo x > /made/up/file || echo no; echo in > /out/new", mounts=mounts)

    assert ran.out == "from outside\nno\n"
    assert (tmp_path / "dir/new").read_text() == "in\n"
    assert (tmp_path / "file").read_text() == "from outside\n"


@pytest.mark.parametrize(("program", "code"), [("nothing", 127), ("/app/nothing", 127), ("/etc/passwd", 126)])
def test_a_program_that_cannot_be_started_has_docker_s_exit_codes(subject: Subject, program: str, code: int) -> None:
    assert subject.run(entrypoint=(program,)).code == code


def test_a_program_that_a_signal_ends_has_its_number(subject: Subject) -> None:
    if not isinstance(subject.engine, Chroot):
        pytest.skip(
            "a container's process 1 cannot end itself by a signal; only the chroot engine has another one there"
        )
    for number in (9, 15):
        assert subject.shell(f"kill -{number} $$").code == 128 + number


def test_a_container_that_takes_too_long_is_ended(subject: Subject) -> None:
    assert subject.run(entrypoint=("sleep", "100"), timeout=1.5).code == TIMED_OUT


def test_an_image_that_was_not_there_is_not_there_afterwards(subject: Subject) -> None:
    value = sample(subject.busybox, Entry("only-here"))
    subject.run(value)
    if isinstance(subject.engine, CommandLineEngine):
        argv = subject.engine._argv
        identity = value.manifest.config.digest
        assert identity not in output(*argv, "image", "ls", "--all", "--quiet", "--no-trunc")
        assert output(*argv, "ps", "--all", "--quiet") == ""


RUN = """
import sys
sys.path[:0] = sys.argv[1].split(":")
from pathlib import Path
from tare.engines.chroot import Chroot
from tare.engines.interface import RunOptions
from tare.stores.layout import LayoutSource
note = lambda text: print("note:", text, file=sys.stderr)
engine = Chroot(cache=Path(sys.argv[2]) / "cache", note=note)
reason = engine.available()
if reason is not None:
    sys.exit("unavailable: " + reason)
value = LayoutSource(Path(sys.argv[2]) / "layout").read()
options = RunOptions(entrypoint=("sh", "-c"), args=(sys.argv[3],), read_only=True, tmpfs=("/tmp",), network=False)
sys.exit(engine.run(value, options))
"""


@pytest.fixture
def script(busybox: bytes) -> Iterator[Callable[..., list[str]]]:
    """Return the command that runs a shell script in a container of the chroot engine."""
    place = Path(tempfile.mkdtemp(prefix="tare-chroot-"))
    place.chmod(0o777)
    LayoutDestination(place / "layout").write(sample(busybox))
    source = Path(__file__).parents[2] / "src"
    packages = Path(pytest.__file__).parents[1]

    def command(text: str, python: str = sys.executable) -> list[str]:
        return [python, "-c", RUN, f"{source}:{packages}", str(place), text]

    yield command
    shutil.rmtree(place)


def test_somebody_who_is_not_root_runs_images_too(script: Callable[..., list[str]]) -> None:
    needs_root("becoming somebody else")
    python = _interpreter_for_everybody(script)
    text = "id -u; id -g; touch /app/x 2>/dev/null || echo read-only; grep CapEff /proc/self/status; stat -c %u /bin"
    done = subprocess.run(
        script(text, python), user=65534, group=65534, extra_groups=[], capture_output=True, text=True, check=False
    )
    if done.stderr.startswith("unavailable: "):
        pytest.skip(done.stderr.strip())

    assert done.stdout.split("\n") == ["65532", "65533", "read-only", "CapEff:\t0000000000000000", "65532", ""]
    assert done.stderr == "note: without root, every file of the image seems to belong to the user that runs it\n"
    assert done.returncode == 0


def _interpreter_for_everybody(script: Callable[..., list[str]]) -> str:
    """Return an interpreter that everybody may run and that can import what tare needs."""
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        argv = [python, "-c", "import sys; sys.path[:0] = sys.argv[1].split(':'); import msgspec, zlib_ng"]
        try:
            done = subprocess.run(
                [*argv, script("")[3]], user=65534, group=65534, extra_groups=[], capture_output=True, check=False
            )
        except OSError:
            continue
        if done.returncode == 0:
            return python
    pytest.skip("there is no interpreter, with our dependencies, that somebody else may run")


def test_signals_reach_the_program_and_its_answer_comes_back(script: Callable[..., list[str]]) -> None:
    text = "trap 'echo heard; exit 9' TERM INT; echo ready; while true; do sleep 0.1; done"
    for name in ("SIGTERM", "SIGINT"):
        with subprocess.Popen(script(text), stdout=subprocess.PIPE, start_new_session=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            process.send_signal(signal.Signals[name])
            assert process.stdout.read() == b"heard\n"
        assert process.returncode == 9


def test_a_program_that_ignores_signals_ends_with_us(script: Callable[..., list[str]]) -> None:
    """Whoever kills tare leaves no container behind, and process 1 of one leaves no zombies."""
    with subprocess.Popen(script("echo ready; trap '' TERM; sleep 654.321"), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.kill()
        ended, _, _ = select.select([process.stdout], [], [], 20)  # The pipe closes when the last of them is gone.
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"654.321" in _read(path)]
    for path in left:
        os.kill(int(path.parent.name), signal.SIGKILL)

    assert ended
    assert left == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_children_that_nobody_waits_for_are_waited_for(script: Callable[..., list[str]]) -> None:
    text = "(sleep 0.05 &) ; (sleep 0.05 &) ; sleep 0.3; grep -l 'State:.Z' /proc/[0-9]*/status | wc -l; ls -d /proc/[0-9]* | wc -l"
    done = subprocess.run(script(text), capture_output=True, text=True, check=True)

    zombies, processes = map(int, done.stdout.split())
    assert zombies == 0
    assert processes <= 4


# Images that would like more than they get


@pytest.fixture
def chroot(tmp_path: Path, busybox: bytes) -> Subject:
    engine = Chroot(cache=tmp_path / "cache")
    reason = engine.available()
    if reason is not None:
        pytest.skip(f"chroot: {reason}")
    return Subject(engine, tmp_path, busybox)


@pytest.mark.parametrize("name", ["proc", "dev", "tmp", "etc/hosts", "made/up"])
@pytest.mark.parametrize("target", ["{}", "../../../../../../../..{}", "/", "/etc"])
def test_places_to_mount_on_do_not_lead_out(chroot: Subject, tmp_path: Path, name: str, target: str) -> None:
    """The family of CVE-2019-5736's neighbours: a mount that follows the image's own link to the machine's files."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("innocent")
    entries = [Entry("bin/busybox", chroot.busybox, mode=0o755), symlink("bin/sh", "busybox"), directory("etc")]
    parent = [directory("made")] if name.startswith("made") else []
    value = image(
        layer([*entries, *parent, symlink(name, target.replace("{}", str(outside)))]),
        architecture=HOST.architecture,
        env=("PATH=/bin",),
        entrypoint=("sh", "-c", "echo fine"),
    )
    before = Path("/proc/self/mountinfo").read_text()
    with contextlib.suppress(MachineError):  # A refusal is as good.
        ran = chroot.run(value, tmpfs=("/tmp", "/made/up"), read_only=True)  # noqa: S108  # the container's
        assert ran.err == ""
    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert (outside / "kept").read_text() == "innocent"
    assert Path("/proc/self/mountinfo").read_text() == before


def test_a_working_directory_does_not_lead_out(chroot: Subject) -> None:
    """CVE-2024-21626: a descriptor of the machine's that is left open, and a working directory through it."""
    for number in range(3, 12):
        ran = chroot.shell("pwd; ls", sample(chroot.busybox, working_dir=f"/proc/self/fd/{number}"))
        assert ran.code in {126, 127}
        assert ran.out == ""


def test_the_image_s_modules_are_not_ours(chroot: Subject) -> None:
    """Process 1 has all powers for a moment while the image is its root: it must not import what lies there."""
    library = os.path.dirname(os.__file__).lstrip("/")
    source = str(Path(__file__).parents[2] / "src").lstrip("/")
    trap = b"import os\nos.write(2, b'OWNED')\n"
    names = sorted(sys.stdlib_module_names)
    entries = [Entry(f"{library}/{name}.py", trap) for name in names]
    entries += [Entry(f"{library}/encodings/{name}.py", trap) for name in ("ascii", "latin_1", "utf_8", "idna")]
    entries += [Entry(f"{source}/tare/engines/{name}.py", trap) for name in ("linux", "view", "tree", "program")]
    value = sample(chroot.busybox, *entries)
    heard = [chroot.run(value, network=False), chroot.run(value, entrypoint=("nothing",))]

    assert [ran.err for ran in heard] == ["", ""]
    assert [ran.code for ran in heard] == [7, 127]


def test_nothing_can_be_imported_once_the_image_is_the_root() -> None:
    code = """
import sys
sys.path.append(sys.argv[1])
from tare.engines import inside
inside._import_no_more()
import colorsys
"""
    source = str(Path(__file__).parents[2] / "src")
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, source], capture_output=True, text=True, check=False)

    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'colorsys'"


def test_the_machine_is_not_seen(chroot: Subject) -> None:
    script = """
        cat /proc/1/environ >/dev/null 2>&1 || echo hidden
        cat /proc/1/maps >/dev/null 2>&1 || echo hidden
        echo x 2>/dev/null >/proc/sys/kernel/core_pattern || echo hidden
        echo h 2>/dev/null >/proc/sysrq-trigger || echo hidden
        set -- $(cat /proc/self/stat); [ "$6" = 1 ] && echo hidden
        ls -d /proc/[0-9]* | wc -l
        ls /dev
        hostname
    """
    for user in ("65532", "0"):
        ran = chroot.shell(script, user=user)
        *hidden, processes, rest = ran.out.split("\n", 6)
        assert hidden == ["hidden"] * 5  # The last: the terminal's session is another one.
        assert int(processes) <= 4
        assert rest.split() == [
            "fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero", "tare"
        ]  # fmt: skip


def test_set_user_id_is_of_no_use(chroot: Subject) -> None:
    value = sample(chroot.busybox, Entry("bin/busybox-su", chroot.busybox, mode=0o4755))

    assert chroot.run(value, entrypoint=("/bin/busybox-su", "id", "-u")).out == "65532\n"


def test_root_of_a_container_becomes_somebody_in_a_namespace_of_its_own(script: Callable[..., list[str]]) -> None:
    """Root without `CAP_SYS_ADMIN`, as in a container, may not mount, and may make a user namespace where it may."""
    needs_root("giving a capability up")
    needs("setpriv")
    bounds = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"]
    done = subprocess.run([*bounds, *script("id -u")], capture_output=True, text=True, check=False)
    if done.stderr.startswith("unavailable: "):
        pytest.skip(done.stderr.strip())

    assert (done.stdout, done.returncode) == ("65532\n", 0)
    assert done.stderr == "note: without root, every file of the image seems to belong to the user that runs it\n"


def test_a_machine_that_allows_no_namespaces_is_said(script: Callable[..., list[str]]) -> None:
    needs("setpriv", "unshare")
    forbid = 'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin -- "$@"'
    argv = ["unshare", "--user", "--map-root-user", "sh", "-c", forbid, "sh", *script("id -u")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if "unavailable" not in done.stderr:
        pytest.skip(f"no user namespace to forbid others in: {done.stderr.strip()}")

    assert done.stderr == (
        "unavailable: this machine does not let `tare` make namespaces: unshare: Operation not permitted\n"
    )


@pytest.fixture(scope="session")
def arm64_busybox(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The same program for another processor, from the machine's own Debian mirror."""
    needs("mmdebstrap", "qemu-aarch64-static")
    codename = next(
        (line.partition("=")[2] for line in _read(Path("/etc/os-release")).decode().splitlines() if "CODENAME" in line),
        "",
    )
    place = tmp_path_factory.mktemp("arm64") / "root"
    argv = ["mmdebstrap", "--quiet", "--variant=extract", "--arch=arm64", "--include=busybox-static"]
    done = subprocess.run([*argv, codename, str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no Debian mirror to take a program for arm64 from: {done.stderr.strip().splitlines()[-1][:200]}")
    return (place / "bin/busybox").read_bytes()


def test_an_image_for_another_processor_runs_under_emulation(
    chroot: Subject, arm64_busybox: bytes, tmp_path: Path
) -> None:
    if HOST.architecture != "amd64":
        pytest.skip("the other processor is this one")
    notes: list[str] = []
    chroot.engine = Chroot(cache=tmp_path / "cache", note=notes.append)
    value = image(
        layer([directory("bin"), Entry("bin/busybox", arm64_busybox, mode=0o755), symlink("bin/uname", "busybox")]),
        architecture="arm64",
        user="65532",
        env=("PATH=/bin",),
        cmd=("uname", "-m"),
    )
    assert chroot.run(value, read_only=True, network=False) == Ran(0, "aarch64\n", "")
    assert len(notes) == 1
    assert notes[0].startswith("programs for linux/arm64 are run by `")
    assert notes[0].endswith("qemu-aarch64-static`; what they start themselves is not")
