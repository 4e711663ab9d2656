"""`confidence`: the surest guesses are kept, in discrete and in mixed states, with given and absent sites.

A sampler over tokens alone is compared with its law by enumeration, a mixed one with its simulation.  False alarms:
1e-6 over the whole suite.
"""

from dataclasses import replace

import numpy as np
import pytest
from reference.agreement import assert_law, power
from reference.chain import Chain
from reference.checks import EACH, check_mixed, run
from reference.confidence import ConfidentSimulation, exact_law
from reference.examples import BITS_SPOTS_AND_TONE, bits_spots_and_tone, letters
from reference.process import Condition, Token

CONDITIONS = (
    Condition(),
    Condition(frozenset({("letter", 1)})),
    Condition(frozenset({("letter", 3)}), {("letter", 0): 1}),
)
ONE_BY_ONE, TWO_BY_TWO = "confidence(letter, 4, linear)", "confidence(letter, 2, linear)"


@pytest.mark.parametrize("choice", [0.0, 0.5, 4.5])
@pytest.mark.parametrize("order", [ONE_BY_ONE, TWO_BY_TWO, "confidence(letter, 3, cosine)"])
def test_the_surest_guesses_are_kept(order, choice):
    process = letters(order, choice)
    batch, values = run(process, CONDITIONS)
    for row, condition in enumerate(CONDITIONS):
        assert_law(batch.counts(row, values), exact_law(process, condition))


def test_redenoise_is_a_new_sample():
    process = letters(TWO_BY_TWO, 0.5)
    batch, values = run(process, CONDITIONS, redenoise=1)
    for row, condition in enumerate(CONDITIONS):
        assert_law(batch.counts(row, values), exact_law(process, condition))


def test_noise_without_end_is_a_random_order():
    """One site after another is then exact, whichever is chosen."""
    for condition in CONDITIONS:
        law = exact_law(letters(ONE_BY_ONE, 1e9), condition)
        assert np.allclose(law, Chain(letters(ONE_BY_ONE, 0.0), condition).data(), atol=1e-6)


def test_other_choices_are_told_apart():
    law = exact_law(letters(TWO_BY_TWO, 0.5), CONDITIONS[0])
    for other in (letters(TWO_BY_TWO, 0.0), letters(TWO_BY_TWO, 4.5), letters(ONE_BY_ONE, 0.5)):
        assert power(exact_law(other, CONDITIONS[0]), law, EACH) > 0.999


@pytest.mark.parametrize(
    "order", ["confidence(bit, 2, linear) -> spot -> tone", "tone -> all(spot) -> confidence(bit, 1, linear)"]
)
@pytest.mark.parametrize("choice", [0.0, 0.7])
def test_among_other_variables(order, choice):
    bit = Token("bit", plate=2, kernel="mask", target="clean")
    process = replace(bits_spots_and_tone(order, rounds=1, bit=bit), choice=choice)
    check_mixed(process, BITS_SPOTS_AND_TONE, simulation=ConfidentSimulation)
