"""ReDeNoise: the data, noised for some rounds and denoised, keeps its law under orders of single sites.

Under joint visits it gets the law that the visits' matrices, or the simulated sampler, give.  False alarms: 1e-6 over
the whole suite.
"""

import numpy as np
import pytest
from reference.chain import Chain
from reference.checks import check_discrete, check_mixed
from reference.examples import BITS_AND_TONE, BITS_SPOTS_AND_TONE, bits_and_tone, bits_spots_and_tone
from reference.process import Token

MASK = Token("bit", plate=3, kernel="mask")
ORDINAL = Token("tone", 3, kernel="ordinal")


@pytest.mark.parametrize(
    ("order", "rounds"),
    [
        ("bit -> tone", 1),
        ("2 * bit -> tone", 3),
        ("zip(tone, bit)", 1),
        ("shuffle(bit) -> 2 * tone", 2),
        ("2 * random(bit: 0.7, tone: 0.3)", 1),
    ],
)
def test_orders_of_single_sites_keep_the_law(order, rounds):
    process = bits_and_tone(order, 3)
    for condition in BITS_AND_TONE:
        chain = Chain(process, condition)
        assert np.allclose(chain.redenoise(rounds), chain.data(), atol=1e-12)
    check_discrete(process, BITS_AND_TONE, redenoise=rounds)


@pytest.mark.parametrize("order", ["all(bit) -> tone", "blocks(bit, 2) & 2 * tone"])
@pytest.mark.parametrize("bit", [None, MASK], ids=["uniform", "mask"])
def test_joint_visits_change_the_law_as_computed(order, bit):
    process = bits_and_tone(order, 3, bit=bit, tone=ORDINAL)
    chain = Chain(process, BITS_AND_TONE[0])
    assert np.abs(chain.redenoise(2) - chain.data()).sum() > 0.01
    check_discrete(process, BITS_AND_TONE, redenoise=2)


@pytest.mark.parametrize(
    ("order", "rounds"),
    [("bit -> spot -> tone", 1), ("all(bit) & all(spot) & tone", 1), ("zip(spot, 2 * bit) -> tone", 2)],
)
def test_mixed_states(order, rounds):
    check_mixed(bits_spots_and_tone(order), BITS_SPOTS_AND_TONE, redenoise=rounds)
