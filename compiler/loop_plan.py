"""The plan's lines on loops and distillation: what repeats, which exit learns from which, where gradients stop."""

from __future__ import annotations

from gencc.dsl import vocabulary as v

from .exits import Exits, elastic, exits
from .program import Program


def lines(program: Program) -> list[str]:
    """Empty where nothing repeats."""
    spec = program.spec
    loops = spec.denoiser.loops if isinstance(spec.denoiser, v.Transformer) else ()
    if not any(loop.repeat.high > 1 for loop in loops):
        return []
    chosen = elastic(spec)
    out = ["", "loops"]
    for loop in loops:
        layers = f"{loop.layers} layer{'s' * (loop.layers > 1)}"
        text = f"  {loop.name:<11} {layers} x {loop.repeat.high} in training"
        out.append(text + (f"; sampling runs {_sampled(program, loop)}" if loop is chosen else ""))
    found = exits(spec)
    return out if found is None else [*out, *_edges(program, found)]


def _sampled(program: Program, loop: v.Loop) -> str:
    count = program.spec.sample.loops
    if count is None:
        return f"{loop.repeat.high}, or as many as asked"
    shown = program.source.excerpt(program.spec.sample.where("loops"))
    beyond = isinstance(count, int) and count > loop.repeat.high
    return f"{shown}, or as many as asked" + (": more than training, quality may fall" if beyond else "")


def _edges(program: Program, found: Exits) -> list[str]:
    out = ["", "distillation, in one run of the network"]
    for root in found.roots:
        out.append(f"  {root.text} learns from the truth, weight 1")
    for edge in found.edges:
        weight = "" if edge.weight == 1 else f", weight {edge.weight:g}"
        draw = (
            f": one of {edge.student.low}..{edge.student.high}, drawn once a step"
            if edge.student.drawn
            else ""
        )
        out.append(f"  {edge.student.text}{draw}{weight}")
        truth = (
            program.source.excerpt(edge.distill.where("truth"))
            if edge.distill.says("truth")
            else "linear(1 -> 0)"
        )
        out.append(
            f"    learns from the truth by {truth} over training, and by the rest from {edge.teacher.text}"
        )
        out.append(f"    the gradient stops at {edge.teacher.text}: teachers do not learn from students")
    return out
