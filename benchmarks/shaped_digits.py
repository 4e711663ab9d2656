"""What a reward does to digits, seen by a judge that had no part in it.

    gencc run specs/pgraft_image.gen train finetune
    python build/pgraft_image/sample.py --given label --count 270 --out reference.parquet
    python build/pgraft_image/sample.py --given label --count 270 --adapter --out tuned.parquet
    python benchmarks/shaped_digits.py reference.parquet tuned.parquet

The reward is the log-probability that a classifier of every other digit gives to the class that was asked for.  Beside it stand
a second classifier, of the digits that the first did not see, Frechet's distance of the second's features from those digits,
and the mean distance between two samples of a class: what is gained by repeating itself shows there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
from inverse_noise import frechet
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

sys.path.insert(0, str(Path(__file__).parents[1] / "specs" / "rewards"))
from digits import likeness


def spread(x, labels):
    """Mean distance between two images of one class."""
    found = []
    for c in range(10):
        own = x[labels == c]
        if len(own) > 1:
            apart = np.linalg.norm(own[:, None] - own[None], axis=-1)
            found.append(apart.sum() / (len(own) * (len(own) - 1)))
    return float(np.mean(found))


def main():
    images, labels = load_digits(return_X_y=True)
    real, truth = images[1::2] / 16, labels[1::2]
    judge = MLPClassifier((64,), max_iter=500, random_state=0).fit(real, truth)

    def features(x):
        return np.maximum(x @ judge.coefs_[0] + judge.intercepts_[0], 0)

    print(f"{'':<24} {'reward':>16} {'second judge right':>19} {'Frechet':>8} {'spread':>7}")
    print(f"{'digits of that judge':<24} {'':>16} {'':>19} {'':>8} {spread(real, truth):>7.3f}")
    for name in sys.argv[1:]:
        columns = parquet.read_table(name).to_pydict()
        x = np.array([np.ravel(image) for image in columns["image"]])
        asked = np.array(columns["label"], dtype=int)
        reward = np.array(likeness(columns))
        error = reward.std(ddof=1) / len(reward) ** 0.5
        right = (judge.predict(x) == asked).mean()
        print(
            f"{Path(name).stem:<24} {reward.mean():>8.3f} +- {error:.3f} {right:>18.1%} "
            f"{frechet(features(x), features(real)):>8.2f} {spread(x, asked):>7.3f}"
        )


if __name__ == "__main__":
    main()
