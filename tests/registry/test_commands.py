"""Whole commands with a registry: the one of these tests, and Debian's `docker-registry`. Every request is counted."""

from __future__ import annotations

import gzip
import itertools
import json
import subprocess
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from command import Place
from lab import needs_root
from layouts import read_layout
from make.base_images import base_image
from make.images import Entry, image, layer
from make.wheelhouse import pylock
from real_registry import docker_registry
from samples import a_registry, noise

from tare.stores.layout_writer import LayoutDestination


class Served(Protocol):
    """A registry that tells what it was asked."""

    @property
    def name(self) -> str: ...

    @property
    def lines(self) -> list[str]: ...


class Fixture:
    """The registry of these tests, seen like the real one."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self.name: str = registry.name

    @property
    def lines(self) -> list[str]:
        return list(self._registry.server.lines)


@pytest.fixture(params=["fixture", pytest.param("docker-registry", marks=pytest.mark.e2e)])
def registry(request: pytest.FixtureRequest) -> Iterator[Served]:
    if request.param == "fixture":
        with a_registry() as registry:
            yield Fixture(registry)
    else:
        with docker_registry() as real:
            yield real


@pytest.fixture
def project(place: Place) -> Place:
    releases = [place.wheels.add("sample"), place.wheels.add("other", "2.0")]
    place.write({"main.py": "print(1)\n", "pylock.toml": pylock(*(release.locked() for release in releases))})
    del place.environment["UV_OFFLINE"]  # It would keep us from registries, too.
    place.base(base_image("amd64"), base_image("arm64"))
    return place


@pytest.fixture
def based(project: Place, registry: Served) -> str:
    """The name of a base for two platforms in the registry."""
    name = f"{registry.name}/library/python:3.13"
    ran = project("copy", project.base(), name)
    assert ran.code == 0, ran.err
    return name


class Asked:
    """What a registry is asked from now on."""

    def __init__(self, registry: Served) -> None:
        self._registry = registry
        self._before = len(registry.lines)

    def __call__(self, *methods: str, containing: str = "") -> list[str]:
        found = self._registry.lines[self._before :]
        return [line for line in found if line.split()[0] in (methods or {line.split()[0]}) and containing in line]


def push(place: Place, base: str, target: str, *options: str, cache: str = "cache") -> Any:  # the document
    """Build on *base* and push to *target*, on the machine whose cache is *cache*."""
    return place.document(
        "build", "--base", base, "-t", target, "--push", *options, env={"TARE_CACHE_DIR": str(place.root / cache)}
    )


AMD64 = ("--platform", "linux/amd64")
BOTH = ("--platform", "linux/amd64,linux/arm64")


def base_layers(document: Any) -> list[str]:  # a document
    return [each["digest"] for each in document["layers"] if each["kind"] == "base"]


def test_a_build_on_a_base_of_the_registry_reads_it_once_and_mounts_it(
    project: Place, registry: Served, based: str
) -> None:
    asked = Asked(registry)
    document = push(project, based, f"{registry.name}/app:1", *AMD64)

    bottom = base_layers(document)
    assert len(bottom) == 2
    assert sorted(asked("GET", containing="/blobs/")) == sorted(
        f"GET /v2/library/python/blobs/{digest}" for digest in (*bottom, _config_of(project, based))
    )
    assert sorted(asked("POST", containing="mount")) == sorted(
        f"POST /v2/app/blobs/uploads/?mount={digest}&from=library/python" for digest in bottom
    )
    assert asked("PUT")[-1] == "PUT /v2/app/manifests/1", "the tag is the last thing that is written"
    assert project("verify", f"{registry.name}/app:1").code == 0


def _config_of(place: Place, name: str) -> str:
    layout = place.root / "found"
    assert place("copy", name, f"oci:{layout}", *AMD64).code == 0
    return str(read_layout(layout).manifest["config"]["digest"])


def test_nothing_of_a_base_is_downloaded_again_for_another_repository(
    project: Place, registry: Served, based: str
) -> None:
    push(project, based, f"{registry.name}/app:1", *AMD64)
    asked = Asked(registry)
    push(project, based, f"{registry.name}/other:1", *AMD64)

    assert asked("GET", containing="/blobs/") == []
    assert len(asked("POST", containing="from=library/python")) == 2


def test_an_image_that_is_there_costs_one_request(project: Place, registry: Served, based: str) -> None:
    push(project, based, f"{registry.name}/app:1", *AMD64)
    asked = Asked(registry)
    push(project, based, f"{registry.name}/app:1", *AMD64)
    assert asked() == ["HEAD /v2/app/manifests/1"]


def test_a_changed_line_uploads_one_layer_and_one_config(project: Place, registry: Served, based: str) -> None:
    push(project, based, f"{registry.name}/app:1", *AMD64)
    project.write({"main.py": "print(2)\n"})
    asked = Asked(registry)
    document = push(project, based, f"{registry.name}/app:1", *AMD64)
    assert len(asked("PUT", containing="/blobs/uploads/")) == 2
    assert asked("GET", "PATCH") == []
    looked_for = asked("HEAD", containing="/blobs/")
    assert len(looked_for) == len(document["layers"]) + 1, "every layer, and the configuration"
    assert {f"HEAD /v2/app/blobs/{layer['digest']}" for layer in document["layers"]} < set(looked_for)


NOT_NEEDED = frozenset(
    [
        "asyncio",
        "base64",
        "concurrent.futures",
        "csv",
        "email",
        "http",
        "importlib.metadata",
        "importlib.resources",
        "inspect",
        "json",
        "mmap",
        "packaging",
        "random",
        "shutil",
        "ssl",
        "subprocess",
        "tempfile",
        "urllib.request",
        "urllib3",
        "zoneinfo",
        "tare.net.encryption",
        "tare.projects.settings",
        "tare.report.slim",
        "tare.wheels.archive",
        "tare.wheels.wheel",
    ]
)
"""What a changed line has no use for, at 0.5 to 12 ms each. `make bench` says what the rest costs."""


def test_a_changed_line_loads_nothing_that_it_has_no_use_for(project: Place, registry: Served, based: str) -> None:
    name = f"{registry.name}/app:1"
    push(project, based, name, *AMD64)
    project.write({"main.py": "print(2)\n"})
    done = subprocess.run(
        [project.python, "-X", "importtime", "-m", "tare", "build", "--base", based, "-t", name, "--push", *AMD64],
        cwd=project.app,
        env={**project.environment, "PYTHONPATH": project.source, "TARE_CACHE_DIR": str(project.root / "cache")},
        capture_output=True,
        check=True,
        text=True,
    )

    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    # Where `typing_extensions` is installed, which only our tools want, msgspec loads it, and that loads `inspect`.
    by_others = {"inspect"} if "typing_extensions" in loaded else set()
    assert sorted(loaded & NOT_NEEDED - by_others) == []


def test_several_platforms_are_one_index(project: Place, registry: Served, based: str) -> None:
    document = push(project, based, f"{registry.name}/app:1", *BOTH)
    story = project.document("tags", f"{registry.name}/app:1", "--platform", "linux/arm64")
    assert story["digest"] == document["image"]["digest"]
    assert [entry["platform"] for entry in story["index"]] == ["linux/amd64", "linux/arm64"]
    assert project("verify", f"{registry.name}/app:1").code == 0


def test_a_second_machine_builds_and_moves_nothing_that_the_first_one_did(
    project: Place, registry: Served, based: str
) -> None:
    cache = ("--cache", f"{registry.name}/cache")
    first = push(project, based, f"{registry.name}/app:1", *AMD64, *cache, cache="one")
    asked = Asked(registry)
    second = push(project, based, f"{registry.name}/other:1", *AMD64, *cache, cache="two")

    assert second["image"] == {**first["image"], "reference": f"{registry.name}/other:1"}
    assert (first["reused"], second["reused"]) == (0, 2)
    layers = {each["digest"] for each in second["layers"]}
    assert [line for line in asked("GET", containing="/blobs/") if line.rpartition("/")[2] in layers] == []
    assert len(asked("POST", containing="from=")) == len(layers)
    assert len(asked("PUT", containing="/other/blobs/")) == 1, "the configuration"
    assert asked("PUT", containing="/cache/") == []
    assert list((project.root / "two" / "blobs").rglob("*")) == [], "nothing was fetched"


def test_the_shared_cache_has_layers_compressed_in_another_way_too(
    project: Place, registry: Served, based: str
) -> None:
    options = (*AMD64, "--cache", f"{registry.name}/cache", "--compression", "zstd")
    first = push(project, based, f"{registry.name}/app:1", *options, cache="one")
    asked = Asked(registry)
    second = push(project, based, f"{registry.name}/other:1", *options, cache="two")

    assert second["image"]["digest"] == first["image"]["digest"]
    layers = {each["digest"] for each in second["layers"]}
    assert [line for line in asked("GET", containing="/blobs/") if line.rpartition("/")[2] in layers] == []


def test_what_the_shared_cache_has_of_somebody_else_is_not_damaged_by_it(
    project: Place, registry: Served, based: str
) -> None:
    """A layout is an output that needs the bytes: they come from the cache's repository, verified."""
    cache = ("--cache", f"{registry.name}/cache")
    push(project, based, f"{registry.name}/app:1", *AMD64, *cache, cache="one")
    ran = project(
        "build", "--base", based, *AMD64, *cache, "-o", "oci:out", env={"TARE_CACHE_DIR": str(project.root / "two")}
    )
    assert ran.code == 0, ran.err
    assert project("verify", "oci:out").code == 0


