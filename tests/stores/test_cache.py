"""The cache: complete under a final name or not there, whoever writes and whatever happens to them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent

import cache_killer
import msgspec
import pytest
from make.errors import told

from tare.errors import IntegrityError, MachineError
from tare.oci import media_types
from tare.oci.descriptor import Descriptor
from tare.oci.digest import sha256
from tare.stores.cache import Cache, Usage, hash_file

BLOB = b"content" * 1000
DIGEST = sha256(BLOB)
KEY = sha256(b"inputs")
HINTS = ("Free some space, or name another directory with `--cache-dir`",)
PATHS = os.pathsep.join(entry for entry in sys.path if entry)
strace = shutil.which("strace")
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such thing")
linux_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="only root on Linux can mount a file system of its own",
)

WRITE = """
import sys
from pathlib import Path
from tare.errors import MachineError
from tare.oci.digest import sha256
from tare.stores.cache import Cache

cache = Cache(Path(sys.argv[1]))
data = b"content" * int(sys.argv[2])
try:
    with cache.in_use(), cache.writing() as pending:
        pending.file.write(data)
        cache.keep(pending, sha256(data))
except MachineError as error:
    print(error.message, *error.causes, *error.hints, sep="\\n")
    print(sorted(path.name for path in Path(sys.argv[1]).rglob("*") if path.is_file() and path.name != "lock"))
else:
    print("written")
