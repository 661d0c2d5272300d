"""`tare outdated`: bases and packages that have moved on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from fixture_registry import Registry, error
from make import official
from make.bases import Layer, write_layer
from make.images import image as make_test_image
from make.images import raw_layer
from mirror import Mirror, Package, base_packages, make_key, public
from schemas import faults, published
from worlds import MakeWorld, hold

from tare.errors import IntegrityError, UsageError
from tare.flow.bases import debian
from tare.flow.images.outdated import Checked, check
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.config import ImageConfig, RootFS, RunConfig
from tare.oci.image import FileBlob, Image, make_image, make_index, read_image
from tare.oci.platform import parse as parse_platform
from tare.report.outdated import WIDTH, outdated_json, outdated_text
from tare.stores.archive_writer import ArchiveDestination
from tare.stores.layout_writer import LayoutDestination
from tare.stores.names import parse

AMD64 = parse_platform("linux/amd64")
BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"


class Debian:
    """A mirror that is published again and again, and a world that uses it."""

    def __init__(self, root: Path, make_world: MakeWorld) -> None:
        self.root = root
        self.publish()
        (root / "key.gpg").write_bytes(public(make_key("archive")))
        self.environment = {
            "TARE_DEBIAN_MIRROR": (root / "mirror" / "archive").as_uri(),
            "TARE_DEBIAN_SECURITY_MIRROR": (root / "mirror" / "security").as_uri(),
            "TARE_DEBIAN_KEYRING": str(root / "key.gpg"),
        }
        self.world = make_world(environment=self.environment)

    def publish(self, *, updates: tuple[Package, ...] = (), security: tuple[Package, ...] = ()) -> None:
        shutil.rmtree(self.root / "mirror", ignore_errors=True)
        mirror = Mirror(self.root / "mirror")
        mirror.add(*base_packages())
        mirror.add(*updates, suffix="-updates")
        mirror.add(*security, suffix="-security")
        mirror.publish()

    def assembled(self) -> Image:
        """Return an image on `deb:trixie`, as `tare build` makes it."""
        made = debian.resolve(self.world, Request(base="deb:trixie", platform=AMD64), "trixie", ())
        blob = FileBlob(descriptor=made.layer, path=self.world.cache.path(made.layer.digest))
        base = read_image(made.manifest, made.config, (blob,))
        return on(base, "deb:trixie", base.digest, {"app/main.py": b"print(1)\n"})


def on(base: Image, name: str | None, digest: str | None, files: Layer, *, labels: bool = False) -> Image:
    """Return an image with one layer more than *base*, and what it says of it."""
    layer, diff_id = raw_layer(write_layer(files), compressed=False)
    said = {key: value for key, value in ((BASE_NAME, name), (BASE_DIGEST, digest)) if value}
    config = ImageConfig(
        architecture=base.config.architecture,
        os="linux",
        rootfs=RootFS(type="layers", diff_ids=(*base.config.rootfs.diff_ids, diff_id)),
        config=RunConfig(labels=said if labels else {}),
    )
    return make_image(config, (*base.layers, layer), {} if labels else said)


def plain(files: Layer, **said: str) -> Image:
    """Return an image of one layer."""
    made = make_test_image(raw_layer(write_layer(files), compressed=False))
    return make_image(made.config, made.layers, {f"org.opencontainers.image.base.{k}": v for k, v in said.items()})


@pytest.fixture
def suite(tmp_path: Path, make_world: MakeWorld) -> Debian:
    return Debian(tmp_path, make_world)


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., Checked]:
    """Return what checks an image in a layout."""

    def run(world: World, image: Image, base: str | None = None) -> Checked:
        LayoutDestination(tmp_path / "app").write(image)
        return check(world, parse(f"oci:{tmp_path / 'app'}"), AMD64, base=base)

    return run


def shown(checked: Checked, root: Path) -> str:
    text = outdated_text(checked).replace(str(root), "TMP")
    assert max(map(len, text.splitlines())) <= WIDTH
    assert faults(published("tare.outdated.1"), json.loads(outdated_json(checked))) == []
    return text


def test_an_image_of_today_is_up_to_date(suite: Debian, look: Callable[..., Checked], tmp_path: Path) -> None:
    found = look(suite.world, suite.assembled())

    assert found.exit_code == 0
    assert shown(found, tmp_path) == dedent(
        """\
        up to date: oci:TMP/app (linux/amd64)

        base      deb:trixie: current, the suite has nothing newer
        packages  12 of 12 compared with trixie, trixie-updates, trixie-security of 2026-11-23
        """
    )


def test_a_security_update_makes_it_outdated(suite: Debian, look: Callable[..., Checked], tmp_path: Path) -> None:
    image = suite.assembled()
    suite.publish(
        updates=(Package(name="tzdata", version="1.1-1", architecture="all"),),
        security=(Package(name="libc6", version="2.41-12+deb13u6", fields={"Depends": "libgcc-s1"}),),
    )
    found = look(suite.world, image)

    assert found.exit_code == 1
    assert shown(found, tmp_path) == dedent(
        """\
        OUTDATED: oci:TMP/app (linux/amd64): 2 packages have updates, 1 of security

        base      deb:trixie: moved, the suite has 2 newer packages
        packages  12 of 12 compared with trixie, trixie-updates, trixie-security of 2026-11-23

        package  installed        available        from
        libc6    2.41-12+deb13u5  2.41-12+deb13u6  trixie-security
        tzdata   1.0-1            1.1-1            trixie-updates
        """
    )


def test_the_suite_is_asked_each_time_and_the_layers_once(
    suite: Debian, look: Callable[..., Checked], make_world: MakeWorld, tmp_path: Path
) -> None:
    image = suite.assembled()
    assert look(suite.world, image).exit_code == 0
    layout = tmp_path / "app" / "blobs" / "sha256"
    for layer in image.layers:
        (layout / layer.descriptor.digest.partition(":")[2]).unlink()
    suite.publish(security=(Package(name="netbase", version="9.0-1", architecture="all"),))

    found = check(make_world(environment=suite.environment), parse(f"oci:{tmp_path / 'app'}"), AMD64, base=None)
    assert [(update.name, update.security) for update in found.updates] == [("netbase", True)]


def test_packages_that_the_suite_does_not_have_are_named(
    suite: Debian, look: Callable[..., Checked], tmp_path: Path
) -> None:
    base = suite.assembled()
    files = {"var/lib/dpkg/status.d/own": b"Package: own\nVersion: 1\nArchitecture: amd64\n"}
    found = look(suite.world, on(base, "deb:trixie", base.digest, files))

    assert found.exit_code == 0
    assert shown(found, tmp_path) == dedent(
        """\
        nothing newer was found for oci:TMP/app (linux/amd64); not everything was checked

        base      deb:trixie: current, the suite has nothing newer
        packages  12 of 13 compared with trixie, trixie-updates, trixie-security of 2026-11-23

        Not checked:
          1 packages: trixie has no own
        """
    )


def test_without_a_security_archive_it_says_so(
    suite: Debian, look: Callable[..., Checked], make_world: MakeWorld
) -> None:
    image = suite.assembled()
    environment = {name: value for name, value in suite.environment.items() if "SECURITY" not in name}
    found = look(make_world(environment=environment), image)
    assert [(each.part, each.reason) for each in found.unknown] == [
        ("security updates", "the options names no security archive")
    ]


def test_a_mirror_that_is_not_there_is_no_reason_to_be_calm(
    suite: Debian, look: Callable[..., Checked], tmp_path: Path
) -> None:
    image = suite.assembled()
    shutil.rmtree(tmp_path / "mirror")
    found = look(suite.world, image)

    assert found.exit_code == 4
    assert not found.outdated
    assert [each.part for each in found.unknown] == ["base", "12 packages of Debian trixie"]


def test_a_bad_signature_is_an_error_of_its_own(suite: Debian, look: Callable[..., Checked], tmp_path: Path) -> None:
    image = suite.assembled()
    release = tmp_path / "mirror" / "security" / "dists" / "trixie-security" / "InRelease"
    release.write_bytes(release.read_bytes().replace(b"Origin: Debian", b"Origin: Debia"))
    with pytest.raises(IntegrityError):
        look(suite.world, image)


@pytest.mark.parametrize(
    ("files", "part", "reason"),
    [
        (
            {"etc/os-release": b'ID=alpine\nPRETTY_NAME="Alpine Linux v3.24"\n', "lib/apk/db/installed": b"P:musl\n"},
            "1 packages of apk",
            "they are of Alpine Linux v3.24; tare cannot tell whether there are newer ones",
        ),
        (
            {"etc/os-release": b'ID=rhel\nPRETTY_NAME="Red Hat"\n', "var/lib/rpm/rpmdb.sqlite": b"SQLite"},
            "packages of RPM",
            "they are of Red Hat; tare cannot tell whether there are newer ones",
        ),
        (
            {
                "etc/os-release": b'ID=ubuntu\nPRETTY_NAME="Ubuntu 24.04"\n',
                "var/lib/dpkg/status": b"Package: a\nStatus: install ok installed\nVersion: 1\n",
            },
            "1 packages of dpkg",
            "they are of Ubuntu 24.04; tare looks up Debian's bookworm, trixie",
        ),
        ({"app": b"x"}, "packages", "the image has no database of packages"),
    ],
)
def test_what_cannot_be_told_is_listed_and_not_passed_as_fine(
    make_world: MakeWorld, look: Callable[..., Checked], files: Layer, part: str, reason: str
) -> None:
    found = look(make_world(), plain(files))

    assert [(each.part, each.reason) for each in found.unknown] == [
        ("base", "the image does not say what it was built on (`--base` names it)"),
        (part, reason),
    ]
    assert (found.outdated, found.exit_code) == (False, 0)
    assert outdated_text(found).startswith("nothing newer was found for ")
    assert json.loads(outdated_json(found))["complete"] is False


@pytest.fixture
def bases(registry: Registry) -> dict[str, Image]:
    """Yesterday's base and today's, of which the registry has today's under `python:3.14-slim`."""
    old = official.index("3.14.7", "slim-trixie")
    new = official.index("3.14.7", "slim-trixie", again=1)
    hold(registry, "library/python", {"3.14-slim": new})
    return {
        "old": old.images[0],
        "new": new.images[0],
        "new arm64": new.images[1],
    }


