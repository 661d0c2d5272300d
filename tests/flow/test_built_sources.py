"""Dependencies that have only a source: a directory, a commit, an archive; each is built once for the same source."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from command import Place
from counted import CountedWorld, ask, made
from lab import needs
from make.backends import BACKEND, PROJECT
from make.wheelhouse import pylock
from trees import write

from tare.errors import IntegrityError, NetworkError, ProjectError, TargetError
from tare.flow.build.build import Built
from tare.oci.compression import open_decompressed

SITE = "opt/venv/lib/python3.13/site-packages"
INFO = f"{SITE}/demo-1.0.dist-info"


class Sources:
    """A project that depends on `demo`, which is built by a backend of its own."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.tree = write(place.root / "library", PROJECT)
        place.write({"main.py": "import demo\n"})

    def lock(self, package: str) -> None:
        self.place.write({"pylock.toml": pylock(f'[[packages]]\nname = "demo"\nversion = "1.0"\n{package}')})

    def build(self, *, offline: bool = False) -> tuple[Built, CountedWorld]:
        world = CountedWorld(self.place.cache, self.place.environment, offline=offline)
        return made(world, self.place.app, ask(self.place.base())), world

    @property
    def runs(self) -> int:
        file = self.place.root / "runs"
        return len(file.read_text().splitlines()) if file.exists() else 0


@pytest.fixture
def sources(place: Place) -> Sources:
    return Sources(place)


def files(built: Built) -> dict[str, bytes]:
    """Return the files of the layer of dependencies."""
    [number] = [number for number, layer in enumerate(built.layers) if layer.kind == "wheels"]
    with open_decompressed(built.image.layers[number].open(), "gzip", what="a layer", owned=True) as stream:
        data = io.BytesIO(stream.read())
    with tarfile.open(fileobj=data) as archive:
        return {info.name: (archive.extractfile(info) or io.BytesIO()).read() for info in archive if info.isreg()}


DIRECTORY = 'directory = { path = "../library" }\n'


def test_a_directory_is_built_and_its_path_stays_here(sources: Sources) -> None:
    sources.lock(DIRECTORY)
    built, _ = sources.build()

    found = files(built)
    assert found[f"{SITE}/demo/__init__.py"] == PROJECT["src/demo/__init__.py"].encode()
    assert found[f"{INFO}/direct_url.json"] == b'{"dir_info":{},"url":"file:///"}'
    assert f"{INFO}/REQUESTED" not in found
    assert str(sources.place.root).encode() not in b"".join(found.values())


def test_a_directory_is_built_once_for_the_same_content(sources: Sources) -> None:
    sources.lock(DIRECTORY)
    first, _ = sources.build()
    second, world = sources.build()

    assert (sources.runs, dict(world.uses), second.image.digest) == (1, {}, first.image.digest)


def test_a_directory_whose_content_changed_is_built_again(sources: Sources) -> None:
    sources.lock(DIRECTORY)
    first, _ = sources.build()
    write(sources.tree, {"src/demo/other.py": "VALUE = 2\n"})
    second, _ = sources.build()

    assert sources.runs == 2
    assert files(second)[f"{SITE}/demo/other.py"] == b"VALUE = 2\n"
    assert second.image.digest != first.image.digest


def test_a_directory_that_is_not_touched_by_its_backend(sources: Sources) -> None:
    """What a backend writes beside its sources is written into a copy."""
    write(sources.tree, {"backend.py": BACKEND + "\npathlib.Path('left-behind').write_text('x')\n"})
    sources.lock(DIRECTORY)
    before = sorted(str(path.relative_to(sources.tree)) for path in sources.tree.rglob("*"))
    sources.build()

    assert sorted(str(path.relative_to(sources.tree)) for path in sources.tree.rglob("*")) == before


def test_a_directory_that_is_not_there_is_an_error(sources: Sources) -> None:
    sources.lock('directory = { path = "../nowhere" }\n')

    with pytest.raises(ProjectError) as caught:
        sources.build()
    assert caught.value.message == f"the lockfile names `{sources.place.root}/nowhere`, which is not a directory"


