"""Optional: k-means and random forests with scikit-learn, where an image has it.

python3 work_learning.py ROWS

Clusters and trees are as many as in the comparison of November 2024 that benchmarks/POST.md repeats.
"""

from __future__ import annotations

import sys

import numpy as np
import work

PART = 50
"""Of how many rows one is in the forests' data: trees cost more than clusters."""


def main() -> None:
    rows = int(sys.argv[1])
    dice = np.random.Generator(np.random.Philox(key=108))
    points = dice.normal(size=(rows, 8)) + dice.integers(0, 5, size=(rows, 1)) * 3
    some = points[: max(1000, rows // PART)]
    labels = (some.sum(axis=1) > 48).astype(int)

    def clusters(count: int) -> list[float]:
        from sklearn.cluster import KMeans

        model = KMeans(n_clusters=count, n_init=3, random_state=108).fit(points)
        # Sums of another libm differ in the last digits, and what is right does not.
        return [len(model.cluster_centers_), float(f"{model.inertia_:.3g}")]

    def forest(trees: int) -> list[float]:
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(n_estimators=trees, random_state=108, n_jobs=1).fit(some, labels)
        return [trees, round(float(model.score(some, labels)), 3)]

    for count in (3, 5):
        work.measure(f"learning: k-means, {count} clusters", lambda count=count: clusters(count), repeat=1)
    for trees in (1, 10, 100):
        name = f"learning: random forest, {trees} tree{'s' if trees > 1 else ''}"
        work.measure(name, lambda trees=trees: forest(trees), repeat=1)


if __name__ == "__main__":
    main()
