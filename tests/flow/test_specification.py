"""Sentences of the image specification, held against images of projects of any shape."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import image_spec
import pytest
from counted import CountedWorld, ask, made
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layouts import Written, blob, index_of, read_image
from make.base_images import base_image, write_base
from make.wheelhouse import Wheelhouse, pylock
from schemas import faults

from tare.flow.build.build import Built
from tare.oci import platform as platforms
from tare.oci.image import make_index
from tare.stores.layout_writer import LayoutDestination

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,4}(_[a-z0-9]{1,3})?", fullmatch=True)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TABLES = st.fixed_dictionaries(
    {},
    optional={
        "entrypoint": st.lists(TEXTS, max_size=3),
        "cmd": st.lists(TEXTS, max_size=3),
        "user": st.integers(0, 2**31),
        "env": st.dictionaries(NAMES, TEXTS, max_size=3),
        "workdir": PATHS.map("/{}".format),
        "ports": st.lists(st.integers(1, 65535), max_size=3),
        "volumes": st.lists(PATHS.map("/{}".format), max_size=2),
        "labels": st.dictionaries(NAMES, TEXTS, max_size=3),
        "stop-signal": st.sampled_from(["SIGINT", "SIGRTMIN+3", "9"]),
    },
)
PROJECTS = st.fixed_dictionaries(
    {
        "files": st.dictionaries(PATHS, st.binary(max_size=300), max_size=5),
        "table": TABLES,
        "releases": st.dictionaries(NAMES, st.binary(max_size=300), max_size=3),
        "version": st.sampled_from(["", "1.0"]),
        "single_member": st.booleans(),
        "epoch": st.integers(0, 8**11 - 1),
    }
)


def toml(value: Any) -> str:
    """Return a value as TOML, whose strings are those of JSON."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("bases") / "base", base_image("amd64"), base_image("arm64"))


def write(root: Path, project: dict[str, Any]) -> None:
    house = Wheelhouse(root / "wheels")
    app = root / "app"
    app.mkdir()
    for path, data in project["files"].items():
        if not any((app / parent).is_file() for parent in Path(path).parents) and not (app / path).exists():
            (app / path).parent.mkdir(parents=True, exist_ok=True)
            (app / path).write_bytes(data)
    head = f'[project]\nname = "demo"\nversion = "{project["version"]}"\n' if project["version"] else ""
    lines = "".join(f"{key} = {toml(value)}\n" for key, value in project["table"].items())
    (app / "pyproject.toml").write_text(f"{head}[tool.tare]\n{lines}", encoding="utf-8")
    releases = [house.add(name, files={f"{name}.py": data}) for name, data in project["releases"].items()]
    (app / "pylock.toml").write_text(pylock(*(each.locked() for each in releases)), encoding="utf-8")


@contextmanager
def image_of(project: dict[str, Any], base: Path) -> Iterator[tuple[Path, Built]]:
    """Build *project*, and give the layout of its image."""
    root = Path(tempfile.mkdtemp(prefix="tare-spec-"))
    try:
        write(root, project)
        environment = {"SOURCE_DATE_EPOCH": str(project["epoch"]), "HOME": str(root)}
        world = CountedWorld(root / "cache", environment)
        built = made(world, root / "app", ask(f"oci:{base}", single_member=project["single_member"]))
        arm64 = made(world, root / "app", ask(f"oci:{base}", platform=platforms.parse("linux/arm64")))
        LayoutDestination(root / "out").write(make_index((built.image, arm64.image), {}))
        yield root / "out", built
    finally:
        shutil.rmtree(root)


def images(layout: Path) -> list[Written]:
    index = json.loads(blob(layout, index_of(layout)["manifests"][0]["digest"]))
    return [read_image(layout, entry["digest"]) for entry in index["manifests"]]