def test_the_shared_cache_is_a_repository(place: Place) -> None:
    del place.environment["UV_OFFLINE"]
    place.write({"main.py": "print(1)\n", "pylock.toml": pylock()})
    assert place.build("--cache", "registry.example/team/cache:1") == (
        2,
        "",
        "error: `--cache registry.example/team/cache:1` names an image, not a repository\n"
        "\n"
        "hint: Write `--cache registry.example/team/cache`\n",
    )


def test_zstd_compresses_the_new_layers_and_leaves_the_base(project: Place, registry: Served, based: str) -> None:
    gzip = push(project, based, f"{registry.name}/app:1", *AMD64)
    zstd = push(project, based, f"{registry.name}/app:zstd", *AMD64, "--compression", "zstd")
    assert [each["diff_id"] for each in zstd["layers"]] == [each["diff_id"] for each in gzip["layers"]]
    assert base_layers(zstd) == base_layers(gzip)
    assert project("copy", f"{registry.name}/app:zstd", "oci:out").code == 0
    kinds = [each["mediaType"].rpartition(".")[2] for each in read_layout(project.app / "out").manifest["layers"]]
    assert kinds == ["tar", "tar", "tar+zstd", "tar+zstd"]
    assert project("verify", f"{registry.name}/app:zstd").code == 0


