"""Every row of the order table, over discrete and real sites: the emitted sampler's law is that of a sampler in numpy.

The simulated sampler shares the discretisation of the inner steps, so the comparison is exact up to sampling noise: a
G-test of two samples over cells (tokens by value, numbers by thirds).  False alarms: 1e-6 over the whole suite.
"""

import pytest
from reference.checks import check_mixed
from reference.examples import BITS_SPOTS_AND_TONE, bits_spots_and_tone
from reference.process import Vector

ORDERS = [
    "bit -> spot -> tone",
    "all(bit) -> all(spot) -> tone",
    "all(bit) & all(spot) & tone",
    "blocks(bit, 2) -> spot -> tone",
    "2 * bit -> spot -> tone",
    "bit -> 2 * (all(spot) -> 2 * tone)",
    "zip(bit, spot) -> tone",
    "zip(spot, reverse(bit), tone)",
    "bit & spot & tone",
    "reverse(spot) & bit -> tone",
    "shuffle(bit -> spot) -> tone",
    "2 * shuffle(spot) -> all(bit) & tone",
    "reverse(shuffle(bit) -> 2 * spot -> tone)",
]


@pytest.mark.parametrize("order", ORDERS)
def test_mixed_states(order):
    check_mixed(bits_spots_and_tone(order), BITS_SPOTS_AND_TONE)


@pytest.mark.parametrize(
    ("order", "rounds"),
    [("random(bit: 0.4, spot: 0.4, tone: 0.2)", 8), ("random(bit & spot: 3, tone: 1)", 4)],
)
def test_random_scans_of_mixed_states(order, rounds):
    check_mixed(bits_spots_and_tone(order, rounds), BITS_SPOTS_AND_TONE)


@pytest.mark.parametrize("target", ["epsilon", "x0", "velocity"])
@pytest.mark.parametrize("order", ["bit -> spot -> tone", "all(spot) -> all(bit) & tone"])
def test_every_target_of_vectors(order, target):
    spot = Vector("spot", length=1, plate=2, steps=4, signal="cosine", target=target)
    check_mixed(bits_spots_and_tone(order, spot=spot), BITS_SPOTS_AND_TONE)


@pytest.mark.parametrize("order", ["zip(bit, spot) -> tone", "all(bit) & all(spot) -> tone"])
def test_vectors_of_several_numbers(order):
    given = [c for c in BITS_SPOTS_AND_TONE if ("spot", 1) not in c.given]
    check_mixed(bits_spots_and_tone(order, spot=Vector("spot", length=2, plate=2, steps=3)), given)
