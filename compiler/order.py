"""The order algebra, symbolic: lengths, visit counts and visits by arithmetic, never an expanded list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from gencc.dsl import vocabulary as v


@dataclass(frozen=True)
class Shape:
    """What one round of an order looks like.

    ``visits`` is its length.  ``visit_kinds`` counts visits by what they hold, a sorted tuple of (variable, sites).
    ``per_site`` is how often each site of a variable is visited in one round (an expectation for random scans).
    """

    visits: int
    visit_kinds: Counter[tuple[tuple[str, int], ...]] = field(default_factory=Counter)
    per_site: Mapping[str, float] = field(default_factory=dict)
    fixed: bool = True
    steady: bool = True

    def kinds_of(self, variable: str) -> list[tuple[tuple[str, int], ...]]:
        """The kinds of visit that touch ``variable``."""
        return [kind for kind in self.visit_kinds if any(name == variable for name, _ in kind)]


def shape(order: v.Order, sites: Mapping[str, int]) -> Shape:
    """The shape of one round, in time and memory independent of repeats and sites."""
    match order:
        case v.Sweep():
            n = sites[order.variable]
            return Shape(n, Counter({((order.variable, 1),): n}), {order.variable: 1})
        case v.Together():
            return Shape(1, Counter({((order.variable, sites[order.variable]),): 1}), {order.variable: 1})
        case v.Blocks():
            n, k = sites[order.variable], order.size
            kinds = Counter({((order.variable, min(n, k)),): max(n // k, 0)})
            if n % k:
                kinds[((order.variable, n % k),)] += 1
            return Shape(-(-n // k), Counter({kind: c for kind, c in kinds.items() if c}), {order.variable: 1})
        case v.Confidence():
            n = sites[order.variable]
            kinds = Counter({((order.variable, max(1, n // order.steps)),): order.steps})
            return Shape(order.steps, kinds, {order.variable: 1}, fixed=False)
        case v.Repeat():
            body = shape(order.body, sites)
            kinds = Counter({kind: count * order.times for kind, count in body.visit_kinds.items()})
            per = {name: count * order.times for name, count in body.per_site.items()}
            return Shape(body.visits * order.times, kinds, per, body.fixed, body.steady)
        case v.Reverse():
            return shape(order.body, sites)
        case v.Shuffle():
            body = shape(order.body, sites)
            return Shape(body.visits, body.visit_kinds, body.per_site, False, body.steady)
        case v.Then() | v.Zip():
            parts = [shape(part, sites) for part in order.parts]
            kinds = sum((p.visit_kinds for p in parts), Counter())
            return Shape(
                sum(p.visits for p in parts), kinds, _added(parts), all(p.fixed for p in parts), all(p.steady for p in parts)
            )  # fmt: skip
        case v.Joint():
            return _joint([shape(part, sites) for part in order.parts])
        case v.RandomScan():
            parts = [shape(part, sites) for part in order.parts]
            total = sum(order.weights)
            per: dict[str, float] = {}
            for part, weight in zip(parts, order.weights, strict=True):
                for name, count in part.per_site.items():
                    per[name] = per.get(name, 0.0) + weight / total * count / part.visits
            kinds = Counter({kind: 1 for part in parts for kind in part.visit_kinds})
            return Shape(1, kinds, per, fixed=False, steady=False)
    raise TypeError(order)


def _added(parts: list[Shape]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for name, count in part.per_site.items():
            total[name] = total.get(name, 0) + count
    return total


def _joint(parts: list[Shape]) -> Shape:
    """Merged visits.  Where every part's visits are all alike the kinds are exact; else they are the widest."""
    kinds: Counter[tuple[tuple[str, int], ...]] = Counter()
    done = 0
    for stop in sorted({p.visits for p in parts}):
        merged: Counter[str] = Counter()
        for part in parts:
            if part.visits >= stop:
                for name, size in max(part.visit_kinds, key=lambda kind: sum(n for _, n in kind)):
                    merged[name] += size
        kinds[tuple(sorted(merged.items()))] += stop - done
        done = stop
    fixed = all(p.fixed for p in parts)
    return Shape(done, Counter({k: c for k, c in kinds.items() if c}), _added(parts), fixed, all(p.steady for p in parts))


def variables(order: v.Order) -> set[str]:
    """The variables that an order mentions."""
    if isinstance(order, v.Sweep | v.Together | v.Blocks | v.Confidence):
        return {order.variable}
    if isinstance(order, v.Repeat | v.Reverse | v.Shuffle):
        return variables(order.body)
    if isinstance(order, v.Then | v.Zip | v.Joint | v.RandomScan):
        return set().union(*(variables(part) for part in order.parts))
    return set()


def contains(order: v.Order, kind: type[v.Order]) -> v.Order | None:
    """The first node of ``kind``, if any."""
    if isinstance(order, kind):
        return order
    inner = [order.body] if isinstance(order, v.Repeat | v.Reverse | v.Shuffle) else list(getattr(order, "parts", ()))
    return next((found for part in inner if (found := contains(part, kind))), None)


def shown(order: v.Order, inside: int = 0) -> str:
    """An order in the language's own words."""
    match order:
        case v.Sweep():
            return order.variable
        case v.Together():
            return f"all({order.variable})"
        case v.Blocks():
            return f"blocks({order.variable}, {order.size})"
        case v.Confidence():
            return f"confidence({order.variable}, {order.steps}, {order.schedule.word})"
        case v.Repeat():
            return f"{order.times} * {shown(order.body, 3)}"
        case v.Reverse():
            return f"reverse({shown(order.body)})"
        case v.Shuffle():
            return f"shuffle({shown(order.body)})"
        case v.Zip():
            return f"zip({', '.join(shown(p) for p in order.parts)})"
        case v.RandomScan():
            return f"random({', '.join(f'{shown(p)}: {w:g}' for p, w in zip(order.parts, order.weights, strict=True))})"
        case v.Then():
            text = " -> ".join(shown(p, 2) for p in order.parts)
            return f"({text})" if inside > 1 else text
        case v.Joint():
            text = " & ".join(shown(p, 3) for p in order.parts)
            return f"({text})" if inside > 2 else text
    raise TypeError(order)


def text(order: v.Order, sites: Mapping[str, int]) -> str:
    """An order as Python over `gencc.runtime.order`."""

    def call(name: str, *arguments: str) -> str:
        return f"order.{name}({', '.join(arguments)})"

    def inner(o: v.Order) -> str:
        return text(o, sites)

    match order:
        case v.Sweep():
            return call("sweep", f'"{order.variable}"', str(sites[order.variable]))
        case v.Together():
            return call("together", f'"{order.variable}"', str(sites[order.variable]))
        case v.Blocks():
            return call("blocks", f'"{order.variable}"', str(sites[order.variable]), str(order.size))
        case v.Repeat():
            return call("repeat", str(order.times), inner(order.body))
        case v.Reverse():
            return call("backward", inner(order.body))
        case v.Shuffle():
            return call("shuffle", inner(order.body))
        case v.Then():
            return call("sequence", *map(inner, order.parts))
        case v.Zip():
            return call("alternate", *map(inner, order.parts))
        case v.Joint():
            return call("joint", *map(inner, order.parts))
        case v.RandomScan():
            return call("random_scan", repr(order.weights), *map(inner, order.parts))
    raise TypeError(order)
