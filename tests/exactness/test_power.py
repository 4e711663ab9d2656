"""The tests of laws can fail: mistakes that a sampler might make are told from what it should do.

The laws of mistaken samplers are computed, so the power is too, at the sample sizes that the other tests use.
"""

import numpy as np
import pytest
from reference.agreement import ALARM, p_value, p_value_of_two, power
from reference.cells import Cells
from reference.chain import Chain
from reference.checks import EACH, MORE, run
from reference.examples import BITS_AND_TONE, BITS_SPOTS_AND_TONE, bits_and_tone, bits_spots_and_tone
from reference.process import Condition
from reference.simulation import Simulation

MISTAKES = {
    "every count one too high": lambda n, visited: n + 1,
    "the visited site's count one too high": lambda n, visited: n + visited,
    "the other sites' counts one too high": lambda n, visited: n + (not visited),
    "the other sites taken for clean": lambda n, visited: n * visited,
}
ORDERS = ["bit -> tone", "2 * bit -> tone", "all(bit) -> tone", "shuffle(bit) -> tone", "zip(tone, bit)"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_wrong_counts_are_noticed(order, mistake):
    process = bits_and_tone(order)
    found = [
        power(Chain(process, condition, MISTAKES[mistake]).sample(), Chain(process, condition).sample(), EACH)
        for condition in BITS_AND_TONE
    ]
    assert max(found) > 0.999


@pytest.mark.parametrize("order", ["bit -> tone", "zip(bit, tone)", "blocks(bit, 2) -> tone"])
def test_visits_in_the_wrong_direction_are_noticed(order):
    chain = Chain(bits_and_tone(order), Condition())
    assert power(chain.sample(backwards=False), chain.sample(), EACH) > 0.999


@pytest.mark.parametrize(
    ("order", "other"),
    [
        ("all(bit) -> tone", "all(bit) & tone"),
        ("blocks(bit, 2) & tone", "reverse(blocks(bit, 2)) & tone"),
        ("blocks(bit, 2) -> tone", "bit -> tone"),
        ("all(bit) -> 2 * tone", "2 * (all(bit) -> tone)"),
    ],
)
def test_the_sampler_of_another_order_is_noticed(order, other):
    """From end to end: what one emitted sampler draws is not what the other should."""
    process = bits_and_tone(order)
    batch, values = run(process, (Condition(),), each=2 * EACH)
    law = Chain(bits_and_tone(other), Condition()).sample()
    assert p_value(batch.counts(0, values), law) < ALARM
    assert p_value(batch.counts(0, values), Chain(process, Condition()).sample()) > ALARM


@pytest.mark.parametrize("order", ["bit -> spot -> tone", "all(bit) & all(spot) & tone"])
@pytest.mark.parametrize("condition", BITS_SPOTS_AND_TONE)
def test_wrong_counts_are_noticed_in_mixed_states(order, condition):
    process = bits_spots_and_tone(order)
    state = Simulation(process, condition, MORE * EACH, 1).sample()
    late = Simulation(process, condition, EACH, 2, late=1).sample()
    cells = Cells(state, condition.free(process.sites))
    assert p_value_of_two(cells.counts(late), cells.counts(state)) < ALARM


@pytest.mark.parametrize("order", ["bit -> tone", "blocks(bit, 2) & 2 * tone", "shuffle(bit -> tone)"])
def test_both_references_agree(order):
    process = bits_and_tone(order)
    for condition in BITS_AND_TONE:
        state = Simulation(process, condition, 4 * EACH, 3).sample()
        chain = Chain(process, condition)
        cells = np.stack([state[site] for site in chain.sites], 1)
        seen = np.bincount(
            np.ravel_multi_index(tuple(cells.T), chain.clean_shape), minlength=chain.data().size
        )
        assert p_value(seen, chain.sample()) > ALARM


def test_the_tests_keep_their_false_alarm_rate():
    """At a thousandth instead of a billionth: of 4,000 correct samples about 4 fail, more than 15 in 1e-5 of cases."""
    rng = np.random.default_rng(4)
    law = Chain(bits_and_tone("bit -> tone"), Condition()).data()
    one, two = (rng.multinomial(EACH, law.ravel(), 4000) for _ in range(2))
    assert sum(p_value(seen, law) < 1e-3 for seen in one) <= 15
    assert sum(p_value_of_two(a, b) < 1e-3 for a, b in zip(one, two, strict=True)) <= 15