"""


def descriptor(data: bytes) -> Descriptor:
    return Descriptor(media_type=media_types.LAYER, digest=sha256(data), size=len(data))


def keep(cache: Cache, data: bytes) -> Path:
    with cache.writing() as pending:
        pending.file.write(data)
        return cache.keep(pending, sha256(data))


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def python(code: str, *arguments: object, wrapped: Sequence[str] = ()) -> str:
    """Return what a Python of its own prints, perhaps under another program."""
    command = [*wrapped, sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": PATHS}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_blob_is_found_by_its_digest(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.find(descriptor(BLOB)) is None
    path = keep(cache, BLOB)
    assert path == cache.path(DIGEST)
    found = cache.find(descriptor(BLOB))
    assert found is not None
    with found.open() as file:
        assert file.read() == BLOB
    assert files(tmp_path) == [f"blobs/sha256/{DIGEST[7:]}"]
    assert hash_file(path) == DIGEST


@posix
def test_a_blob_cannot_be_changed_by_mistake(tmp_path: Path) -> None:
    assert keep(Cache(tmp_path), BLOB).stat().st_mode & 0o777 == 0o444


def test_a_blob_of_another_size_is_not_found(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    path = keep(cache, BLOB)
    path.chmod(0o644)
    path.write_bytes(BLOB[:-1])
    assert cache.find(descriptor(BLOB)) is None
    assert keep(cache, BLOB).read_bytes() == BLOB
    assert cache.find(descriptor(BLOB)) is not None


def test_a_small_blob_that_the_disk_forgot_is_not_found(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with cache.writing() as pending:
        pending.file.write(BLOB)
        path = cache.keep(pending, DIGEST, found=True)
    path.chmod(0o644)
    path.write_bytes(bytes(len(BLOB)))

    found = cache.find(descriptor(BLOB))

    assert found is None


def test_a_blob_that_a_disk_has_spoilt_is_not_sound(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    path = keep(cache, BLOB)
    sound = cache.is_sound(descriptor(BLOB).digest)
    path.chmod(0o644)
    path.write_bytes(BLOB[:-1] + b"?")

    assert (sound, cache.is_sound(descriptor(BLOB).digest)) == (True, False)


def test_writing_a_blob_twice_is_writing_it_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert keep(cache, BLOB) == keep(cache, BLOB)
    assert files(tmp_path) == [f"blobs/sha256/{DIGEST[7:]}"]


@pytest.mark.parametrize("digest", ["sha256:../../etc/passwd", "", "md5:" + "0" * 32, DIGEST + "/x"])
def test_what_is_no_digest_becomes_no_path(tmp_path: Path, digest: str) -> None:
    cache = Cache(tmp_path)
    for ask in (cache.path, lambda digest: cache.remembered("layers", digest)):
        with pytest.raises(IntegrityError):
            ask(digest)


def test_what_is_not_kept_is_gone(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with cache.writing() as pending:
        pending.file.write(BLOB)
    assert files(tmp_path) == []
    with contextlib.suppress(ZeroDivisionError), cache.writing() as pending:
        pending.file.write(BLOB)
        raise ZeroDivisionError
    assert files(tmp_path) == []


def test_an_interrupt_leaves_what_another_one_with_the_same_number_is_writing(tmp_path: Path) -> None:
    """Containers that share a cache have processes of the same number."""
    interrupted, other = Cache(tmp_path), Cache(tmp_path)
    with other.writing() as pending:
        pending.file.write(BLOB)
        with pytest.raises(KeyboardInterrupt), interrupted.in_use(), interrupted.writing():
            raise KeyboardInterrupt
        other.keep(pending, sha256(BLOB))

    assert other.find(descriptor(BLOB)) is not None


def test_a_scratch_directory_is_gone_afterwards(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with contextlib.suppress(ZeroDivisionError), cache.scratch() as directory:
        (directory / "deep").mkdir()
        (directory / "deep" / "file").write_bytes(BLOB)
        assert list(cache.partial.iterdir()) == [directory]
        raise ZeroDivisionError
    assert list(cache.partial.iterdir()) == []


def test_an_outcome_is_remembered_by_step_and_inputs(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.remembered("layers", KEY) is None
    cache.remember("layers", KEY, b"first")
    cache.remember("layers", KEY, b"second")
    cache.remember("bases", KEY, b"other")
    cache.remember("layers", sha256(b"other inputs"), b"")
    assert cache.remembered("layers", KEY) == b"second"
    assert cache.remembered("bases", KEY) == b"other"
    assert cache.remembered("layers", sha256(b"other inputs")) == b""


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"path": 1}', b"\xff", b'{"path": "\xff"}'])
def test_an_outcome_that_cannot_be_read_is_not_known(tmp_path: Path, damaged: bytes) -> None:
    cache = Cache(tmp_path)
    usage = Usage(path="x", blobs=1, blob_bytes=2, memos=3, partial_bytes=4)
    assert cache.recall("usage", KEY, Usage) is None
    cache.remember("usage", KEY, msgspec.json.encode(usage))
    assert cache.recall("usage", KEY, Usage) == usage
    cache.remember("usage", KEY, damaged)
    assert cache.recall("usage", KEY, Usage) is None


def test_usage_tells_what_lies_there(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    assert cache.usage() == Usage(path=str(tmp_path / "cache"), blobs=0, blob_bytes=0, memos=0, partial_bytes=0)
    keep(cache, BLOB)
    keep(cache, b"x")
    cache.remember("layers", KEY, b"outcome")
    (cache.partial / "download.part").write_bytes(b"half")
    with cache.in_use():
        assert cache.usage() == Usage(
            path=str(tmp_path / "cache"), blobs=2, blob_bytes=len(BLOB) + 1, memos=1, partial_bytes=4
        )


def test_prune_removes_what_was_not_used_since(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    old, read, new = (keep(cache, data) for data in (b"old", b"read", b"new"))
    tree = tmp_path / "rootfs" / "0123" / "etc" / "passwd"
    tree.parent.mkdir(parents=True)
    tree.write_bytes(b"somebody else's to remove")
    cache.remember("layers", KEY, b"outcome")
    (cache.partial / "download.part").write_bytes(b"half")
    times = {
        old: (100, 100),
        read: (300, 100),
        new: (200, 200),
        tree: (100, 100),
        cache.partial / "download.part": (100, 100),
    }
    for path, (read_at, written_at) in times.items():
        path.chmod(0o644)
        os.utime(path, (read_at, written_at))
    assert cache.prune(unused_since=200) == 3 + 4
    assert files(tmp_path) == sorted(
        [
            f"blobs/sha256/{sha256(b'new')[7:]}",
            f"blobs/sha256/{sha256(b'read')[7:]}",
            "lock",
            f"memo/layers/{KEY[7:]}",
            "rootfs/0123/etc/passwd",
        ]
    )
    assert cache.prune(unused_since=time.time() + 60) == 4 + 3 + 7
    assert files(tmp_path) == ["lock", "rootfs/0123/etc/passwd"]
    assert keep(cache, BLOB).read_bytes() == BLOB


def test_prune_of_nothing_frees_nothing(tmp_path: Path) -> None:
    assert Cache(tmp_path / "deep" / "cache").prune(unused_since=time.time()) == 0


@posix
def test_prune_waits_for_builds_and_builds_do_not_wait_for_each_other(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    keep(cache, BLOB)
    freed: list[int] = []
    waits: list[bool] = []

    def prune() -> None:
        freed.append(cache.prune(unused_since=time.time() + 60, waiting=lambda: waits.append(True)))

    pruning = threading.Thread(target=prune)
    with cache.in_use():
        with cache.in_use():
            pruning.start()
            pruning.join(0.2)
            assert pruning.is_alive()
        pruning.join(0.1)
        assert cache.find(descriptor(BLOB)) is not None
        assert pruning.is_alive()
    pruning.join(30)
    assert (freed, waits) == ([len(BLOB)], [True])


@posix
def test_a_build_that_was_killed_holds_nobody_up(tmp_path: Path) -> None:
    hold = dedent("""
        import sys, time
        from pathlib import Path
        from tare.stores.cache import Cache
        with Cache(Path(sys.argv[1])).in_use():
            print("held", flush=True)
            time.sleep(600)
        """)
    held = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], env={**os.environ, "PYTHONPATH": PATHS}, stdout=subprocess.PIPE
    )
    try:
        assert held.stdout is not None
        assert held.stdout.readline() == b"held\n"
    finally:
        held.kill()
        held.communicate()
    assert Cache(tmp_path).prune(unused_since=time.time()) == 0


def test_many_processes_write_one_blob(tmp_path: Path) -> None:
    size, writers = 200_000, 6
    data = b"content" * size
    writing = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, str(tmp_path), str(size)],
            env={**os.environ, "PYTHONPATH": PATHS},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(writers)
    ]
    cache, seen = Cache(tmp_path), 0
    while any(process.poll() is None for process in writing):
        found = cache.path(sha256(data))
        if found.exists():
            assert hash_file(found) == sha256(data)
            seen += 1
    assert [process.communicate()[0] for process in writing] == ["written\n"] * writers
    assert files(tmp_path) == [f"blobs/sha256/{sha256(data)[7:]}", "lock"]
    assert seen > 0


@posix
def test_a_kill_before_any_line_leaves_nothing_half_written(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, cache_killer.__file__, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": PATHS},
        capture_output=True,
        text=True,
        check=True,
    )
    *faults, kills = done.stdout.splitlines()
    assert faults == []
    assert int(kills) > 40


@pytest.mark.slow
@pytest.mark.skipif(strace is None, reason="there is no strace")
@pytest.mark.parametrize(
    "call", ["write", "fsync", "rename,renameat,renameat2", "chmod,fchmodat", "mkdir,mkdirat", "flock"]
)
def test_a_kill_in_any_system_call_leaves_nothing_half_written(tmp_path: Path, call: str) -> None:
    names = ",".join(f"?{name}" for name in call.split(","))
    program = "import cache_killer, sys, pathlib; cache_killer.scenario(cache_killer.Cache(pathlib.Path(sys.argv[1])))"
    kills = 0
    while True:
        root = tmp_path / str(kills)
        inject = ["-e", f"trace={names}", "-e", f"inject={names}:signal=SIGKILL:when={kills + 1}"]
        command = [str(strace), "-f", "-qq", "-o", os.devnull, *inject, sys.executable, "-c", program, str(root)]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": PATHS}, capture_output=True, check=False)
        if done.returncode == 0:
            break
        kills += 1
        cache = Cache(root)
        assert not root.exists() or cache_killer.faults(cache) == []
        cache_killer.scenario(cache)
        assert cache_killer.faults(cache) == []
        assert cache.remembered("layers", cache_killer.KEY) == cache_killer.OUTCOME
    assert kills > 0


@pytest.mark.skipif(strace is None, reason="there is no strace")
@pytest.mark.parametrize(
    ("call", "error", "reason"),
    [
        ("fsync", "EIO", "Input/output error"),
        ("?rename,?renameat,?renameat2", "ENOSPC", "No space left on device"),
        ("?chmod,?fchmodat", "EPERM", "Operation not permitted"),
        ("flock", "ENOLCK", "No locks available"),
    ],
)
def test_a_system_call_that_fails_is_told_and_leaves_nothing(
    tmp_path: Path, call: str, error: str, reason: str
) -> None:
    inject = ["-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
    out = python(WRITE, tmp_path, 10, wrapped=[str(strace), "-f", "-qq", "-o", os.devnull, *inject])
    if call == "flock":
        assert out == f"cannot lock the cache at `{tmp_path}/lock`\n{reason}\n[]\n"
    else:
        assert out == f"cannot write to the cache at `{tmp_path}`\n{reason}\n{HINTS[0]}\n[]\n"


@posix
def test_a_file_that_may_not_grow_is_told(tmp_path: Path) -> None:
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
    assert python(limit + WRITE, tmp_path, 10_000) == (
        f"cannot write to the cache at `{tmp_path}`\nFile too large\n{HINTS[0]}\n[]\n"
    )
    assert python(limit + WRITE, tmp_path, 1_000) == "written\n"


@linux_root
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=64k tmpfs {tmp_path} && exec "$@"'
    out = python(WRITE, tmp_path / "cache", 100_000, wrapped=["unshare", "-m", "sh", "-c", mount, "sh"])
    assert out == f"cannot write to the cache at `{tmp_path}/cache`\nNo space left on device\n{HINTS[0]}\n[]\n"


@linux_root
@pytest.mark.parametrize("used_before", [False, True])
def test_a_directory_that_cannot_be_written_is_told_and_can_be_read(tmp_path: Path, used_before: bool) -> None:  # noqa: FBT001  # pytest calls
    mount = f'mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path} && exec "$@"'
    wrapped = ["unshare", "-m", "sh", "-c", mount, "sh"]
    read = dedent("""
        import sys
        from pathlib import Path
        from tare.oci.descriptor import Descriptor
        from tare.stores.cache import Cache
        cache = Cache(Path(sys.argv[1]))
        print(cache.find(Descriptor(media_type="x", digest=sys.argv[2], size=7000)) is not None)
        with cache.in_use():
            print(cache.remembered("layers", sys.argv[3]), cache.usage().blobs)
        """)
    if used_before:
        cache = Cache(tmp_path)
        with cache.in_use():
            keep(cache, BLOB)
            cache.remember("layers", KEY, b"outcome")
        assert python(read, tmp_path, DIGEST, KEY, wrapped=wrapped) == "True\nb'outcome' 1\n"
    out = python(WRITE, tmp_path, 10, wrapped=wrapped)
    place = tmp_path if used_before else tmp_path / "lock"
    left = sorted(Path(name).name for name in files(tmp_path) if name != "lock")
    assert out == f"cannot write to the cache at `{place}`\nRead-only file system\n{HINTS[0]}\n{left}\n"


def test_a_file_in_the_place_of_the_cache_is_told(tmp_path: Path) -> None:
    place = tmp_path / "cache"
    place.write_bytes(b"")
    cache = Cache(place)
    acts: dict[str, tuple[Callable[[], object], Path, str]] = {
        "keep": (lambda: keep(cache, BLOB), place / "partial", "Not a directory"),
        "remember": (lambda: cache.remember("layers", KEY, b""), place / "partial", "Not a directory"),
        "prune": (lambda: cache.prune(unused_since=0), place, "File exists"),
    }
    for act, where, reason in acts.values():
        with pytest.raises(MachineError) as caught:
            act()
        assert told(caught.value) == (MachineError, f"cannot write to the cache at `{where}`", (reason,), HINTS)
    assert cache.find(descriptor(BLOB)) is None
    assert cache.remembered("layers", KEY) is None
    assert cache.usage().blobs == 0
