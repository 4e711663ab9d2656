"""Distillation edges: exits exist, the student stops before its teacher, and no exit teaches itself."""

from __future__ import annotations

from gencc.dsl import vocabulary as v
from gencc.dsl.diagnostics import Diagnostic, Label

from ..ir import Graph


def check(spec: v.Spec, graph: Graph) -> list[Diagnostic]:
    loops = (
        {loop.name: loop for loop in spec.denoiser.loops} if isinstance(spec.denoiser, v.Transformer) else {}
    )
    out: list[Diagnostic] = []
    for distill in spec.distills:
        ends: dict[str, tuple[int, int]] = {}
        outside = False
        for role in ("teacher", "student"):
            exit_: v.Exit = getattr(distill, role)
            loop = loops.get(exit_.loop or "")
            if loop is None:
                continue
            last = loop.repeat.high
            low, high = _range(exit_, last)
            ends[role] = (low, high)
            if high > last or low < 1 or low > high:
                outside = True
                out.append(
                    Diagnostic(
                        "GEN309",
                        f"the {role}'s exit {low}..{high} is outside `{loop.name}`, which runs at most {last} times",
                        exit_.span,
                        labels=(Label(loop.where("repeat"), "the loop's range"),),
                        help=f"use an exit between 1 and {last}",
                    )
                )
        if (
            len(ends) == 2
            and distill.teacher.loop == distill.student.loop
            and not outside
            and ends["student"][1] >= ends["teacher"][0]
        ):
            out.append(
                Diagnostic(
                    "GEN310",
                    "the student may stop where its teacher does",
                    distill.student.span,
                    labels=(Label(distill.teacher.span, "the teacher"),),
                    note="a student learns from an exit that has computed more",
                    help="write `student = NAME.uniform(1, last - 1)` with `teacher = NAME.last`",
                )
            )
    cycle = graph.cycle("distils-from")
    if cycle:
        names = [graph.node(key).name for key in cycle]
        labels = tuple(Label(graph.node(key).span, "and this one") for key in cycle[1:])
        out.append(
            Diagnostic(
                "GEN311",
                f"exits teach each other in a circle: {' -> '.join([*names, names[0]])}",
                graph.node(cycle[0]).span,
                labels=labels,
                note="no exit of the circle would ever see the data",
                help="remove one of the `distill` blocks",
            )
        )
    return out


def _range(exit_: v.Exit, last: int) -> tuple[int, int]:
    if exit_.at == "last":
        return last, last
    high = last if exit_.high is None else exit_.high if exit_.high > 0 else last + exit_.high
    return exit_.low or 1, high
