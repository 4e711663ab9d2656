"""What is given stays bit for bit, what is absent comes out as zeros, and neither it nor a start value is ever read.

`reference.checks.run` asserts the first two for every sampler that it runs; the laws given what is given, and on the
sites that exist, are compared there as well.
"""

import pytest
import torch
from reference.checks import run
from reference.examples import (
    BITS_AND_TONE,
    BITS_SPOTS_AND_TONE,
    bits_and_tone,
    bits_spots_and_tone,
    letters,
)
from reference.process import Condition, Token
from reference.sampling import Batch, emitted

CASES = {
    "tokens": (bits_and_tone("zip(bit, tone)"), BITS_AND_TONE),
    "masks in joint visits": (
        bits_and_tone("blocks(bit, 2) & tone", bit=Token("bit", plate=3, kernel="mask")),
        BITS_AND_TONE,
    ),
    "shuffled": (bits_and_tone("shuffle(bit -> tone)"), BITS_AND_TONE),
    "mixed": (bits_spots_and_tone("bit -> spot -> tone"), BITS_SPOTS_AND_TONE),
    "mixed joint visits": (bits_spots_and_tone("all(bit) & all(spot) -> tone"), BITS_SPOTS_AND_TONE),
    "confidence": (
        letters("confidence(letter, 2, linear)", 0.5),
        (Condition(), Condition(frozenset({("letter", 1)}), {("letter", 3): 1})),
    ),
}


def twins(process, conditions):
    """A model and two batches that agree on what exists and what is given, and on nothing else."""
    return emitted(process), Batch(process, conditions, 30, seed=1), Batch(process, conditions, 30, seed=2)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("case", CASES)
def test_samples_depend_on_no_start_value_that_is_not_given(case):
    model, one, other = twins(*CASES[case])
    assert not same(one.examples.values, other.examples.values)
    drawn = [
        model.sample(batch.examples, batch.given, torch.Generator().manual_seed(3)).values
        for batch in (one, other)
    ]
    assert same(*drawn)


def absent_differs(process, conditions):
    """A model and two batches that differ in absent values alone."""
    model, one, other = twins(process, conditions)
    for name, values in other.examples.values.items():
        if process.variable(name).plate:
            there = one.examples.present["element"]
            values[there] = one.examples.values[name][there]
        else:
            values.copy_(one.examples.values[name])
    assert not same(one.examples.values, other.examples.values)
    return model, one, other


@pytest.mark.parametrize("case", CASES)
def test_redenoise_depends_on_no_absent_value(case):
    model, one, other = absent_differs(*CASES[case])
    drawn = [
        model.redenoise(batch.examples, batch.given, torch.Generator().manual_seed(3)).values
        for batch in (one, other)
    ]
    assert same(*drawn)


@pytest.mark.parametrize("case", CASES)
def test_losses_depend_on_no_absent_value(case):
    model, one, other = absent_differs(*CASES[case])
    losses = [
        model(model.corrupt(batch.examples, torch.Generator().manual_seed(3))) for batch in (one, other)
    ]
    assert same(*losses)


@pytest.mark.parametrize("case", CASES)
def test_where_all_is_given_or_absent_nothing_is_drawn(case):
    process, _ = CASES[case]
    sites = process.sites
    plate = frozenset(site for site in sites if process.variable(site[0]).plate)
    value = {"bit": 1, "tone": 0, "letter": 1, "spot": (0.25,)}
    given = Condition(frozenset(), {site: value[site[0]] for site in sites})
    nothing = Condition(plate, {site: value[site[0]] for site in sites if site not in plate})
    run(process, (given, nothing), each=20)
    run(process, (given, nothing, Condition()), each=20, redenoise=1)