def test_a_tag_that_moved_makes_it_outdated(
    registry: Registry, bases: dict[str, Image], make_world: MakeWorld, look: Callable[..., Checked], tmp_path: Path
) -> None:
    old = bases["old"]
    found = look(make_world(mirrors=(registry.name,)), on(old, "python:3.14-slim", old.digest, {"app": b"x"}))

    assert found.exit_code == 1
    now = registry.repository("library/python").tags["3.14-slim"]
    assert found.base.now == now
    assert shown(found, tmp_path) == dedent(
        f"""\
        OUTDATED: oci:TMP/app (linux/amd64): its base has moved

        base      python:3.14-slim: moved, its tag has moved
                  it was {old.digest}, and is {now}
        packages  none compared

        Not checked:
          packages: the image has no database of packages
        """
    ).replace(f"{old.digest}, and is {now}", f"{old.digest[:19]}…, and is {now[:19]}…")


@pytest.mark.parametrize("labels", [False, True])
def test_a_tag_that_did_not_move_is_current(
    registry: Registry, bases: dict[str, Image], make_world: MakeWorld, look: Callable[..., Checked], *, labels: bool
) -> None:
    """By the digest of the image, which tare writes; in annotations, or in labels after an engine had it."""
    new = bases["new"]
    image = on(new, "python:3.14-slim", new.digest, {"app": b"x"}, labels=labels)
    found = look(make_world(mirrors=(registry.name,)), image)
    assert (found.base.status, found.base.reason) == ("current", "its tag still has that image")


