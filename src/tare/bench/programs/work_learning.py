"""Optional: k-means and a random forest with scikit-learn, where an image has it.

python3 work_learning.py ROWS
"""

from __future__ import annotations

import sys

import numpy as np
import work


def main() -> None:
    rows = int(sys.argv[1])
    dice = np.random.Generator(np.random.Philox(key=108))
    points = dice.normal(size=(rows, 8)) + dice.integers(0, 5, size=(rows, 1)) * 3
    labels = (points.sum(axis=1) > 48).astype(int)

    def clusters() -> list[float]:
        from sklearn.cluster import KMeans

        model = KMeans(n_clusters=5, n_init=3, random_state=108).fit(points)
        # Sums of another libm differ in the last digits, and what is right does not.
        return [len(model.cluster_centers_), float(f"{model.inertia_:.3g}")]

    def forest() -> list[float]:
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(n_estimators=50, random_state=108, n_jobs=1).fit(points, labels)
        return [round(float(model.score(points, labels)), 3)]

    work.measure("learning: k-means", clusters, repeat=1)
    work.measure("learning: random forest", forest, repeat=1)


if __name__ == "__main__":
    main()
