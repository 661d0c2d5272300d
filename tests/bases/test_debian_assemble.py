"""A base, whole: from a tiny signed mirror to a layer, its files compared one by one."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from loopback import Handler, Server, running_server
from mirror import CERTIFICATE, NOW, Folder, Mirror, Package, Special, Symlink, ar, base_packages, stanza, tar

from tare.bases.debian.assemble import (
    Base,
    BaseSpec,
    Pin,
    assemble,
    image_config,
    layer_key,
    resolve_base,
    target_of,
    write_layer,
)
from tare.bases.debian.sources import Sources
from tare.errors import HostileInputError, IntegrityError, NetworkError, TargetError, UsageError
from tare.net.fetch import Fetcher
from tare.oci.digest import sha256
from tare.oci.platform import Platform

AMD64 = Platform(os="linux", architecture="amd64")


class Kit:
    """A mirror and a cache, with shorthands for the steps."""

    def __init__(self, root: Path) -> None:
        self.mirror = Mirror(root / "mirror")
        self.mirror.add(*base_packages())
        self.blobs = Folder(root / "cache")
        self.fetcher = Fetcher(attempts=1)
        self.sources: Callable[[], Sources] = self.mirror.sources
        self.said: list[str] = []

    def pin(self, spec: BaseSpec, **options: Any) -> Pin:
        return resolve_base(
            spec,
            sources=self.sources,
            fetcher=self.fetcher,
            blobs=self.blobs,
            now=NOW,
            log=self.said.append,
            **options,
        )

    def layer(self, spec: BaseSpec, pin: Pin | None = None) -> tuple[Base, bytes]:
        found = pin or self.pin(spec)
        out = io.BytesIO()
        with assemble(spec, found, sources=self.sources, fetcher=self.fetcher, blobs=self.blobs) as base:
            write_layer(base.tree, out, mtime=315532800)
        return base, out.getvalue()


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(tmp_path)


def spec(*packages: str, debug: bool = False, suite: str = "trixie") -> BaseSpec:
    return BaseSpec(suite=suite, platform=AMD64, packages=packages, debug=debug)


def members(layer: bytes) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as archive:
        for info in archive:
            file = archive.extractfile(info) if info.isreg() else None
            yield info, file.read() if file else b""


def files(layer: bytes) -> dict[str, bytes]:
    return {info.name: data for info, data in members(layer) if info.isreg()}


def links(layer: bytes) -> dict[str, str]:
    return {info.name: info.linkname for info, _ in members(layer) if info.issym()}


def listing(layer: bytes) -> str:
    lines = []
    for info, _ in members(layer):
        kind = {tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l"}.get(info.type, "-")
        target = f" -> {info.linkname}" if info.linkname else ""
        lines.append(f"{kind} {info.mode:04o} {info.uid:5} {info.name}{target}")
    return "\n".join(lines) + "\n"


def test_a_base_has_these_files_and_no_others(kit: Kit) -> None:
    kit.mirror.publish()
    _, layer = kit.layer(spec())

    expected = (Path(__file__).parent / "debian_base.txt").read_text()
    assert listing(layer) == expected
    assert {info.mtime for info, _ in members(layer)} == {315532800}


def test_what_scripts_would_have_made_is_there(kit: Kit) -> None:
    kit.mirror.publish()
    _, layer = kit.layer(spec())
    found = files(layer)

    assert found["etc/ssl/certs/ca-certificates.crt"] == CERTIFICATE % b"QUE=" + CERTIFICATE % b"QkI="
    assert found["etc/passwd"].splitlines()[2] == b"nonroot:x:65532:65532:nonroot:/home/nonroot:/usr/sbin/nologin"
    assert found["etc/nsswitch.conf"] == b"hosts: files dns\n"
    assert links(layer)["usr/lib/ssl/cert.pem"] == "/etc/ssl/certs/ca-certificates.crt"
    assert links(layer)["etc/localtime"] == "/usr/share/zoneinfo/Etc/UTC"
    assert (links(layer)["usr/bin/python3"], links(layer)["usr/bin/python"]) == ("python3.13", "python3")


def test_scanners_see_the_packages_as_in_distroless_images(kit: Kit) -> None:
    kit.mirror.publish()
    base, layer = kit.layer(spec())
    found = files(layer)
    status = {name.removeprefix("var/lib/dpkg/status.d/") for name in found if "/status.d/" in name}

    names = {package.name for package in base.pin.packages}
    assert status == names | {f"{name}.md5sums" for name in names}
    assert "var/lib/dpkg/status" not in found
    assert found["var/lib/dpkg/status.d/libc6"].decode() == (
        "Package: libc6\n"
        "Version: 2.41-12+deb13u5\n"
        "Architecture: amd64\n"
        "Maintainer: Nobody <nobody@debian.example>\n"
        "Installed-Size: 1\n"
        "Priority: optional\n"
        "Depends: libgcc-s1\n"
        "Description: the package libc6\n"
        " with a longer text\n"
    )
    for name in names:
        for line in found[f"var/lib/dpkg/status.d/{name}.md5sums"].decode().splitlines():
            digest, path = line.split("  ")
            place = path.replace("lib/", "usr/lib/", 1) if path.startswith("lib/") else path
            assert hashlib.md5(found[place]).hexdigest() == digest  # noqa: S324


def test_what_was_left_out_is_counted(kit: Kit) -> None:
    kit.mirror.publish()
    base, _ = kit.layer(spec())

    assert base.unpacked.omitted["documentation; licences stay"] == len(b"read me\n")
    assert base.unpacked.omitted["manuals"] == len(b"manual")
    assert [(skip.name, skip.of) for skip in base.pin.skipped] == [
        ("awk", "base-files"),
        ("debconf", "ca-certificates"),
        ("openssl", "ca-certificates"),
    ]
    assert base.unpacked.warnings == ()


def test_the_facts_of_a_base_are_read_from_its_packages(kit: Kit) -> None:
    kit.mirror.publish()
    base, _ = kit.layer(spec())

    assert str(base.target) == "cp313, linux/amd64, glibc 2.41"
    assert base.target.version == "3.13.5"
    assert base.interpreter == "/usr/bin/python3.13"
    assert base.libraries() == {"libc.so.6", "libgcc_s.so.1"}
    assert target_of(base.spec, base.pin) == base.target


def test_the_configuration_runs_python_as_nobody_in_particular(kit: Kit) -> None:
    kit.mirror.publish()
    out = io.BytesIO()
    with assemble(spec(), kit.pin(spec()), sources=kit.sources, fetcher=kit.fetcher, blobs=kit.blobs) as base:
        layer = write_layer(base.tree, out, mtime=0)

    config = image_config(spec(), layer, created="1980-01-01T00:00:00Z")
    assert msgspec.json.decode(msgspec.json.encode(config)) == {
        "architecture": "amd64",
        "os": "linux",
        "created": "1980-01-01T00:00:00Z",
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
        "config": {
            "User": "65532:65532",
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"],
            "Cmd": ["python3"],
            "WorkingDir": "/",
        },
        "history": [{"created": "1980-01-01T00:00:00Z", "created_by": "tare: deb:trixie"}],
    }


def test_the_same_packages_give_the_same_bytes(tmp_path: Path) -> None:
    layers = []
    for number, order in enumerate((1, -1)):
        kit = Kit(tmp_path / str(number))
        kit.mirror.packages[""] = kit.mirror.packages[""][::order]
        kit.mirror.publish()
        layers.append(kit.layer(spec())[1])

    assert sha256(layers[0]) == sha256(layers[1])


def test_a_pin_survives_json_and_needs_no_mirror(kit: Kit) -> None:
    kit.mirror.publish()
    pin = kit.pin(spec())
    _, layer = kit.layer(spec(), pin)
    again = msgspec.json.decode(msgspec.json.encode(pin), type=Pin)
    assert again == pin

    def nobody() -> Sources:
        raise AssertionError

    kit.sources, kit.fetcher = nobody, Fetcher(offline=True)
    assert kit.layer(spec(), again)[1] == layer


def test_a_kept_snapshot_gives_more_packages_of_the_same_day(kit: Kit) -> None:
    kit.mirror.add(Package(name="ffmpeg", version="7.1", files={"usr/bin/ffmpeg": b"\x7fELF"}))
    kit.mirror.publish()
    pin = kit.pin(spec())
    kit.mirror.add(Package(name="ffmpeg", version="7.2"))
    kit.mirror.publish()

    kept = kit.pin(spec("ffmpeg"), snapshot=pin.snapshot)
    fresh = kit.pin(spec("ffmpeg"))

    def version(found: Pin) -> str:
        return next(package.version for package in found.packages if package.name == "ffmpeg")

    assert (version(kept), version(fresh)) == ("7.1", "7.2")


def test_a_snapshot_of_another_suite_or_processor_is_not_used(kit: Kit) -> None:
    kit.mirror.publish()
    pin = kit.pin(spec())
    other = msgspec.structs.replace(pin.snapshot, architecture="arm64")

    assert kit.pin(spec(), snapshot=other).snapshot == pin.snapshot


def test_a_named_package_keeps_its_files_and_says_what_it_misses(kit: Kit) -> None:
    kit.mirror.add(
        Package(name="openssl", files={"usr/bin/openssl": b"\x7fELF", "usr/share/doc/openssl/NEWS": b"news"}),
        Package(
            name="service",
            files={"usr/bin/service": b"\x7fELF", "usr/bin/alt": b"\x7fELF"},
            fields={"Depends": "openssl"},
            postinst="adduser --system _service\nupdate-alternatives --install /usr/bin/pick pick /usr/bin/alt 10\n",
        ),
    )
    kit.mirror.publish()

    base, layer = kit.layer(spec("service", "ca-certificates"))

    assert "usr/sbin/update-ca-certificates" in files(layer)
    assert "usr/share/doc/openssl/NEWS" not in files(layer)
    assert links(layer)["usr/bin/pick"] == "/etc/alternatives/pick"
    assert base.unpacked.warnings == ("the maintainer script of `service` is not run: it calls `adduser`",)


def test_debug_brings_a_shell(kit: Kit) -> None:
    names = b"\0".join(b"applet%d" % number for number in range(60))
    kit.mirror.add(
        Package(
            name="busybox-static",
            files={"usr/bin/busybox": b"\x7fELF..[\0[[\0ash\0cat\0python3\0" + names + b"\0sh\0vi\0\0rest"},
            modes={"usr/bin/busybox": 0o755},
        )
    )
    kit.mirror.publish()

    _, layer = kit.layer(spec(debug=True))

    found = links(layer)
    assert {found[f"usr/bin/{name}"] for name in ("sh", "ash", "cat", "vi", "[", "applet59")} == {"busybox"}
    assert found["usr/bin/python3"] == "python3.13"
    assert b"/home/nonroot:/bin/sh\n" in files(layer)["etc/passwd"]


def test_a_shell_without_a_list_of_applets_is_a_shell(kit: Kit) -> None:
    kit.mirror.add(Package(name="busybox-static", files={"bin/busybox": b"\x7fELF"}))
    kit.mirror.publish()

    assert links(kit.layer(spec(debug=True))[1])["usr/bin/sh"] == "busybox"


def test_the_key_of_a_layer_changes_with_each_of_its_inputs(kit: Kit) -> None:
    kit.mirror.publish()
    pin = kit.pin(spec())
    key = layer_key(spec(), pin, mtime=1)

    fewer = msgspec.structs.replace(pin, packages=pin.packages[1:])
    for other in (
        layer_key(spec(suite="bookworm"), pin, mtime=1),
        layer_key(spec(), fewer, mtime=1),
        layer_key(spec(), msgspec.structs.replace(pin, named=("x",)), mtime=1),
        layer_key(spec(), pin, mtime=2),
    ):
        assert other != key


def test_a_package_that_is_not_what_was_promised_is_refused(kit: Kit) -> None:
    kit.mirror.publish()
    path = next(kit.mirror.root.rglob("libc6_*.deb"))
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    with pytest.raises(IntegrityError, match=r"libc6_2\.41-12\+deb13u5_amd64\.deb` is not what was promised"):
        kit.layer(spec())
    assert not list(kit.blobs.root.rglob("*.part"))


def test_a_damaged_cache_is_repaired(kit: Kit) -> None:
    kit.mirror.publish()
    _, layer = kit.layer(spec())
    for blob in (kit.blobs.root / "blobs/sha256").iterdir():
        blob.chmod(0o644)
        blob.write_bytes(b"?" * blob.stat().st_size)

    assert kit.layer(spec())[1] == layer


def test_a_package_that_calls_itself_otherwise_is_refused(kit: Kit) -> None:
    class Liar(Package, kw_only=True):
        def deb(self) -> bytes:
            return Package(name="other", files={}).deb()

    kit.mirror.add(Liar(name="liar"))
    kit.mirror.publish()

    with pytest.raises(IntegrityError) as caught:
        kit.layer(spec("liar"))
    assert caught.value.message == "`liar_1.0-1_amd64.deb` is another package"
    assert caught.value.causes == ("expected liar 1.0-1, got other 1.0-1",)


@pytest.mark.parametrize("path", ["../../etc/cron.d/evil", "usr/../../evil", "usr/bin/./evil", "usr//evil"])
def test_a_package_cannot_leave_the_root(kit: Kit, path: str) -> None:
    class Evil(Package, kw_only=True):
        def deb(self) -> bytes:
            control = tar({"control": stanza(self.control()).encode()})
            return ar({"debian-binary": b"2.0\n", "control.tar": control, "data.tar": tar({path: b"1"})})

    kit.mirror.add(Evil(name="evil"))
    kit.mirror.publish()

    with pytest.raises(HostileInputError, match="is not a path within a root file system"):
        kit.layer(spec("evil"))


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_package_has_no_devices(kit: Kit, kind: bytes) -> None:
    kit.mirror.add(Package(name="evil", files={"dev/sda": Special(kind)}))
    kit.mirror.publish()

    with pytest.raises(HostileInputError, match="`dev/sda`, which no package needs"):
        kit.layer(spec("evil"))


def test_packages_that_exclude_each_other_are_named(kit: Kit) -> None:
    kit.mirror.add(Package(name="one", files={"usr/bin/tool": b"1"}), Package(name="two", files={"usr/bin/tool": b"2"}))
    kit.mirror.publish()

    with pytest.raises(TargetError) as caught:
        kit.layer(spec("one", "two"))
    assert caught.value.message == "`one` and `two` both have the file `/usr/bin/tool`"


def test_a_package_that_replaces_another_wins(kit: Kit) -> None:
    kit.mirror.add(
        Package(name="one", files={"usr/bin/tool": b"1"}),
        Package(name="two", files={"usr/bin/tool": b"2"}, fields={"Replaces": "one (<< 2)"}),
    )
    kit.mirror.publish()

    _, layer = kit.layer(spec("one", "two"))
    assert files(layer)["usr/bin/tool"] == b"2"
    assert files(layer)["var/lib/dpkg/status.d/one.md5sums"] == b""


def test_a_package_that_does_not_exist_is_named(kit: Kit) -> None:
    kit.mirror.publish()

    with pytest.raises(UsageError, match="`deb:trixie` has no package `nope`"):
        kit.pin(spec("nope"))


def test_a_platform_that_debian_lacks_is_named(kit: Kit) -> None:
    windows = BaseSpec(suite="trixie", platform=Platform(os="windows", architecture="amd64"))

    with pytest.raises(UsageError, match="Debian has no packages for `windows/amd64`"):
        kit.pin(windows)


def test_a_mirror_of_http_is_read_too_and_the_next_one_when_it_fails(kit: Kit) -> None:
    kit.mirror.publish()
    with running_server() as server:
        serve(server, kit.mirror.root)
        there = kit.mirror.sources(base=server.url)
        broken = f"{server.url}/gone"
        kit.sources = lambda: Sources(
            archives=tuple(
                msgspec.structs.replace(archive, mirrors=(broken, *archive.mirrors)) for archive in there.archives
            ),
            origin="the test",
        )
        _, layer = kit.layer(spec())
        kit.fetcher.close()

    assert "usr/bin/python3.13" in files(layer)
    assert any("/by-hash/SHA256/" in path for path, _ in server.requests)


def test_offline_without_a_pin_says_so(kit: Kit) -> None:
    kit.sources = lambda: kit.mirror.sources(base="http://mirror.example")
    kit.fetcher = Fetcher(offline=True)

    with pytest.raises(NetworkError, match="while offline"):
        kit.pin(spec())


def serve(server: Server, root: Path) -> None:
    """Serve all files below *root*."""
    for path in root.rglob("*"):
        if path.is_file():
            server.serve(f"/{path.relative_to(root).as_posix()}", path.read_bytes())

    def missing(handler: Handler) -> None:
        handler.reply(b"", status=404)

    server.routes.setdefault("/", missing)


def test_links_of_packages_are_kept_within_the_root(kit: Kit) -> None:
    kit.mirror.add(
        Package(name="a-links", files={"opt/out": Symlink("../../../../etc"), "opt/abs": Symlink("/usr/share")}),
        Package(name="b-files", files={"opt/out/x.conf": b"x", "opt/abs/y": b"y"}),
    )
    kit.mirror.publish()

    _, layer = kit.layer(spec("a-links", "b-files"))
    assert {"etc/x.conf", "usr/share/y"} <= set(files(layer))
