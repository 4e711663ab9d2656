"""The symbolic order agrees with naive expansion."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from gencc.compiler import order as algebra
from gencc.dsl import vocabulary as v


def expanded(e, sites):
    """Every visit of one round, listed."""
    match e:
        case v.Sweep():
            return [{e.variable: {i}} for i in range(sites[e.variable])]
        case v.Together():
            return [{e.variable: set(range(sites[e.variable]))}]
        case v.Blocks():
            n = sites[e.variable]
            return [{e.variable: set(range(i, min(n, i + e.size)))} for i in range(0, n, e.size)]
        case v.Then():
            return [x for p in e.parts for x in expanded(p, sites)]
        case v.Repeat():
            return expanded(e.body, sites) * e.times
        case v.Reverse():
            return expanded(e.body, sites)[::-1]
        case v.Zip():
            lists = [expanded(p, sites) for p in e.parts]
            return [x[k] for k in range(max(map(len, lists))) for x in lists if k < len(x)]
        case v.Joint():
            lists = [expanded(p, sites) for p in e.parts]
            out = []
            for k in range(max(map(len, lists))):
                merged = {}
                for x in lists:
                    if k < len(x):
                        merged |= x[k]
                out.append(merged)
            return out
    raise TypeError(e)


def some_order(r, depth, names):
    name = r.choice(names)
    match r.choice("stb" if depth == 0 else "stbTRVZJ"):
        case "s":
            return v.Sweep(variable=name)
        case "t":
            return v.Together(variable=name)
        case "b":
            return v.Blocks(variable=name, size=r.randint(1, 3))
        case "R":
            return v.Repeat(times=r.randint(1, 3), body=some_order(r, depth - 1, names))
        case "V":
            return v.Reverse(body=some_order(r, depth - 1, names))
        case "J":
            if len(names) < 2:
                return some_order(r, 0, names)
            cut = r.randint(1, len(names) - 1)
            halves = (names[:cut], names[cut:])
            return v.Joint(parts=tuple(some_order(r, depth - 1, half) for half in halves))
        case kind:
            parts = tuple(some_order(r, depth - 1, names) for _ in range(r.randint(2, 3)))
            return (v.Then if kind == "T" else v.Zip)(parts=parts)


@pytest.mark.parametrize("seed", range(300))
def test_visits_counts_and_kinds(seed):
    r = random.Random(seed)
    sites = {name: r.randint(1, 5) for name in "abc"}
    e = some_order(r, 3, ["a", "b", "c"])
    want, shape = expanded(e, sites), algebra.shape(e, sites)
    assert [{k: set(x) for k, x in visit.items()} for visit in algebra.visits(e, sites)] == want
    assert shape.visits == len(want) == algebra.length(e, sites)
    kinds = Counter(tuple(sorted((n, len(x)) for n, x in visit.items())) for visit in want)
    if shape.exact:
        assert dict(shape.visit_kinds) == dict(kinds)
    else:
        assert all(any(all(dict(b).get(n, 0) >= c for n, c in k) for b in shape.visit_kinds) for k in kinds)
    for n in algebra.variables(e):
        assert all(sum(i in visit.get(n, ()) for visit in want) == shape.per_site[n] for i in range(sites[n]))


def test_repeats_of_a_million_sites_are_not_expanded():
    order = v.Repeat(times=1_000_000, body=v.Shuffle(body=v.Sweep(variable="a")))
    assert algebra.shape(order, {"a": 1_000_000}).visits == 10**12


def test_a_random_scan_is_counted_by_its_weights():
    parts = (v.Sweep(variable="a"), v.Sweep(variable="b"))
    order = v.Repeat(times=10, body=v.RandomScan(parts=parts, weights=(0.7, 0.3)))
    shape = algebra.shape(order, {"a": 4, "b": 4})
    assert sum(shape.visit_kinds.values()) == pytest.approx(shape.visits)
    assert shape.visits_of("a") == pytest.approx(7)


def test_a_joint_order_loses_no_variable():
    parts = (v.Then(parts=(v.Sweep(variable="a"), v.Sweep(variable="b"))), v.Blocks(variable="a", size=2))
    shape = algebra.shape(v.Joint(parts=parts), {"a": 4, "b": 4})
    assert shape.kinds_of("b")