def test_a_directory_that_compiles_is_refused(sources: Sources) -> None:
    write(sources.tree, {"backend.py": BACKEND.replace('"py3-none-any"', '"cp313-cp313-linux_x86_64"')})
    sources.lock(DIRECTORY)

    with pytest.raises(TargetError) as caught:
        sources.build()
    assert caught.value.message == "`demo` has no wheel for the target, and is not pure Python"


# Commits


def git(tree: Path, *argv: str) -> str:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(tree),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    return subprocess.run(["git", *argv], cwd=tree, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def commit(sources: Sources) -> str:
    """The commit of the library in a repository of its own."""
    needs("git")
    git(sources.tree, "init", "--quiet", "--initial-branch=main")
    git(sources.tree, "add", ".")
    git(sources.tree, "commit", "--quiet", "--message=one")
    return git(sources.tree, "rev-parse", "HEAD").strip()


def vcs(sources: Sources, commit: str, more: str = "") -> str:
    return f'vcs = {{ type = "git", url = "{sources.tree.as_uri()}", commit-id = "{commit}"{more} }}\n'


def test_a_commit_is_checked_out_built_and_named(sources: Sources, commit: str) -> None:
    write(sources.tree, {"src/demo/other.py": "VALUE = 'not committed'\n"})
    sources.lock(vcs(sources, commit, ', requested-revision = "main"'))
    built, _ = sources.build()

    found = files(built)
    assert found[f"{SITE}/demo/other.py"] == b"VALUE = 1\n"
    url = sources.tree.as_uri()
    assert found[f"{INFO}/direct_url.json"].decode() == (
        f'{{"url":"{url}","vcs_info":{{"commit_id":"{commit}","requested_revision":"main","vcs":"git"}}}}'
    )


@pytest.mark.parametrize(
    ("name", "version", "cause"),
    [
        ("other", "1.0", "expected demo 1.0, its source builds other 1.0"),
        ("demo", "0.1.dev1", "expected demo 1.0, its source builds demo 0.1.dev1"),
    ],
)
@pytest.mark.usefixtures("commit")
def test_a_source_of_another_distribution_than_the_lock_has_is_refused(
    sources: Sources, name: str, version: str, cause: str
) -> None:
    write(sources.tree, {"backend.py": BACKEND.replace('"demo", "1.0"', f'"{name}", "{version}"')})
    git(sources.tree, "commit", "--quiet", "-am", "another")
    sources.lock(vcs(sources, git(sources.tree, "rev-parse", "HEAD").strip()))

    with pytest.raises(IntegrityError) as caught:
        sources.build()
    assert (caught.value.message, caught.value.causes) == ("`demo` is not what was locked", (cause,))


def test_a_commit_is_built_once(sources: Sources, commit: str) -> None:
    sources.lock(vcs(sources, commit))
    first, _ = sources.build()
    second, world = sources.build()

    assert (sources.runs, dict(world.uses), second.image.digest) == (1, {}, first.image.digest)


def test_an_older_commit_is_what_was_locked(sources: Sources, commit: str) -> None:
    write(sources.tree, {"src/demo/other.py": "VALUE = 2\n"})
    git(sources.tree, "commit", "--quiet", "--all", "--message=two")
    sources.lock(vcs(sources, commit))

    assert files(sources.build()[0])[f"{SITE}/demo/other.py"] == b"VALUE = 1\n"


def test_a_commit_that_is_not_there_is_an_error(sources: Sources, commit: str) -> None:
    sources.lock(vcs(sources, "0" * 40))

    with pytest.raises(NetworkError) as caught:
        sources.build()
    assert caught.value.message == "cannot fetch `demo`"
    assert list(sources.place.cache.glob("partial/*")) == []


def test_a_commit_cannot_be_had_offline_unless_it_was_built_before(sources: Sources, commit: str) -> None:
    sources.lock(vcs(sources, commit))
    with pytest.raises(NetworkError):
        sources.build(offline=True)

    first, _ = sources.build()
    assert sources.build(offline=True)[0].image.digest == first.image.digest


def test_a_repository_that_tare_is_run_from_is_left_alone(
    sources: Sources, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook of git runs with `GIT_DIR` and the like: they are meant for the repository that the hook is of."""
    other = write(sources.place.root / "hooked", {"file": "x"})
    git(other, "init", "--quiet", "--initial-branch=main")
    git(other, "add", ".")
    git(other, "commit", "--quiet", "--message=own")
    before = git(other, "rev-parse", "HEAD"), git(other, "symbolic-ref", "HEAD"), git(other, "status", "--porcelain")
    sources.place.environment |= {
        "GIT_DIR": str(other / ".git"),
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": str(other / ".git" / "index"),
    }
    sources.lock(vcs(sources, commit))

    assert files(sources.build()[0])[f"{SITE}/demo/other.py"] == b"VALUE = 1\n"
    after = git(other, "rev-parse", "HEAD"), git(other, "symbolic-ref", "HEAD"), git(other, "status", "--porcelain")
    assert after == before


# Archives


def archive_of(tree: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        archive.add(tree, "demo-1.0")
    return out.getvalue()


def test_a_source_distribution_is_built_once_whoever_locks_it(sources: Sources) -> None:
    data = archive_of(sources.tree)
    (sources.place.root / "demo-1.0.tar.gz").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    hashes = f'hashes = {{ sha256 = "{digest}" }}'
    sources.lock(f'[packages.sdist]\nname = "demo-1.0.tar.gz"\npath = "../demo-1.0.tar.gz"\n{hashes}\n')
    first, _ = sources.build()
    again, world = sources.build()

    found = files(first)
    assert f"{INFO}/direct_url.json" not in found, "an index has it, for all that the lock says"
    assert (sources.runs, dict(world.uses), again.image.digest) == (1, {}, first.image.digest)


def test_a_source_that_fails_beside_wheels_for_others_is_told_as_a_wheel_that_is_missing(sources: Sources) -> None:
    write(sources.tree, {"backend.py": BACKEND.replace(", False\n", ", True\n")})
    data = archive_of(sources.tree)
    (sources.place.root / "demo-1.0.tar.gz").write_bytes(data)
    hashes = f'hashes = {{ sha256 = "{hashlib.sha256(data).hexdigest()}" }}'
    wheel = f'[[packages.wheels]]\nname = "demo-1.0-cp313-cp313-win_amd64.whl"\nurl = "https://f.example/w"\n{hashes}\n'
    sources.lock(f'{wheel}[packages.sdist]\nname = "demo-1.0.tar.gz"\npath = "../demo-1.0.tar.gz"\n{hashes}\n')

    with pytest.raises(TargetError) as caught:
        sources.build()
    assert caught.value.message == "`demo` has no wheel for the target, and its source cannot be built here"
    assert caught.value.causes[0] == (
        "the target is cp313, linux/amd64, glibc 2.41; the lockfile offers wheels for win_amd64"
    )
    assert "demo: there is no compiler" in caught.value.causes[1:]
    assert len(caught.value.causes) <= 4


def test_an_archive_at_an_address_of_its_own_is_named(sources: Sources) -> None:
    data = archive_of(sources.tree)
    (sources.place.root / "any-name.tar.gz").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    url = f"{sources.place.root.as_uri()}/any-name.tar.gz"
    sources.lock(f'archive = {{ url = "{url}", hashes = {{ sha256 = "{digest}" }} }}\n')

    found = files(sources.build()[0])
    assert found[f"{INFO}/direct_url.json"].decode().startswith('{"archive_info":{"hashes":{"sha256":"' + digest)


def part_of(sources: Sources, data: bytes, filename: str, below: str = "python/demo") -> str:
    """Return the entry of a lock that names a part of an archive."""
    (sources.place.root / filename).write_bytes(data)
    hashes = f'hashes = {{ sha256 = "{hashlib.sha256(data).hexdigest()}" }}'
    return f'archive = {{ path = "../{filename}", subdirectory = "{below}", {hashes} }}\n'


def tar_of(files: Mapping[str, str], *others: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
        for each in others:
            archive.addfile(each)
    return out.getvalue()


def zip_of(files: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


@pytest.mark.parametrize(("make", "filename"), [(tar_of, "mono.tar.gz"), (zip_of, "mono.zip")])
@pytest.mark.parametrize("top", ["mono-1.0/", ""], ids=["one directory", "no directory"])
def test_a_part_of_an_archive_is_what_is_built(
    sources: Sources, make: Callable[[Mapping[str, str]], bytes], filename: str, top: str
) -> None:
    parts = {f"{top}python/demo/{name}": text for name, text in PROJECT.items()}
    sources.lock(part_of(sources, make({f"{top}README": "", f"{top}other/x.py": "", **parts}), filename))
    first, _ = sources.build()
    again, world = sources.build()

    found = files(first)
    assert found[f"{SITE}/demo/other.py"] == b"VALUE = 1\n"
    assert found[f"{INFO}/direct_url.json"].endswith(b',"subdirectory":"python/demo","url":"file:///"}')
    assert (sources.runs, dict(world.uses), again.image.digest) == (1, {}, first.image.digest)
    assert list(sources.place.cache.glob("partial/*")) == []


def spoilt(data: bytes) -> bytes:
    """Return a bzip2 file with another byte in it."""
    packed = bytearray(bz2.compress(gzip.decompress(data)))
    packed[len(packed) // 2] ^= 1
    return bytes(packed)


def _link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


@pytest.mark.parametrize(
    ("data", "below", "message"),
    [
        (tar_of({"mono/x.py": ""}), "python", "`mono.tar.gz` has no directory `python`"),
        (tar_of({"mono/../../evil.py": ""}), "python", "`mono.tar.gz` cannot be unpacked"),
        (tar_of({"mono/x.py": ""}, _link("mono/python", "../..")), "python", "`mono.tar.gz` cannot be unpacked"),
        (b"no archive", "python", "`mono.tar.gz` cannot be unpacked"),
        (tar_of({"mono/x.py": "1" * 999})[:-40], "python", "`mono.tar.gz` cannot be unpacked"),
        (spoilt(tar_of({"mono/x.py": "1" * 999})), "python", "`mono.tar.gz` cannot be unpacked"),
        (lzma.compress(b"0" * 9999)[:-30], "python", "`mono.tar.gz` cannot be unpacked"),
    ],
    ids=[
        "not there",
        "a name that leads out",
        "a link that leads out",
        "no archive",
        "cut short",
        "bzip2, spoilt",
        "xz, cut short",
    ],
)
def test_a_part_that_cannot_be_had_is_an_error(sources: Sources, data: bytes, below: str, message: str) -> None:
    sources.lock(part_of(sources, data, "mono.tar.gz", below))

    with pytest.raises(IntegrityError) as caught:
        sources.build()
    assert caught.value.message == message
    assert sources.runs == 0
    assert sorted(path.name for path in sources.place.root.rglob("evil.py")) == []
    assert list(sources.place.cache.glob("partial/*")) == []


def test_wheels_that_are_built_here_are_compressed_by_the_pinned_coder(sources: Sources) -> None:
    """The deflate streams of a wheel that was built here come from this machine's zlib: the layer must not have them."""
    sources.lock(DIRECTORY)
    first, _ = sources.build()
    write(
        sources.tree,
        {"backend.py": BACKEND.replace("data, zipfile.ZIP_DEFLATED)", "data, zipfile.ZIP_DEFLATED, compresslevel=1)")},
    )
    second, _ = sources.build()

    assert sources.runs == 2
    assert second.image.digest == first.image.digest
