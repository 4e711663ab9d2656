"""A loop count at sampling: there is one loop that it counts, and it can be run."""

from __future__ import annotations

from gencc.dsl import vocabulary as v
from gencc.dsl.diagnostics import Diagnostic, Label

from .. import schedules
from ..exits import elastic
from ..ir import Graph

MOST = 1_000
"""Beyond this many repeats a count is a mistake."""


def check(spec: v.Spec, graph: Graph) -> list[Diagnostic]:
    chosen = spec.sample.loops
    if chosen is None:
        return []
    where = spec.sample.where("loops")
    loop = elastic(spec)
    if loop is None:
        loops = spec.denoiser.loops if isinstance(spec.denoiser, v.Transformer) else ()
        repeating = [x for x in loops if x.repeat.high > 1]
        return [
            Diagnostic(
                "GEN323",
                "several loops repeat" if repeating else "no loop repeats",
                where,
                labels=tuple(Label(x.span, "this one") for x in repeating),
                note="`loops` counts the repeats of one loop",
                help="leave `loops` out, or let one loop repeat: `loop core { layers = 2, repeat = 1..4 }`",
            )
        ]
    usage = "write a number from 1 up, or a schedule such as `linear(2 -> 8)`"
    if isinstance(chosen, int):
        values = [float(chosen)]
    else:
        try:
            values = [schedules.at(chosen, k / 100, 1) for k in range(101)]
        except (ArithmeticError, ValueError, TypeError) as error:
            message = f"the loop count has no value all through the trajectory ({error})"
            return [Diagnostic("GEN324", message, where, help=usage)]
    if any(round(value) < 1 or value > MOST for value in values):
        worst = min(values) if round(min(values)) < 1 else max(values)
        message = f"the loop count reaches {worst:g}"
        return [Diagnostic("GEN324", message, where, help=usage)]
    return []
