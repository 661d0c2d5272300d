"""How large the examples' images are."""

from __future__ import annotations

import json
from pathlib import Path

from fixture import Tare
from peers import ROOT, NotMeasuredError
from results import Section, megabytes

ABOUT = """\
`tare build examples/NAME --base deb:trixie --platform linux/amd64`. *Unpacked* is the sum of the regular files of all
layers, *pull* that of the compressed layers; megabytes are decimal. For comparison, published figures of others: 103 MB for an
image of a FastAPI service, 78.4 MB for a hello-world image on Alpine."""

GOALS = {"hello": (55e6, 20e6), "api": (78e6, 28e6), "science": (230e6, 73e6)}
"""Bytes unpacked, and to pull."""


def measure(tare: Tare, scratch: Path) -> Section:
    section = Section(title="Sizes", about=ABOUT)
    for name, (unpacked, pull) in GOALS.items():
        goal = f"≤ {megabytes(unpacked)}, ≤ {megabytes(pull)}"
        options = (
            "--base",
            "deb:trixie",
            "--platform",
            "linux/amd64",
            "-o",
            f"oci:{scratch / 'sizes'}:{name}",
            "--json",
        )
        try:
            document = json.loads(tare.run("build", str(ROOT / "examples" / name), *options).stdout)
        except NotMeasuredError as error:
            section.missing(f"`examples/{name}`", str(error), goal)
            continue
        sizes = document["sizes"]
        base = sum(layer["unpacked"] for layer in document["layers"] if layer["kind"] == "base")
        figure = f"**{megabytes(sizes['unpacked'])}** unpacked (base {megabytes(base)}), **{megabytes(sizes['pull'])}** to pull"
        met = sizes["unpacked"] <= unpacked and sizes["pull"] <= pull
        section.raw[name] = [sizes["unpacked"], sizes["pull"]]
        section.add(f"`examples/{name}`", figure, goal, met=met)
    return section
