"""Where each visit asks about every site, nothing is left of orders: a visit is a number."""

from __future__ import annotations

from dataclasses import replace

from gencc.dsl import vocabulary as v

from .. import order as algebra
from ..program import Program

PURPOSE = "leave out masks and counts of visits that are known before the program runs"
PRESERVES = "every loss and sample up to the order of sums, given the same draws"


def run(program: Program) -> tuple[Program, list[str]]:
    """Applied to orders that are one visit of everything a round, and to `confidence` by itself."""
    forward, noised = program.spec.forward, program.noised
    assert forward is not None
    if isinstance(forward.order, v.Confidence):
        return _confidence(program, forward.order)
    (kind, *more) = program.shape.visit_kinds
    if more or program.shape.visits > 1 or not (program.shape.fixed and program.shape.exact):
        return program, ["not applied: a round has several visits, or draws them"]
    if dict(kind) != {x.name: x.sites for x in noised}:
        return program, ["not applied: a visit leaves out some sites"]
    if isinstance(program.spec.denoiser, v.Transformer) and program.spec.denoiser.inner == "row":
        return program, ["not applied: `inner = row` tells the sites that a visit asks about from the others"]
    names = ", ".join(x.name for x in noised)
    return replace(program, whole=True), [f"applied: each visit asks about all of {names}"]


def _confidence(program: Program, order: v.Confidence) -> tuple[Program, list[str]]:
    (x,) = program.noised
    if x.plate is not None or x.givable:
        return program, [f"not applied: how many of {x.name} are masked differs between examples"]
    if program.spec.shapes:
        return program, ["not applied: shaping needs the trajectory's masks"]
    masked = algebra.still_masked(order, x.sites)
    return replace(program, masked=masked), [
        f"applied: {x.name} are masked by a plan, the same for all examples"
    ]