def test_the_digest_of_an_index_counts_too_and_costs_one_head(
    registry: Registry, bases: dict[str, Image], make_world: MakeWorld, look: Callable[..., Checked]
) -> None:
    index = registry.repository("library/python").tags["3.14-slim"]
    image = on(bases["new"], "docker.io/library/python:3.14-slim", index, {"app": b"x"})
    found = look(make_world(mirrors=(registry.name,)), image)

    assert (found.base.status, found.base.reason) == ("current", "its tag has not moved")
    assert registry.server.lines == ["HEAD /v2/library/python/manifests/3.14-slim"]


def test_the_same_layers_under_another_digest_are_no_move(
    registry: Registry, bases: dict[str, Image], make_world: MakeWorld, look: Callable[..., Checked]
) -> None:
    """An index is written anew when the image of another platform is built again."""
    hold(registry, "library/python", {"3.14-slim": make_index((bases["new"],), {})})
    before = official.index("3.14.7", "slim-trixie", again=1).digest
    image = on(bases["new"], "python:3.14-slim", before, {"app": b"x"})
    found = look(make_world(mirrors=(registry.name,)), image)
    assert (found.base.status, found.base.reason) == (
        "current",
        "its layers are the ones that the image begins with",
    )


def test_a_base_can_be_named_where_the_image_does_not_say(
    registry: Registry, bases: dict[str, Image], make_world: MakeWorld, look: Callable[..., Checked]
) -> None:
    world = make_world(mirrors=(registry.name,))
    for which, status in (("new", "current"), ("old", "moved")):
        found = look(world, on(bases[which], None, None, {"app": b"x"}), base="python:3.14-slim")
        assert (found.base.name, found.base.status) == ("python:3.14-slim", status)


