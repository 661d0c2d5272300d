"""Blocks on several machines, ablations, and a machine that is too small."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import msgspec
import pytest
import yaml
from bench_runs import simulated

from tare.bench.ablation import ABLATIONS, ablated, ablation_of
from tare.bench.analysis import analyse
from tare.bench.doctor import Vitals, examine, refuse
from tare.bench.journal import merge
from tare.bench.kubernetes import indexed_job
from tare.bench.profiles import profiles
from tare.errors import MachineError, UsageError
from tare.report.bench import bench_text

BUILDKIT = Path(__file__).parents[2] / "examples" / "kubernetes" / "buildkit.yaml"
VERSIONS = ("1.31", "1.34", "1.37")
"""Of the API whose own schemas manifests are held against, with no field that it does not know."""


def job(**options: Any) -> dict[str, Any]:
    return indexed_job(
        "bench", image="registry.example/tare:1", arguments=["run", "--image", "a b"], blocks=3, **options
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_job_keeps_to_the_schema_of_kubernetes(version: str) -> None:
    kubernetes_validate.validate(job(), version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifest_of_buildkit_keeps_to_the_schema_of_kubernetes(version: str) -> None:
    documents = list(yaml.safe_load_all(BUILDKIT.read_text("utf-8")))

    assert [each["kind"] for each in documents] == ["StatefulSet", "Service"]
    for each in documents:
        kubernetes_validate.validate(each, version, strict=True)


def test_a_field_that_kubernetes_does_not_have_is_found() -> None:
    wrong = job()
    wrong["spec"]["template"]["spec"]["containers"][0]["comand"] = ["sh"]

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_each_pod_of_a_job_measures_all_images_and_none_ends_the_others() -> None:
    made = job(cores=4)
    (container,) = made["spec"]["template"]["spec"]["containers"]

    assert container["command"][2] == (
        "exec tare bench run --image 'a b' --stream --output /results/run --block \"bench-$JOB_COMPLETION_INDEX\""
    )
    assert container["resources"]["requests"] == container["resources"]["limits"] == {"cpu": "4", "memory": "4Gi"}
    assert (made["spec"]["completions"], made["spec"]["parallelism"]) == (3, 3)
    assert (made["spec"]["backoffLimitPerIndex"], made["spec"]["maxFailedIndexes"]) == (0, 3)


def test_a_job_has_a_name_that_kubernetes_takes() -> None:
    with pytest.raises(UsageError):
        indexed_job("Bench!", image="x", arguments=[], blocks=1)


def test_two_blocks_find_what_one_leaves_undecided() -> None:
    one, two = (simulated({"slim": 0.0, "app": 0.08}, rounds=4, block=block, noise=0.005) for block in ("a", "b"))

    def verdict(results: Any) -> str:  # Results
        cells = analyse(results).cells
        return next(each.comparison.verdict for each in cells if each.candidate == "app" and each.comparison)

    assert [verdict(one), verdict(two), verdict(merge([one, two]))] == ["undecided", "undecided", "slower"]


def test_an_ablation_is_the_same_image_with_one_thing_changed() -> None:
    names, environments = ablated({"alpine": "python:alpine"})

    assert set(names.values()) == {"python:alpine"}
    assert environments["alpine, mimalloc"] == {"PYTHONMALLOC": "mimalloc"}
    assert "alpine" not in environments
    assert [ablation_of(each, names) for each in ("alpine, mimalloc", "alpine", "slim")] == ["alpine", None, None]


def test_without_bytecode_even_what_the_image_has_is_compiled() -> None:
    """As with an image of which only its owner could remove it."""
    environment = {**os.environ, **ABLATIONS["no bytecode"]}
    said = [
        subprocess.run(
            [sys.executable, "-v", "-c", "import json"], capture_output=True, text=True, check=True, env=each
        ).stderr
        for each in ({**os.environ}, environment)
    ]

    assert [bool(re.search(r"code object from '?.*\.pyc", each)) for each in said] == [True, False]


def test_an_ablation_is_compared_with_its_own_image_and_not_with_the_baseline() -> None:
    """Alpine takes 20 % more than slim; with one thing changed it takes 10 % less than alpine."""
    results = simulated({"slim": 0.0, "alpine": 0.2, "alpine, mimalloc": 0.1}, noise=0.002, drift=0.0)
    candidates = tuple(
        msgspec.structs.replace(each, ablation_of=ablation_of(each.name, {"slim": "", "alpine": ""}))
        for each in results.run.candidates
    )
    results = msgspec.structs.replace(results, run=msgspec.structs.replace(results.run, candidates=candidates))
    found = analyse(results)
    [cell] = [each for each in found.cells if each.candidate == "alpine, mimalloc"]
    text = bench_text(results, found)

    assert cell.comparison is not None
    assert (cell.comparison.verdict, round(cell.comparison.ratio, 2)) == ("faster", 0.91)
    assert "alpine, mimalloc beside alpine, cpu: faster, −9 % (−10 % to −9 %), the geometric mean of 1 case" in text
    assert "how much more it takes than slim, or one with a thing changed than its own image" in text


GOOD = Vitals(
    cores=8, memory=64 * 10**9, swap=0, disk=200 * 10**9, load=0.1, steal=0.0, governor="performance", cgroup="v2"
)


def test_a_good_machine_has_nothing_noisy_and_nothing_impossible() -> None:
    found = list(examine(GOOD, profiles()["full"], engine="docker", workloads=("io",)))

    assert {each.kind for each in found} == {"good"}
    refuse(found, "full")


def test_too_little_disk_and_no_engine_are_refused_before_anything_runs() -> None:
    small = msgspec.structs.replace(GOOD, disk=10**9)
    found = list(
        examine(
            small, profiles()["full"], engine="docker", workloads=("io",), unavailable="there is no `docker` on PATH"
        )
    )

    with pytest.raises(MachineError) as caught:
        refuse(found, "full")
    assert caught.value.causes == (
        "engine: docker cannot be used: there is no `docker` on PATH",
        "disk: 1.0 GB free, 30.0 GB wanted",
    )


def test_what_is_noisy_is_said() -> None:
    noisy = msgspec.structs.replace(GOOD, cores=2, load=3.0, steal=0.1, swap=10**9, governor="powersave", cgroup="none")
    found = examine(noisy, profiles()["smoke"], engine="host", workloads=("io",))

    assert [each.what for each in found if each.kind == "noisy"] == [
        "cores",
        "load",
        "steal",
        "swap",
        "clock",
        "cgroup",
    ]
