"""Blocks on several machines, ablations, and a machine that is too small."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from bench_runs import simulated
from jsonschema import Draft202012Validator

from tare.bench.ablation import ablated
from tare.bench.analysis import analyse
from tare.bench.doctor import Vitals, examine, refuse
from tare.bench.journal import merge
from tare.bench.kubernetes import indexed_job
from tare.bench.profiles import profiles
from tare.errors import MachineError, UsageError

RESOURCES = {"type": "object", "required": ["cpu", "memory"], "additionalProperties": {"type": "string"}}
JOB: dict[str, Any] = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "additionalProperties": False,
    "properties": {
        "apiVersion": {"const": "batch/v1"},
        "kind": {"const": "Job"},
        "metadata": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string", "maxLength": 63}, "labels": {"type": "object"}},
            "additionalProperties": False,
        },
        "spec": {
            "type": "object",
            "required": ["template"],
            "additionalProperties": False,
            "properties": {
                "completionMode": {"enum": ["Indexed", "NonIndexed"]},
                "completions": {"type": "integer", "minimum": 0},
                "parallelism": {"type": "integer", "minimum": 0},
                "backoffLimit": {"type": "integer", "minimum": 0},
                "template": {
                    "type": "object",
                    "required": ["spec"],
                    "additionalProperties": False,
                    "properties": {
                        "metadata": {"type": "object"},
                        "spec": {
                            "type": "object",
                            "required": ["containers", "restartPolicy"],
                            "additionalProperties": False,
                            "properties": {
                                "restartPolicy": {"enum": ["Never", "OnFailure"]},
                                "affinity": {"type": "object"},
                                "volumes": {"type": "array"},
                                "containers": {
                                    "type": "array",
                                    "minItems": 1,
                                    "items": {
                                        "type": "object",
                                        "required": ["name", "image"],
                                        "additionalProperties": False,
                                        "properties": {
                                            "name": {"type": "string"},
                                            "image": {"type": "string"},
                                            "command": {"type": "array", "items": {"type": "string"}},
                                            "resources": {
                                                "type": "object",
                                                "properties": {"requests": RESOURCES, "limits": RESOURCES},
                                            },
                                            "volumeMounts": {"type": "array"},
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The fields of a Job that are used, as the API of Kubernetes 1.31 names and types them."""


def test_a_job_has_the_shape_of_kubernetes_and_a_block_for_each_pod() -> None:
    job = indexed_job("bench", image="registry.example/tare:1", arguments=["--image", "a b"], blocks=3)

    assert list(Draft202012Validator(JOB).iter_errors(job)) == []
    assert job["spec"]["completions"] == 3
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"][2] == (
        "exec tare bench run --image 'a b' --engine host --output /results --block \"block-$JOB_COMPLETION_INDEX\""
    )
    assert container["resources"]["requests"] == container["resources"]["limits"]


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


GOOD = Vitals(
    cores=8, memory=64 * 10**9, swap=0, disk=200 * 10**9, load=0.1, steal=0.0, governor="performance", cgroup="v2"
)


def test_a_good_machine_has_nothing_noisy_and_nothing_impossible() -> None:
    found = list(examine(GOOD, profiles()["full"], engine="docker"))

    assert {each.kind for each in found} == {"good"}
    refuse(found, "full")


def test_too_little_disk_and_no_engine_are_refused_before_anything_runs() -> None:
    small = msgspec.structs.replace(GOOD, disk=10**9)
    found = list(examine(small, profiles()["full"], engine="docker", unavailable="there is no `docker` on PATH"))

    with pytest.raises(MachineError) as caught:
        refuse(found, "full")
    assert caught.value.causes == (
        "engine: docker cannot be used: there is no `docker` on PATH",
        "disk: 1.0 GB free, 30.0 GB wanted",
    )


def test_what_is_noisy_is_said() -> None:
    noisy = msgspec.structs.replace(GOOD, cores=2, load=3.0, steal=0.1, swap=10**9, governor="powersave", cgroup="none")
    found = examine(noisy, profiles()["smoke"], engine="host")

    assert [each.what for each in found if each.kind == "noisy"] == [
        "cores",
        "load",
        "steal",
        "swap",
        "clock",
        "cgroup",
    ]
