"""How large the examples' images are without what no container needs: `--slim` and `--slim=more`."""

from __future__ import annotations

import json
from pathlib import Path

from fixture import Tare
from peers import ROOT, NotMeasuredError
from results import Section, megabytes

ABOUT = """\
`tare build --slim[=more] examples/NAME --base deb:trixie --platform linux/amd64`; sizes as above. `more` compresses layers as densely as
gzip can. `tests/e2e/test_slim.py` imports every module of such images, and `tests/e2e/test_examples.py` runs them."""

GOALS = {
    ("hello", "safe"): (42e6, None),
    ("hello", "more"): (None, None),
    ("api", "safe"): (66e6, None),
    ("api", "more"): (None, None),
    ("science", "safe"): (190e6, None),
    ("science", "more"): (168e6, 54e6),
}
"""Bytes unpacked, and to pull."""


def measure(tare: Tare, scratch: Path) -> Section:
    section = Section(title="Slim images", about=ABOUT)
    for (name, level), (unpacked, pull) in GOALS.items():
        what = f"`examples/{name}`, `--slim={level}`"
        goals = [f"≤ {megabytes(int(each))}" for each in (unpacked, pull) if each is not None]
        try:
            sizes = built(tare, name, level, scratch)
        except NotMeasuredError as error:
            section.missing(what, str(error), ", ".join(goals))
            continue
        section.raw[f"{name} {level}"] = [sizes["unpacked"], sizes["pull"]]
        figure = f"**{megabytes(sizes['unpacked'])}** unpacked, **{megabytes(sizes['pull'])}** to pull"
        if goals:
            met = sizes["unpacked"] <= (unpacked or float("inf")) and sizes["pull"] <= (pull or float("inf"))
            section.add(what, figure, ", ".join(goals), met=met)
        else:
            section.add(what, figure)
    return section


def built(tare: Tare, name: str, level: str, scratch: Path) -> dict[str, int]:
    """Return the sizes of the image of an example."""
    target = f"oci:{scratch / 'slim'}:{name}-{level}"
    options = (f"--slim={level}", "--base", "deb:trixie", "--platform", "linux/amd64", "-o", target, "--json")
    sizes: dict[str, int] = json.loads(tare.run("build", str(ROOT / "examples" / name), *options).stdout)["sizes"]
    return sizes
