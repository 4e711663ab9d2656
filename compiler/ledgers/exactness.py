"""The exactness ledger: which visits are exact, and every other error with its size where it is known.

Closed forms: arXiv 2502.13450 and the bound TV(P_T, prior) <= sum over token sites of A_M (a union bound of
1 - prod (1 - A_M)) + sum over vectors of sqrt(ab) E|s| / 2 + sqrt(d (-ab - log(1 - ab))) / 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gencc.dsl import vocabulary as v

from .. import order as algebra
from .. import schedules

LONGEST = 1_000_000


@dataclass(frozen=True)
class VisitLine:
    """One kind of visit: what it holds, how many there are in a trajectory, and whether it is exact."""

    sites: tuple[tuple[str, int], ...]
    count: int
    exact: bool
    chosen: bool = False
    """Whether the sites are chosen by confidence: then even a visit of one is not exact."""

    @property
    def verdict(self) -> str:
        total = sum(n for _, n in self.sites)
        if self.chosen:
            return f"factorised ({total} site{'s' * (total > 1)} chosen by value)"
        return "exact" if self.exact else f"factorised ({total} sites)"


@dataclass(frozen=True)
class PriorLine:
    """How far one variable's end is from its prior, as a bound of the total variation over all its sites."""

    variable: str
    left: float
    bound: float | None
    """None where the noise has a law of its own, which a plug-in knows."""
    note: str


@dataclass(frozen=True)
class StepLine:
    """Inner steps of a continuous variable over the trajectory; the discretisation error falls as 1 / steps."""

    variable: str
    steps: int


@dataclass(frozen=True)
class Exactness:
    """The ledger."""

    visits: tuple[VisitLine, ...]
    priors: tuple[PriorLine, ...]
    steps: tuple[StepLine, ...]

    @property
    def exact(self) -> bool:
        return all(line.exact for line in self.visits)


def _moves(spec: v.Spec, name: str) -> int:
    assert spec.forward is not None
    sites = {x.name: x.sites for x in spec.variables}
    return algebra.moves(spec.forward.order, sites, name, spec.forward.rounds)


def left_over(spec: v.Spec, name: str) -> float | None:
    """A_M of a token variable, ab_N of a vector; None where no table says it."""
    assert spec.forward is not None
    kernel, moves = spec.forward.noise[name], _moves(spec, name)
    try:
        if isinstance(kernel, v.VectorKernel):
            betas = schedules.beta_table(kernel, min(moves * kernel.steps, LONGEST))
            return math.exp(math.fsum(math.log1p(-b) for b in betas))
        if not isinstance(kernel, v.TokenKernel):
            return 0.0
        if isinstance(kernel.keep, v.Table):
            return max(kernel.keep.values[-1], 0.0)
        return max(schedules.at(kernel.keep, 1.0, moves), 0.0)
    except (ValueError, ArithmeticError):
        return None


def exactness(spec: v.Spec) -> Exactness:
    """The ledger of a spec with a forward process."""
    assert spec.forward is not None
    shape = algebra.shape(spec.forward.order, {x.name: x.sites for x in spec.variables})
    chosen = {o.variable for o in algebra.walk(spec.forward.order) if isinstance(o, v.Confidence)}
    visits = [
        VisitLine(
            kind,
            round(count * spec.forward.rounds),
            sum(n for _, n in kind) == 1 and not {name for name, _ in kind} & chosen,
            bool({name for name, _ in kind} & chosen),
        )
        for kind, count in sorted(shape.visit_kinds.items())
    ]
    priors: list[PriorLine] = []
    steps: list[StepLine] = []
    for name, kernel in spec.forward.noise.items():
        x, left = spec.variable(name), left_over(spec, name)
        if left is None:
            continue
        left = 0.0 if left < 1e-12 else left
        if isinstance(kernel, v.VectorKernel):
            d = x.type.shape[-1] if isinstance(x.type, v.Real) else 1
            spread = math.sqrt(d)  # E|s| of a vector of unit variance
            one = (
                math.sqrt(left) * spread / 2 + math.sqrt(max(d * (-left - math.log1p(-left)), 0.0)) / 2
                if left < 1
                else 1.0
            )
            bound = min(1.0, one * x.sites) if isinstance(kernel, v.GaussianKernel) else None
            priors.append(PriorLine(name, left, bound, "assumes unit variance" if bound is not None else ""))
            steps.append(StepLine(name, _moves(spec, name) * kernel.steps))
        else:
            priors.append(PriorLine(name, left, 1 - (1 - left) ** x.sites, ""))
    return Exactness(tuple(visits), tuple(priors), tuple(steps))