class Held:
    """Everything that the specification says of one image, by its words."""

    def __init__(self, layout: Path, image: Written) -> None:
        self.layout = layout
        self.image = image

    def check(self) -> None:
        assert faults(image_spec.MANIFEST, self.image.manifest) == []
        assert faults(image_spec.CONFIG, self.image.config) == []
        self.descriptors()
        self.diff_ids()
        self.history()
        self.layers()

    def descriptors(self) -> None:
        """The *digest* property of a Descriptor acts as a content identifier; "size" is the size, in bytes, of the raw content."""
        for descriptor in (self.image.manifest["config"], *self.image.manifest["layers"]):
            data = blob(self.layout, descriptor["digest"])
            assert descriptor["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
            assert descriptor["size"] == len(data)

    def diff_ids(self) -> None:
        """A layer DiffID is the digest over the layer's uncompressed tar archive … in order from first to last."""
        digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in self.image.layers]
        assert digests == self.image.config["rootfs"]["diff_ids"]

    def history(self) -> None:
        """history: Describes the history of each layer. The array is ordered from first to last."""
        entries = [entry for entry in self.image.config["history"] if not entry.get("empty_layer")]
        assert len(entries) == len(self.image.layers)

    def layers(self) -> None:
        """Layer Changesets must not include duplicate entries for the same path … a directory precedes what is in it."""
        own = len(self.image.config["rootfs"]["diff_ids"]) - 2
        for layer in self.image.layers[-own:]:
            seen: set[str] = set()
            with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
                for info in archive:
                    assert info.name not in seen
                    assert "/" not in info.name or info.name.rpartition("/")[0] in seen
                    assert not info.name.startswith(("/", "./", "../"))
                    assert not info.name.rpartition("/")[2].startswith(".wh.")
                    assert (info.uid, info.gid, info.uname, info.gname) == (0, 0, "", "")
                    assert not info.mode & 0o7000
                    seen.add(info.name)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(project=PROJECTS)
def test_every_image_is_what_the_specification_says(bases: Path, project: dict[str, Any]) -> None:
    with image_of(project, bases) as (layout, built):
        outer = index_of(layout)
        assert faults(image_spec.INDEX, outer) == []
        assert faults(image_spec.INDEX, json.loads(blob(layout, outer["manifests"][0]["digest"]))) == []
        assert json.loads((layout / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
        found = images(layout)
        for image in found:
            Held(layout, image).check()
        assert found[0].digest == built.image.digest


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(project=PROJECTS)
def test_a_configuration_is_in_the_image_as_it_was_written(bases: Path, project: dict[str, Any]) -> None:
    table = project["table"]
    with image_of(project, bases) as (layout, _):
        run = images(layout)[0].run

    if "entrypoint" in table or "cmd" in table:
        assert (run.get("Entrypoint"), run.get("Cmd")) == (table.get("entrypoint"), table.get("cmd"))
    assert run["User"] == str(table.get("user", "65532:65532"))
    assert run["WorkingDir"] == table.get("workdir", "/app")
    assert run["StopSignal"] == table.get("stop-signal", "SIGTERM")
    assert sorted(run.get("ExposedPorts", {})) == sorted({f"{port}/tcp" for port in table.get("ports", [])})
    assert sorted(run.get("Volumes", {})) == sorted(set(table.get("volumes", [])))
    variables = dict(text.split("=", 1) for text in run["Env"])
    assert table.get("env", {}).items() <= variables.items()
    assert table.get("labels", {}).items() <= run["Labels"].items()


def test_the_schemas_refuse_what_is_wrong(bases: Path) -> None:
    """A schema that accepts everything proves nothing."""
    image = images(bases)[0]
    broken: list[tuple[Any, Any]] = [
        (image_spec.MANIFEST, {**image.manifest, "schemaVersion": 1}),
        (image_spec.MANIFEST, {**image.manifest, "layers": []}),
        (image_spec.MANIFEST, {**image.manifest, "extra": 1}),
        (image_spec.CONFIG, {**image.config, "created": "yesterday"}),
        (image_spec.CONFIG, {**image.config, "config": {"Env": ["NOTHING"]}}),
        (image_spec.CONFIG, {**image.config, "rootfs": {"type": "layers"}}),
        (image_spec.INDEX, {"schemaVersion": 2, "manifests": []}),
    ]
    for schema, document in broken:
        assert faults(schema, document)
