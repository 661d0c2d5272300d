"""Which distributions are marked as asked for (PEP 376), and what an image says of its base."""

from __future__ import annotations

import pytest
from command import Place, locked
from counted import CountedWorld, ask, made
from layouts import contents

from tare.flow.build.dependencies import requested
from tare.projects.project import read


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"requirements.txt": "One==1.0\ntwo\n"}, {"one", "two"}),
        ({"requirements.in": "one\n"}, {"one"}),
        ({"requirements.txt": f"one==1 --hash=sha256:{'0' * 64}\n"}, set()),
        ({"requirements.txt": f"one==1 --hash=sha256:{'0' * 64}\n", "requirements.in": "two\n-r more.in\n", "more.in": "x\n"}, {"two", "x"}),
        ({"requirements.txt": "one\n", "pyproject.toml": '[project]\nname = "a"\ndependencies = ["three>1"]\n'}, {"three"}),
    ],
)  # fmt: skip
def test_a_requirements_file_says_what_is_asked_for(place: Place, files: dict[str, str], names: set[str]) -> None:
    place.write(files)

    assert requested(read(place.app)) == names


def test_what_is_asked_for_is_marked_in_the_image(place: Place) -> None:
    releases = [place.wheels.add("one"), place.wheels.add("two")]
    place.write({"main.py": "", "requirements.txt": locked(releases), "requirements.in": "one\n"})

    def marked() -> list[str]:
        built = made(CountedWorld(place.cache, place.environment), place.app, ask(place.base()))
        with built.image.layers[2].open() as stream:
            found = contents(stream.read())
        return [path.split("/")[-2] for path in found if path.endswith("/REQUESTED")]

    assert marked() == ["one-1.0.dist-info"]
    place.write({"requirements.in": "two\n"})
    assert marked() == ["two-1.0.dist-info"]


NAME = "org.opencontainers.image.base.name"


@pytest.mark.parametrize(
    ("tag", "name"), [(None, None), ("slim", None), ("docker.io/library/python:3.13", "docker.io/library/python:3.13")]
)
def test_a_base_in_a_layout_is_named_by_the_reference_that_it_was_copied_from(
    place: Place, tag: str | None, name: str | None
) -> None:
    from make.base_images import base_image

    from tare.stores.layout_writer import LayoutDestination

    place.write({"main.py": ""})
    base = base_image()
    LayoutDestination(place.root / "named", (tag,) if tag else ()).write(base)
    request = ask(f"oci:{place.root}/named" + (f":{tag}" if tag else ""))
    built = made(CountedWorld(place.cache, place.environment), place.app, request)

    annotations = built.image.manifest.annotations
    assert (annotations.get(NAME), annotations["org.opencontainers.image.base.digest"]) == (name, base.digest)
