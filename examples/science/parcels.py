"""A year of parcels: weighed with pandas, drawn with matplotlib.

The data are made up, always the same, so two runs print the same summary. The picture goes to the directory for
temporary files, the only place that a careful container lets a program write to.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Read by matplotlib when it is imported. Its default is the home directory, which may be missing or read-only.
os.environ.setdefault("MPLCONFIGDIR", str(Path(tempfile.gettempdir(), "matplotlib")))

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

MATERIALS = {"paper": 0.08, "wood": 0.9, "steel": 2.4}
"""What parcels are packed in, and what each packing weighs when it is empty: the tare, in kg."""


def parcels(count: int = 20_000) -> pd.DataFrame:
    """Return *count* parcels with the day they were sent, their packing, and their gross and net weight in kg."""
    random = np.random.default_rng(seed=1980)
    packing = random.choice(list(MATERIALS), size=count, p=[0.7, 0.2, 0.1])
    net = random.gamma(shape=2.0, scale=1.5, size=count).round(3)
    return pd.DataFrame(
        {
            "sent": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 365, size=count), unit="D"),
            "packing": packing,
            "net": net,
            "gross": net + pd.Series(packing).map(MATERIALS),
        }
    )


def summary(sent: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each packing: how many parcels, their weights in kg, and the part of them that is tare."""
    table = sent.groupby("packing").agg(parcels=("net", "size"), net=("net", "sum"), gross=("gross", "sum"))
    table["tare"] = 1 - table["net"] / table["gross"]
    return table.sort_values("tare")


def draw(sent: pd.DataFrame) -> Figure:
    """Draw how much was sent each month: what was wanted, and the packing around it."""
    months = sent.groupby(sent["sent"].dt.month)[["net", "gross"]].sum() / 1000
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.bar(months.index, months["net"], label="contents", color="tab:blue")
    axes.bar(months.index, months["gross"] - months["net"], bottom=months["net"], label="packing", color="tab:orange")
    axes.set(title="Parcels sent in 2026", xlabel="month", ylabel="tonnes", xticks=months.index)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def kilograms(weight: float) -> str:
    return f"{weight:,.1f} kg"


def main() -> None:
    sent = parcels()
    table = summary(sent)
    print(f"pandas {pd.__version__}, matplotlib {mpl.__version__}, {len(sent):,} parcels\n")
    print(table.to_string(formatters={"net": kilograms, "gross": kilograms, "tare": "{:.1%}".format}))

    picture = Path(tempfile.gettempdir(), "parcels.png")
    draw(sent).savefig(picture, metadata={"Software": None})
    print(f"\nDrawn to {picture}")


if __name__ == "__main__":
    main()
