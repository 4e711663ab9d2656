"""Distillation edges: exits exist, in one loop, the student stops before its teacher, and no exit teaches itself."""

from __future__ import annotations

from gencc.dsl import vocabulary as v
from gencc.dsl.diagnostics import Diagnostic, Label

from .. import schedules
from ..exits import bounds
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
            low, high = bounds(exit_, last)
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
        out += _forms(distill)
    used = dict.fromkeys(e.loop for d in spec.distills for e in (d.student, d.teacher) if e.loop)
    if len(used) > 1:
        first = next(d for d in spec.distills if d.student.loop in used)
        other = next(
            e
            for d in spec.distills
            for e in (d.student, d.teacher)
            if e.loop and e.loop != first.student.loop
        )
        out.append(
            Diagnostic(
                "GEN320",
                f"exits of {' and '.join(f'`{n}`' for n in used)}",
                other.span,
                labels=(Label(first.student.span, "the first loop's exit"),),
                note="training reads the exits of one loop; the others run their maximum",
                help=f"use exits of `{first.student.loop}` in every `distill`",
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


def _forms(distill: v.Distill) -> list[Diagnostic]:
    """The student is an exit, the teacher too, and the truth has a weight in [0, 1] all through training."""
    out = []
    for role in ("teacher", "student"):
        exit_: v.Exit = getattr(distill, role)
        if exit_.at == "checkpoint":
            out.append(
                Diagnostic(
                    "GEN322",
                    f"the {role} cannot be a file",
                    exit_.span,
                    note="both ends of an edge are exits of the network that is trained",
                    help="use an exit, `core.last`",
                )
            )
    where = distill.where("truth")
    usage = "use a schedule that stays in [0, 1], such as `linear(1 -> 0)` or `cosine`"
    if isinstance(distill.truth, v.Geometric):
        note = "`geometric` counts visits, and training has none"
        out.append(
            Diagnostic("GEN321", "the truth's weight cannot be geometric", where, note=note, help=usage)
        )
        return out
    try:
        values = [schedules.at(distill.truth, k / 100, 1) for k in range(101)]
    except (ArithmeticError, ValueError, TypeError) as error:
        message = f"the truth's weight has no value all through training ({error})"
        return [*out, Diagnostic("GEN321", message, where, help=usage)]
    if not all(-1e-9 <= value <= 1 + 1e-9 for value in values):
        worst = max(values, key=lambda value: abs(value - 0.5))
        message = f"the truth's weight reaches {worst:g}"
        note = "the rest of 1 goes to distillation"
        out.append(Diagnostic("GEN321", message, where, note=note, help=usage))
    return out
