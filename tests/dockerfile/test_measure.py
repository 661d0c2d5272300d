"""`tare lint --measure`: what is built, in what order, and how it is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from schemas import faults, published

from tare.cli.main import run
from tare.dockerfile.lint import Result
from tare.dockerfile.parse.source import Source
from tare.engines.building import Builder, BuildOptions, Built
from tare.engines.interface import RunOptions
from tare.engines.runner import Finished
from tare.engines.steps import Step
from tare.flow.dockerfiles.measure import Setting, measure
from tare.measure.sizes import ImageSizes
from tare.report.lint import lint_json
from tare.report.lint_measured import measured_data, measured_text


class Fake:
    """A builder that builds nothing: an image is as large as its Dockerfile, and takes a second a line."""

    name = "docker"

    def __init__(self) -> None:
        self.told: list[str] = []
        self.called: list[str | None] = []
        self.texts: dict[str, str] = {}

    def available(self) -> str | None:
        return None

    def build(self, context: Path, options: BuildOptions) -> Built:
        assert options.dockerfile is not None
        self.texts[options.tag] = text = options.dockerfile.read_text()
        self.called.append(options.called)
        self.told.append(f"{options.tag.rpartition(':')[2]} {'cache' if options.cache else 'no cache'}")
        seconds = float(len(text.splitlines()) + sum(word.endswith("no cache") for word in self.told))
        steps = (Step(name="[1/1] FROM x", seconds=1.0),)
        return Built(reference=options.tag, image_id="1", steps=steps, seconds=seconds)

    def run(self, reference: str, options: RunOptions) -> Finished:
        raise AssertionError("measuring a Dockerfile runs nothing")

    def save(self, reference: str, archive: Path) -> None:
        raise AssertionError("measuring a Dockerfile saves no archive")

    def shown(self, reference: str) -> int:
        raise AssertionError("the size that is shown comes with the others")

    def weigh(self, builder: Builder, reference: str) -> ImageSizes:
        assert builder is self
        size = 1_000_000 * len(self.texts[reference])
        return ImageSizes(pull=size // 2, unpacked=size, rootfs=size, waste=0, store=size * 3 // 2, shown=size)

    def copy_out(self, reference: str, path: str, destination: Path) -> None:
        raise AssertionError("measuring a Dockerfile copies nothing out")

    def remove(self, reference: str) -> None:
        self.told.append(f"{reference.rpartition(':')[2]} removed")


def test_both_are_built_in_turns_and_forgotten(tmp_path: Path) -> None:
    builder = Fake()

    measured = measure(
        builder, "Dockerfile", ("FROM x\nRUN y\n", "FROM x\n"), 1, Setting(context=tmp_path), weigh=builder.weigh
    )

    assert builder.told == [
        "before cache", "after cache",
        "before no cache", "after no cache", "after no cache", "before no cache",
        "before cache", "after cache",
        "before removed", "after removed",
    ]  # fmt: skip
    assert builder.called[:2] == ["`Dockerfile`", "`Dockerfile`, repaired,"]  # and not a file that is gone by then
    assert (measured.before.seconds, measured.after.seconds) == (3.0, 3.0)
    assert (
        measured_text([measured])
        == """\
Dockerfile: 1 repair, built by docker

             before   after
unpacked     13.0 MB  7.0 MB  -46.2%
to pull      6.5 MB   3.5 MB  -46.2%
waste        0 B      0 B
shown        13.0 MB  7.0 MB  -46.2%
build        3.0 s    3.0 s   the same
build again  6.0 s    5.0 s   -16.7%

A build counts from nothing but bases and cache mounts; the faster of 2 in turns. Sizes are of the layers.
"""
    )
    result = Result(source=Source("FROM x\n", "Dockerfile"), findings=(), ignored=0, notes=())
    for data in (None, measured_data([measured])):
        assert faults(published("tare.lint.1"), json.loads(lint_json([result], measured=data))) == []


def test_images_are_forgotten_when_a_build_breaks(tmp_path: Path) -> None:
    class Broken(Fake):
        def build(self, context: Path, options: BuildOptions) -> Built:
            raise RuntimeError

    builder = Broken()
    with pytest.raises(RuntimeError):
        measure(builder, "x", ("", ""), 1, Setting(context=tmp_path))

    assert builder.told == ["before removed", "after removed"]


def test_without_an_engine_the_reasons_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")

    code = run(["lint", "--measure", "--engine", "docker"])

    assert (code, *capsys.readouterr()) == (
        2, "", "error: `docker` cannot build here\n\nhint: Start Docker, or install podman or buildah\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--secret=id=x", "error: `--secret id=x` names no file\n  caused by: expected id=ID,src=FILE\n"),
        ("--build-arg=x", "error: `--build-arg x` is not NAME=VALUE\n"),
    ],
)
def test_what_builds_are_given_is_checked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    message: str,
) -> None:
    podman = tmp_path / "bin" / "podman"
    podman.parent.mkdir()
    podman.write_text("#!/bin/sh\n")
    os.chmod(podman, 0o755)  # noqa: S103  # a program
    monkeypatch.setenv("PATH", f"{podman.parent}:/bin")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM python:3.13-slim-trixie\nWORKDIR /srv # x\n")

    code = run(["lint", "--measure", "--no-hadolint", option])

    assert code == 2
    assert capsys.readouterr().err.endswith(message)
