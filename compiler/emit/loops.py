"""What the templates see of loops and distillation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gencc.dsl import vocabulary as v

from .. import exits as reading
from .. import schedules
from ..program import Program, identifiers


def context(program: Program) -> dict[str, Any]:
    """The entries of the context that loops and distillation add."""
    spec = program.spec
    found, elastic = reading.exits(spec), reading.elastic(spec)
    repeating = [loop for loop in getattr(spec.denoiser, "loops", ()) if loop.repeat.high > 1]
    signature, parameter = "(self, x: dict[str, Tensor]) -> Tensor", ""
    if elastic is not None:
        parameter = f", loops: int = {elastic.repeat.high}"
        signature = f"(self, x: dict[str, Tensor]{parameter}) -> Tensor"
    if found is not None:
        last = found.last.high
        signature = f"(self, x: dict[str, Tensor], exits: tuple[int, ...] = ({last},)) -> list[Tensor]"
    return {
        "distilled": _distilled(program, found) if found else None,
        "elastic": _elastic(program, elastic) if elastic else None,
        "looped": bool(repeating),
        "trunk_signature": signature,
        "loops_parameter": parameter,
    }


def extras(spec: v.Spec) -> list[SimpleNamespace]:
    """The loop count as an option of the sampler's: name, type, default, and how a visit gets it."""
    loop, chosen = reading.elastic(spec), spec.sample.loops
    if loop is None:
        return []
    if chosen is None or isinstance(chosen, int):
        count = chosen or loop.repeat.high
        return [SimpleNamespace(name="loops", type="int", default=count, visits="int", passed="loops")]
    now = "LOOPS[visit.time] if loops is None else loops"
    return [SimpleNamespace(name="loops", type="int | None", default=None, visits="int", passed=now)]


def stages(spec: v.Spec) -> list[SimpleNamespace]:
    """The groups of blocks in the order they run."""
    d = spec.denoiser
    assert isinstance(d, v.Transformer)
    elastic, found = reading.elastic(spec), reading.exits(spec)
    names = identifiers([loop.name for loop in d.loops])
    out = []
    if d.layers or not d.loops:
        out.append(SimpleNamespace(py="first", layers=d.layers or 4, argument="", looped=False, exits=False))
    for loop in d.loops:
        looped = loop.repeat.high > 1
        count = "loops" if loop is elastic else str(loop.repeat.high)
        out.append(
            SimpleNamespace(
                py=f"{names[loop.name].rstrip('_')}_loop",
                layers=loop.layers,
                argument=f", {count}" if looped else "",
                looped=looped,
                exits=found is not None and loop is elastic,
            )
        )
    return out


def _elastic(program: Program, loop: v.Loop) -> SimpleNamespace:
    chosen = program.spec.sample.loops
    schedule = schedules.text(chosen, program.visits) if chosen and not isinstance(chosen, int) else ""
    line = program.line(program.spec.sample.where("loops") if chosen is not None else loop.where("repeat"))
    return SimpleNamespace(
        name=loop.name,
        high=loop.repeat.high,
        loops=chosen if isinstance(chosen, int) else loop.repeat.high,
        schedule=schedule,
        shown=program.source.excerpt(program.spec.sample.where("loops")) if schedule else "",
        line=line,
    )


def _distilled(program: Program, found: reading.Exits) -> SimpleNamespace:
    """Names for the exits, their states and predictions, and for what a step draws."""
    seen: dict[reading.Read, SimpleNamespace] = {}
    course: list[tuple[str, str, str]] = []
    parameters: list[str] = []
    drawn = 0
    for read in found.reads:
        if read.drawn:
            drawn += 1
            tail = f"_{drawn}" if drawn > 1 else ""
            seen[read] = SimpleNamespace(
                count=f"student{tail}", state=f"early{tail}", prefix=f"early{tail}_", label=f" student{tail}"
            )
            text = f"int(torch.randint({read.low}, {read.high + 1}, (), generator=generator))"
            course.append((f"student{tail}", text, read.text))
            parameters.append(f"student{tail}: int")
        elif read == found.last:
            seen[read] = SimpleNamespace(count=str(read.low), state="h", prefix="", label="")
        else:
            k = read.low
            seen[read] = SimpleNamespace(
                count=str(k), state=f"exit_{k}", prefix=f"exit_{k}_", label=f" exit {k}"
            )
        seen[read].text = read.text
    edges, truths = [], 0
    for edge in found.edges:
        line = program.line(edge.distill.span)
        if isinstance(edge.truth, v.Constant):
            truth = repr(edge.truth.value)
        else:
            truths += 1
            truth = f"truth_{truths}" if truths > 1 else "truth"
            course.append((truth, schedules.scalar(edge.truth, "progress"), ""))
            parameters.append(f"{truth}: float")
        student, teacher = seen[edge.student], seen[edge.teacher]
        several = sum(e.student == edge.student for e in found.edges) > 1
        edges.append(
            SimpleNamespace(
                student=student,
                teacher=teacher,
                truth=truth,
                weight="" if edge.weight == 1 else f"{edge.weight!r} * ",
                label=student.label + (f" from {edge.teacher.text}" if several else ""),
                line=line,
                note=f"{edge.student.text} learns from the truth"
                + ("" if truth == "1.0" else f" and from {edge.teacher.text}, whose gradient stops here"),
            )
        )
    names = [seen[read] for read in found.reads]
    students = [seen[read].count for read in found.reads if read.drawn]
    return SimpleNamespace(
        course=course,
        parameters="".join(f", {p}" for p in parameters),
        doc=f"; {' and '.join(f'``{s}``' for s in students)} repeats make the student" if students else "",
        states=", ".join(n.state for n in names),
        counts=", ".join(n.count for n in names),
        roots=[seen[read] for read in found.roots if read != found.last],
        edges=edges,
        maths=any("math." in text for _, text, _ in course),
        blends=any(edge.truth != "1.0" for edge in edges),
    )
