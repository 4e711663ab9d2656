"""The passes, each a function from program to program in its own file, in the order they run.

`-O0` emits the plain program; `-O1` applies every pass that leaves the sampled law as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..program import Program
from . import fold_visits, gather_queried, prune_last_layer, score_pending, trim_plates


@dataclass(frozen=True)
class Pass:
    """A pass: what it is for, what it preserves, and the function, which also says what it did."""

    name: str
    purpose: str
    preserves: str
    run: Callable[[Program], tuple[Program, list[str]]]


PASSES: tuple[Pass, ...] = (
    # All look at the spec alone, so their order is that of the gain that a reader sees: sites of a state, rows of heads, rows of the last
    # layer, elements; then what makes the program shorter rather than faster.
    Pass("score_pending", score_pending.PURPOSE, score_pending.PRESERVES, score_pending.run),
    Pass("gather_queried", gather_queried.PURPOSE, gather_queried.PRESERVES, gather_queried.run),
    Pass("prune_last_layer", prune_last_layer.PURPOSE, prune_last_layer.PRESERVES, prune_last_layer.run),
    Pass("trim_plates", trim_plates.PURPOSE, trim_plates.PRESERVES, trim_plates.run),
    Pass("fold_visits", fold_visits.PURPOSE, fold_visits.PRESERVES, fold_visits.run),
)


def optimise(program: Program, level: int) -> Program:
    """The program after the passes of a level, with a remark per decision."""
    remarks: list[str] = []
    for one in PASSES if level else ():
        program, said = one.run(program)
        remarks += [f"{one.name}: {text} (preserves {one.preserves})" for text in said]
    return replace(program, remarks=tuple(remarks))
