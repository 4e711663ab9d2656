"""Orders drawn at random from the whole algebra, small enough to enumerate."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Drawn:
    """An order's text, its visits per round, and in how many ways they may be drawn."""

    text: str
    visits: int
    draws: int = 1


def random_order(r: random.Random, sizes: dict[str, int], visits: int = 8, draws: int = 200) -> Drawn:
    """An order over all variables of ``sizes``, with at most so many visits and draws in a round."""
    while True:
        found = _order(r, sizes, list(sizes), depth=3)
        if found.visits <= visits and found.draws <= draws:
            return found


def _order(r: random.Random, sizes: dict[str, int], names: Sequence[str], depth: int) -> Drawn:
    if depth == 0 and len(names) == 1:
        return _leaf(r, names[0], sizes[names[0]])
    kinds = ["then", "zip", "joint", "random"] if len(names) > 1 else ["leaf"]
    kind = r.choice([*kinds, *(["repeat", "reverse", "shuffle"] if depth > 0 else [])])
    if kind == "leaf":
        return _leaf(r, names[0], sizes[names[0]])
    if kind in ("repeat", "reverse", "shuffle"):
        body = _order(r, sizes, names, depth - 1)
        if kind == "repeat":
            times = r.randint(2, 3)
            return Drawn(f"{times} * ({body.text})", times * body.visits, body.draws**times)
        ways = math.factorial(min(body.visits, 9)) if kind == "shuffle" else 1
        return Drawn(f"{kind}({body.text})", body.visits, body.draws * ways)
    left, right = _split(r, names, shared=kind != "joint")
    a, b = _order(r, sizes, left, max(depth - 1, 0)), _order(r, sizes, right, max(depth - 1, 0))
    match kind:
        case "then":
            return Drawn(f"({a.text}) -> ({b.text})", a.visits + b.visits, a.draws * b.draws)
        case "zip":
            return Drawn(f"zip({a.text}, {b.text})", a.visits + b.visits, a.draws * b.draws)
        case "joint":
            return Drawn(f"({a.text}) & ({b.text})", max(a.visits, b.visits), a.draws * b.draws)
    weights = r.choice([(0.5, 0.5), (1, 3), (0.7, 0.3)])
    chosen = f"random({a.text}: {weights[0]}, {b.text}: {weights[1]})"
    return Drawn(chosen, 1, a.visits * a.draws + b.visits * b.draws)


def _leaf(r: random.Random, name: str, sites: int) -> Drawn:
    match r.choice(["sweep", "all", "blocks"]):
        case "sweep":
            return Drawn(name, sites)
        case "all":
            return Drawn(f"all({name})", 1)
    size = r.randint(1, sites)
    return Drawn(f"blocks({name}, {size})", -(-sites // size))


def _split(r: random.Random, names: Sequence[str], shared: bool) -> tuple[list[str], list[str]]:
    """Two parts that hold all names between them, at least one each; some in both if they may be ``shared``."""
    mixed = r.sample(names, len(names))
    at = r.randint(1, len(names) - 1)
    left, right = mixed[:at], mixed[at:]
    if shared and r.random() < 0.3:
        right = [*right, r.choice(left)]
    return left, right