def test_an_index_goes_through_every_place_and_comes_back_the_same(
    project: Place, registry: Served, based: str
) -> None:
    places = [
        based,
        "oci:one:1",
        f"{registry.name}/second:1",
        "docker-archive:all.tar",
        "oci:two",
        f"{registry.name}/third",
    ]
    digests = []
    for source, destination in itertools.pairwise(places):
        ran = project("copy", source, destination, "--digest-file", "digest")
        assert ran.code == 0, ran.err
        digests.append((project.app / "digest").read_text())
    assert digests == [digests[0]] * 5
    assert project.document("tags", f"{registry.name}/third")["tags"][0]["digest"] == digests[0].strip()


@pytest.mark.parametrize("compressed", [False, True])
def test_an_archive_goes_through_standard_output_and_input(place: Place, *, compressed: bool) -> None:
    """With a cache that has not even a directory yet: what is compressed has to be unpacked somewhere."""
    place.base(base_image("amd64"))
    archive, said = place.process("copy", place.base(), "docker-archive:-").communicate()
    assert place.filtered(said) == "docker-archive:- sha256:DIGEST\n"

    for number, command in enumerate((("copy", "docker-archive:-", "oci:in"), ("verify", "docker-archive:-"))):
        fresh = {"TARE_CACHE_DIR": str(place.root / f"fresh{number}")}
        process = place.process(*command, env=fresh, stdin=subprocess.PIPE)
        out, err = process.communicate(gzip.compress(archive) if compressed else archive)
        assert (process.returncode, err) == (0, b""), (out, err)
    assert (place.app / "in").is_dir()
    assert list(place.app.glob("-")) == []


