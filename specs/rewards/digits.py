"""How sure a classifier is of the digit that an image was asked to show: the reward of `pgraft_image.gen`."""

from functools import cache

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression


@cache
def judge():
    """A logistic regression on every other digit of scikit-learn's; the others are left to a second judge."""
    images, labels = load_digits(return_X_y=True)
    return LogisticRegression(max_iter=2000).fit(images[::2] / 16, labels[::2])


def likeness(columns):
    """Log-probability of the label, for each image (8 x 8, in [0, 1])."""
    images = np.array([np.ravel(image) for image in columns["image"]])
    odds = judge().predict_log_proba(images)
    return odds[np.arange(len(images)), np.array(columns["label"], dtype=int)].tolist()
