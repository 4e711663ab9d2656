"""The plan's lines on loops and distillation: what repeats, which exit learns from which, where gradients stop."""

from __future__ import annotations

from gencc.dsl import vocabulary as v

from .exits import Exits, File, elastic, exits
from .program import Program


def lines(program: Program) -> list[str]:
    """Empty where nothing repeats."""
    spec = program.spec
    loops = spec.denoiser.loops if isinstance(spec.denoiser, v.Transformer) else ()
    if not any(loop.repeat.high > 1 or loop.loops for loop in loops):
        return []
    chosen = elastic(spec)
    out = ["", "loops"]
    for loop in loops:
        out += _loop(program, loop, loop is chosen, "  ")
    found = exits(spec)
    return out if found is None else [*out, *_edges(program, found)]


def _loop(program: Program, loop: v.Loop, counted: bool, margin: str) -> list[str]:
    """A loop's line, and those of the loops inside it."""
    count = f"{loop.layers} layer{'s' * (loop.layers > 1)} x {loop.repeat.high}"
    if loop.draw is not None:
        count = count.removesuffix(str(loop.repeat.high)) + f"{loop.repeat.low}..{loop.repeat.high}"
        count += f", drawn once a step ({loop.draw.word}),"
    notes = [
        "" if loop.share else "each repeat has weights of its own",
        "the input is added again before each repeat" if loop.input == "reinject" else "",
        "the repeat's number is embedded" if loop.index == "embed" else "",
        f"adapters of rank {loop.adapter.rank} for each repeat" if loop.adapter else "",
        "activations are computed again in the backward pass" if loop.checkpoint else "",
        f"the last {loop.backprop.repeats} repeats carry gradients" if loop.backprop else "",
        f"sampling runs {_sampled(program, loop)}" if counted else "",
    ]
    line = "; ".join([f"{margin}{loop.name:<11} {count} in training", *filter(None, notes)])
    return [line, *(text for inner in loop.loops for text in _loop(program, inner, False, margin + "  "))]


def _sampled(program: Program, loop: v.Loop) -> str:
    count = program.spec.sample.loops
    if count is None:
        return f"{loop.repeat.high}, or as many as asked" + _until(program)
    shown = program.source.excerpt(program.spec.sample.where("loops"))
    beyond = isinstance(count, int) and count > loop.repeat.high
    return (
        f"{shown}, or as many as asked"
        + (": more than training, quality may fall" if beyond else "")
        + _until(program)
    )


def _until(program: Program) -> str:
    until = program.spec.sample.until
    return f", and ends early where a repeat changes rows by at most {until.tolerance:g}" if until else ""


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
        if edge.teacher is None:
            out.append("    learns from the truth")
            continue
        said = edge.distill.says("truth")
        truth = program.source.excerpt(edge.distill.where("truth")) if said else "linear(1 -> 0)"
        out.append(
            f"    learns from the truth by {truth} over training, and by the rest from {edge.teacher.text}"
        )
        if isinstance(edge.teacher, File):
            described = f", described by {edge.teacher.spec}," if edge.teacher.spec else ""
            out.append(f"    that network{described} is run once a step, and stays as it is")
            continue
        out.append(f"    the gradient stops at {edge.teacher.text}: teachers do not learn from students")
    return out
