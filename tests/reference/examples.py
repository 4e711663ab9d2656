"""Small processes with strongly dependent sites, and conditions under which they are sampled."""

from __future__ import annotations

import itertools

import numpy as np

from .process import Component, Condition, Normal, Process, Token, Vector


def _table(*shape: int) -> np.ndarray:
    """A positive law of which no site can be guessed from the others, nor is independent of them."""
    weights = np.exp(1.2 * np.random.default_rng(3).standard_normal(shape))
    return np.maximum((1000 * weights / weights.sum()).round(), 1)


def bits_and_tone(
    order: str, rounds: int = 2, bit: Token | None = None, tone: Token | None = None
) -> Process:
    """Three bits in a plate, and a tone outside of it."""
    variables = (bit or Token("bit", plate=3), tone or Token("tone", 3))
    return Process(variables, _table(2, 2, 2, 3), order, rounds)


BITS_AND_TONE = (
    Condition(),
    Condition(frozenset({("bit", 1)}), {("tone", 0): 2}),
    Condition(frozenset({("bit", 2)}), {("bit", 0): 1}),
)


def letters(order: str, choice: float) -> Process:
    """Four masked letters in a plate."""
    letter = Token("letter", plate=4, kernel="mask", target="clean")
    return Process((letter,), _table(2, 2, 2, 2), order, rounds=1, choice=choice)


def pairs(order: str, rounds: int = 2) -> Process:
    """Two elements of a bit and a flag each."""
    return Process((Token("bit", plate=2), Token("flag", plate=2)), _table(2, 2, 2, 2), order, rounds)


PAIRS = (
    Condition(),
    Condition(frozenset({("bit", 0), ("flag", 0)})),
    Condition(frozenset(), {("bit", 1): 0, ("flag", 0): 1}),
)


def bits_spots_and_tone(
    order: str, rounds: int = 2, spot: Vector | None = None, bit: Token | None = None
) -> Process:
    """Two elements of a bit and a spot each, and a tone outside of the plate.

    Each combination of the tokens has two components, so that the spots depend on each other also given the tokens.
    """
    spot = spot or Vector("spot", plate=2, steps=3)
    rng = np.random.default_rng(5)

    def number(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 2)

    def place() -> Normal:
        return tuple(number(-2, 2) for _ in range(spot.length)), number(0.3, 0.6)

    law = tuple(
        Component(number(0.2, 2), (*tokens[:2], place(), place(), tokens[2]))
        for tokens in itertools.product((0, 1), repeat=3)
        for _ in range(2)
    )
    return Process((bit or Token("bit", plate=2), spot, Token("tone")), law, order, rounds)


BITS_SPOTS_AND_TONE = (
    Condition(),
    Condition(frozenset({("bit", 1), ("spot", 1)}), {("tone", 0): 1}),
    Condition(frozenset(), {("bit", 0): 1, ("spot", 1): (0.5,)}),
)