def test_an_archive_and_a_document_cannot_both_be_standard_output(place: Place) -> None:
    place.base(base_image("amd64"))
    assert place("copy", place.base(), "docker-archive:-", "--json") == (
        2,
        "",
        "error: `docker-archive:-` and the document of `--json` cannot both be written to standard output\n\n"
        "hint: Write the archive to a file\n",
    )


def test_one_platform_of_an_index_is_copied_as_it_is(project: Place, registry: Served, based: str) -> None:
    asked = Asked(registry)
    assert project("copy", based, "oci:out", "--platform", "linux/arm64").code == 0
    found = read_layout(project.app / "out")
    assert found.config["architecture"] == "arm64"
    assert len(asked("GET", containing="/blobs/")) == 3
    missing = project("copy", based, "oci:out", "--platform", "linux/s390x")
    assert (missing.code, "it offers linux/amd64, linux/arm64" in missing.err) == (3, True)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_copy_compresses_every_layer_when_that_is_asked_for(
    project: Place, registry: Served, based: str, compression: str
) -> None:
    name = f"{registry.name}/compressed:1"
    assert project("copy", based, name, "--compression", compression).code == 0
    assert project("copy", name, "oci:out", *AMD64).code == 0
    assert project("copy", based, "oci:before", *AMD64).code == 0
    after, before = read_layout(project.app / "out"), read_layout(project.app / "before")
    assert [each["mediaType"].rpartition(".")[2] for each in after.manifest["layers"]] == [f"tar+{compression}"] * 2
    assert after.config["rootfs"] == before.config["rootfs"]
    assert project("verify", name).code == 0


def test_copying_between_repositories_moves_no_layer(project: Place, registry: Served, based: str) -> None:
    asked = Asked(registry)
    assert project("copy", based, f"{registry.name}/elsewhere/python:3.13").code == 0
    mounted = asked("POST", containing="from=library/python")
    assert len(mounted) == len(set(mounted)) == 4
    assert len(asked("GET", containing="/blobs/")) == 2, "two configurations"


def test_verify_says_what_is_wrong_with_what_is_in_a_registry(project: Place, registry: Served) -> None:
    blob, _ = layer([Entry("bin/x", b"x")])
    LayoutDestination(project.root / "unsound").write(image((blob, f"sha256:{'0' * 64}")))
    name = f"{registry.name}/unsound:1"
    assert project("copy", f"oci:{project.root}/unsound", name).code == 0
    ran = project("verify", name, "--json")
    assert ran.code == 1
    assert [each["severity"] for each in json.loads(ran.out)["findings"] if each["severity"] == "error"] != []


def test_an_image_that_cannot_be_opened_is_a_finding(project: Place, registry: Served) -> None:
    ran = project("verify", f"{registry.name}/nothing:1", "--json")
    assert ran.code == 1
    document = json.loads(ran.out)
    assert (document["valid"], len(document["findings"])) == (False, 1)


@pytest.mark.parametrize("name", ["a b", "oci:", "skopeo:x", "deb:trixie"])
def test_a_name_that_no_image_can_have_is_a_finding(project: Place, name: str) -> None:
    ran = project("verify", name, "--json")
    assert (ran.code, ran.err) == (1, "")
    document = json.loads(ran.out)
    assert (document["valid"], [each["code"] for each in document["findings"]]) == (False, ["O001"])


WRONG = {
    "--mirror": ["=mirror.example", "registry.example=", "a=b=c", "ftp://mirror.example", "ht tp://x"],
    "--insecure-registry": ["http://x/", "a b", "host:port"],
}


