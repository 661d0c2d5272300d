"""`--json`: whole documents, and each against its schema in `docs/schemas`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from command import Place, locked
from layouts import index_of, read_layout
from make.base_images import base_image
from make.zips import STORED, Entry
from schemas import PUBLISHED, faults, published

from tare.stores.layout import LayoutSource


@pytest.fixture
def project(place: Place) -> Place:
    """A project with a dependency that is large enough for a layer of its own, and one that is not."""
    data = Entry(name="large/data.bin", data=bytes(range(256)) * 44_000, method=STORED)
    large = place.wheels.add("large", files={"large/data.bin": data})
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([large, place.wheels.add("sample")])})
    return place


def test_a_build_is_a_document(project: Place) -> None:
    document = project.document("build", *project.target, "-t", "demo:1")

    image = read_layout(project.app / "dist")
    base = read_layout(project.root / "base")
    assert faults(published("tare.build.1"), document) == []
    sizes = [layer["size"] for layer in image.manifest["layers"]]
    described = zip(image.manifest["layers"], image.config["rootfs"]["diff_ids"], strict=True)
    kinds = ("base", "base", "wheel", "wheels", "project")
    whys = (
        *(f"the base `{project.base()}`",) * 2,
        "large is large, and the same layer in every image that has it",
        "distributions too small for a layer each",
        "the project's own files, which change most often",
    )
    unpacked = [sum(info.size for info in _files(layer)) for layer in image.layers]
    names: tuple[list[str], ...] = ([], [], ["large 1.0"], ["sample 1.0"], [])
    assert {key: value for key, value in document.items() if key != "seconds"} == {
        "schema": "tare.build/1",
        "image": {"digest": image.digest, "platform": "linux/amd64", "reference": "demo:1"},
        "base": {
            "reference": project.base(),
            "digest": base.digest,
            "facts": {"python": "3.13.5", "libc": "glibc 2.41", "interpreter": "/usr/bin/python3.13"},
        },
        "layers": [
            {
                "digest": layer["digest"],
                "diff_id": diff_id,
                "size": layer["size"],
                "unpacked": unpacked[number],
                "kind": kinds[number],
                "why": whys[number],
                "distributions": names[number],
            }
            for number, (layer, diff_id) in enumerate(described)
        ],
        "sizes": {"pull": sum(sizes), "unpacked": sum(unpacked)},
        "savings": {"bytes": 0, "kinds": {}},
        "reused": 0,
        "entrypoint": {"command": ["python", "main.py"], "reason": "there is a `main.py`"},
        "notes": [],
        "warnings": [],
    }


def _files(layer: bytes) -> list[Any]:
    import io
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        return [info for info in archive if info.isreg()]


def test_a_build_for_several_platforms_is_a_document_with_an_image_for_each(place: Place) -> None:
    both = place.base(base_image("amd64"), base_image("arm64"))
    place.write({"main.py": ""})

    document = place.document("build", "--base", both, "--platform", "linux/amd64", "--platform", "linux/arm64")

    assert faults(published("tare.build.1"), document) == []
    assert document["image"] == {
        "digest": index_of(place.app / "dist")["manifests"][0]["digest"],
        "platform": None,
        "reference": "oci:dist",
    }
    assert [each["image"]["platform"] for each in document["images"]] == ["linux/amd64", "linux/arm64"]
    assert str(LayoutSource(place.app / "dist").read_all().digest) == document["image"]["digest"]


def test_notes_and_warnings_are_in_the_document_and_on_stderr(place: Place) -> None:
    place.write({"a.py": "", "b.py": ""})
    warning = "nothing says what to run: set `entrypoint` in [tool.tare], or pass `--entrypoint`"

    assert place.document("build", *place.target)["warnings"] == [warning]
    assert place.build("--json").err == f"warning: {warning}\n"


def test_a_document_is_all_that_a_build_says_when_there_is_nothing_to_warn_of(project: Place) -> None:
    ran = project.build("--json")

    assert (ran.code, ran.err, json.loads(ran.out)["schema"]) == (0, "", "tare.build/1")


def test_an_error_leaves_standard_output_empty(project: Place) -> None:
    project.write({"requirements.txt": "sample==1.0 --hash=sha256:" + "0" * 64})

    ran = project.build("--json")

    assert (ran.code, ran.out) == (5, "")


def test_a_plan_is_a_document(project: Place) -> None:
    document = project.document("plan", *project.target)

    assert faults(published("tare.plan.1"), document) == []
    [plan] = document["plans"]
    assert [(layer["kind"], layer["distributions"], len(layer["files"])) for layer in plan["layers"]] == [
        ("wheel", ["large 1.0"], 5),
        ("wheels", ["sample 1.0"], 9),
        ("project", [], 1),
    ]
    assert plan["layers"][0]["files"][-1] == {
        "path": "/opt/venv/lib/python3.13/site-packages/large/data.bin",
        "mode": "0644",
        "size": 11_264_000,
        "from": "large-1.0-py3-none-any.whl",
        "distribution": "large",
    }
    assert plan["run"] == {
        "User": "65532:65532",
        "Env": ["PATH=/opt/venv/bin:/usr/local/bin:/usr/bin", "PYTHONUNBUFFERED=1", "VIRTUAL_ENV=/opt/venv"],
        "Entrypoint": ["python", "main.py"],
        "WorkingDir": "/app",
        "StopSignal": "SIGTERM",
    }


def test_a_plan_is_what_a_build_then_makes(project: Place) -> None:
    [plan] = project.document("plan", *project.target)["plans"]
    built = project.document("build", *project.target)

    new = [layer for layer in built["layers"] if layer["kind"] != "base"]
    keys = ("kind", "why", "distributions", "unpacked")
    assert [{key: layer[key] for key in keys} for layer in plan["layers"]] == [
        {key: layer[key] for key in keys} for layer in new
    ]
    assert plan["base"]["digest"] == built["base"]["digest"]
    assert plan["entrypoint_reason"] == built["entrypoint"]["reason"]


def test_a_dry_run_is_the_plan(project: Place) -> None:
    assert project("build", *project.target, "--dry-run", "--json") == project("plan", *project.target, "--json")
    assert project("build", *project.target, "--dry-run") == project("plan", *project.target)
    assert not (project.app / "dist").exists()


def test_a_plan_with_everything_that_can_be_configured_fits_its_schema(place: Place) -> None:
    place.write(
        {
            "main.py": "",
            "pyproject.toml": """\
                [project]
                name = "demo"
                version = "1"
                [tool.tare]
                cmd = ["python", "main.py"]
                env = { A = "b" }
                ports = [8000, "53/udp"]
                volumes = ["/data"]
                labels = { team = "one" }
                stop-signal = "SIGINT"
                [tool.tare.healthcheck]
                test = "python -c pass"
                interval = "1m30s"
                timeout = "5s"
                start-period = "1s"
                retries = 3
                """,
        }
    )

    document = place.document("plan", *place.target)

    assert faults(published("tare.plan.1"), document) == []
    assert document["plans"][0]["run"] == {
        "User": "65532:65532",
        "ExposedPorts": {"8000/tcp": {}, "53/udp": {}},
        "Env": ["PATH=/opt/venv/bin:/usr/local/bin:/usr/bin", "PYTHONUNBUFFERED=1", "VIRTUAL_ENV=/opt/venv", "A=b"],
        "Cmd": ["python", "main.py"],
        "Volumes": {"/data": {}},
        "WorkingDir": "/app",
        "Labels": {"team": "one"},
        "StopSignal": "SIGINT",
        "Healthcheck": {
            "Test": ["CMD", "python", "-c", "pass"],
            "Interval": 90_000_000_000,
            "Timeout": 5_000_000_000,
            "StartPeriod": 1_000_000_000,
            "Retries": 3,
        },
    }


def test_the_cache_answers_with_documents(project: Place) -> None:
    project.build()

    info = project.document("cache", "info")
    pruned = project.document("cache", "prune", "--all")

    assert faults(published("tare.cache.1"), info) == []
    assert faults(published("tare.cache.1"), pruned) == []
    assert info == {
        "schema": "tare.cache/1",
        "path": str(project.cache),
        "blobs": 5,
        "blob_bytes": info["blob_bytes"],
        "memos": info["memos"],
        "partial_bytes": 0,
        "rootfs": 0,
        "rootfs_bytes": 0,
    }
    assert pruned["freed"] > info["blob_bytes"] > 22_000_000
    assert project.document("cache", "info")["blobs"] == 0


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*.json")), ids=lambda path: path.stem)
def test_a_schema_refuses_what_is_not_a_document(path: Any) -> None:
    schema = published(path.stem)

    assert faults(schema, {"schema": "another/1"})
    assert faults(schema, [])