def test_a_registry_that_cannot_be_asked_is_unknown_and_not_fine(
    registry: Registry, bases: dict[str, Image], make_world: MakeWorld, look: Callable[..., Checked]
) -> None:
    registry.rule("HEAD", ".*", lambda _, exchange: exchange.send(error(403, "DENIED", "no")))
    name = f"{registry.name}/library/python:3.14-slim"
    found = look(make_world(), on(bases["new"], name, bases["new"].digest, {"app": b"x"}))
    assert (found.base.status, found.exit_code, found.outdated) == ("unknown", 4, False)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("python@sha256:" + "0" * 64, "it is named by its digest alone, which never moves"),
        ("Not A Name", "its name is not the name of an image"),
    ],
)
def test_names_that_cannot_be_looked_up_are_unknown(
    make_world: MakeWorld, look: Callable[..., Checked], name: str, reason: str
) -> None:
    found = look(make_world(), plain({"app": b"x"}, name=name))
    assert (found.base.status, found.base.reason) == ("unknown", reason)


def test_a_base_in_a_layout_is_looked_at_when_a_person_names_it(
    bases: dict[str, Image], make_world: MakeWorld, look: Callable[..., Checked], tmp_path: Path
) -> None:
    name = f"oci:{tmp_path / 'base'}"
    image = on(bases["old"], name, bases["old"].digest, {"app": b"x"})
    LayoutDestination(tmp_path / "base").write(bases["old"])
    assert look(make_world(), image, base=name).base.status == "current"
    LayoutDestination(tmp_path / "base").write(bases["new"])
    assert look(make_world(), image, base=name).base.status == "moved"
    shutil.rmtree(tmp_path / "base")
    assert look(make_world(), image, base=name).base.status == "unknown"


@pytest.mark.parametrize("name", ["docker-archive:/dev/zero", "oci:{here}", "docker-daemon:app:1"])
def test_an_image_does_not_choose_what_is_opened_on_this_machine(
    make_world: MakeWorld, look: Callable[..., Checked], tmp_path: Path, name: str
) -> None:
    found = look(make_world(), plain({"app": b"x"}, name=name.format(here=tmp_path / "app")))

    assert (found.base.status, found.base.reason, found.exit_code) == (
        "unknown",
        "the image names a place on a machine, which is opened for `--base` alone",
        0,
    )


def test_an_archive_of_docker_is_read_as_well(suite: Debian, tmp_path: Path) -> None:
    image = suite.assembled()
    labelled = on(image, "deb:trixie", image.digest, {"app": b"x"}, labels=True)
    ArchiveDestination(tmp_path / "app.tar", (), mtime=0).write(labelled)
    found = check(suite.world, parse(f"docker-archive:{tmp_path / 'app.tar'}"), AMD64, base=None)
    assert (found.base.name, found.base.status, found.compared) == ("deb:trixie", "current", 12)


def test_ends_of_support_are_noted(registry: Registry, look: Callable[..., Checked], suite: Debian) -> None:
    image = plain(
        {
            "etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
            "var/lib/dpkg/status": b"Package: libc6\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n",
        },
        name=f"{registry.name}/library/python:3.10-slim",
    )
    found = look(suite.world, image)
    assert found.notes == (
        "Debian bookworm is past its makers' security support (2026-06-10); long-term support ends 2028-06-30",
        "CPython 3.10 is past its end of life (2026-10): it gets no fixes",
    )


def test_a_base_is_not_an_image(make_world: MakeWorld) -> None:
    with pytest.raises(UsageError, match="`deb:trixie` is a base and no image"):
        check(make_world(), parse("deb:trixie"), None, base=None)