@pytest.mark.parametrize("command", ["verify", "weigh", "copy", "run"])
@pytest.mark.parametrize("option", WRONG)
def test_what_names_no_registry_is_refused_also_where_none_is_asked(project: Place, command: str, option: str) -> None:
    for value in WRONG[option]:
        ran = project(command, f"{option}={value}", "oci:nowhere", *(["oci:out"] if command == "copy" else []))
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(f"error: `{option} {value}` is not ")


@pytest.mark.parametrize(
    ("mirror", "shown"),
    [
        ("ftp://mirror.example", "ftp://mirror.example"),
        ("=host", "=host"),
        ("registry.example=", "registry.example="),
        ("https://user:secret@mirror.example", "…@mirror.example"),
    ],
)
def test_a_mirror_of_the_environment_is_refused_by_the_name_of_the_variable(
    project: Place, mirror: str, shown: str
) -> None:
    project.environment["TARE_MIRROR"] = mirror
    assert project("tags", "python") == (
        2,
        "",
        f"error: `TARE_MIRROR={shown}` is not understood\n\nhint: Write it as `HOST[:PORT]` or `REGISTRY=HOST`\n",
    )


def test_a_word_that_is_no_architecture_is_no_platform(project: Place) -> None:
    ran = project("copy", "--platform", "foo", "oci:nowhere", "oci:out")
    assert ran.code == 2
    assert ran.err.splitlines()[0] == "error: `foo` is not a platform"


def test_a_large_layer_that_another_project_brought_is_mounted_in_another_run(
    project: Place, registry: Served, based: str
) -> None:
    large = project.wheels.add("large", files={"large.bin": noise("large", 1_500_000)})
    project.write({"pylock.toml": pylock(large.locked())})
    push(project, based, f"{registry.name}/one:1", *AMD64)
    project.write({"main.py": "print(2)\n"})
    asked = Asked(registry)
    push(project, based, f"{registry.name}/two:1", *AMD64)

    assert len(asked("POST", containing="from=one")) == 1
    asked = Asked(registry)
    push(project, based, f"{registry.name}/three:1", *AMD64, cache="fresh")
    assert asked("POST", containing="from=one") == asked("POST", containing="from=two") == []


def test_an_image_in_a_registry_is_run_and_fetched_once(place: Place, registry: Served, busybox: bytes) -> None:
    needs_root("running without an engine")
    del place.environment["UV_OFFLINE"]
    shell = image(layer([Entry("bin/sh", busybox, mode=0o755)]), entrypoint=("/bin/sh", "-c", "exit 7"))
    LayoutDestination(place.app / "dist").write(shell)
    name = f"{registry.name}/shell:1"
    assert place("copy", "oci:dist", name).code == 0
    asked = Asked(registry)
    for _ in range(2):
        ran = place.finish(place.process("run", "--engine", "chroot", "--quiet", name))
        assert (ran.code, ran.err) == (7, "")
    layers = {each.descriptor.digest for each in shell.layers}
    assert len([line for line in asked("GET") if line.rpartition("/")[2] in layers]) == 1


def test_an_image_in_a_registry_is_fetched_once_to_be_slimmed(place: Place, registry: Served) -> None:
    del place.environment["UV_OFFLINE"]
    fat = image(layer([Entry("var/lib/apt/lists/all", b"1" * 999)]), layer([Entry("app/main.py", b"print()\n")]))
    LayoutDestination(place.app / "dist").write(fat)
    name = f"{registry.name}/fat:1"
    assert place("copy", "oci:dist", name).code == 0

    asked = Asked(registry)
    document = place.document("slim", name, "-o", f"{registry.name}/fat:slim")
    layers = {each.descriptor.digest for each in fat.layers}

    assert [rule["code"] for rule in document["rules"]] == ["TS204"]
    assert sorted(asked("GET", containing="/blobs/")) == sorted(
        f"GET /v2/fat/blobs/{digest}" for digest in (*layers, fat.manifest.config.digest)
    )
    assert place("verify", f"{registry.name}/fat:slim").code == 0
