"""Which exits of its loop training reads, and what each learns from: the facts behind `distill`."""

from __future__ import annotations

from dataclasses import dataclass

from gencc.dsl import vocabulary as v


@dataclass(frozen=True)
class Read:
    """An exit that training reads: its number of repeats, or the range that it is drawn from."""

    text: str
    """As the spec names it."""
    low: int
    high: int

    @property
    def drawn(self) -> bool:
        return self.low < self.high


@dataclass(frozen=True)
class Edge:
    """A student exit that learns from the truth and from its teacher, whose gradient stops at the edge."""

    student: Read
    teacher: Read
    truth: v.Schedule
    weight: float
    distill: v.Distill


@dataclass(frozen=True)
class Exits:
    """All exits of one loop that training reads."""

    loop: v.Loop
    edges: tuple[Edge, ...]
    """An edge stands after those that its teacher is a student of."""

    @property
    def last(self) -> Read:
        high = self.loop.repeat.high
        return Read(f"{self.loop.name}.last", high, high)

    @property
    def roots(self) -> tuple[Read, ...]:
        """The exits that learn from the truth alone: the last, and teachers that are nobody's students."""
        students = [edge.student for edge in self.edges]
        teachers = [edge.teacher for edge in self.edges if edge.teacher not in students]
        return (self.last, *dict.fromkeys(t for t in teachers if t != self.last))

    @property
    def reads(self) -> tuple[Read, ...]:
        """Every exit once, those of fewer repeats first."""
        every = dict.fromkeys([*self.roots, *(edge.student for edge in self.edges)])
        return tuple(sorted(every, key=lambda read: (read.high, read.low)))


def shown(exit_: v.Exit) -> str:
    """An exit as the spec writes it."""
    if exit_.at == "uniform":
        high = (
            "last" if exit_.high is None else f"last - {-exit_.high}" if exit_.high < 0 else str(exit_.high)
        )
        return f"uniform({exit_.low}, {high})"
    return "last" if exit_.at == "last" else str(exit_.low)


def bounds(exit_: v.Exit, last: int) -> tuple[int, int]:
    """The fewest and the most repeats that an exit may stand for."""
    if exit_.at == "last":
        return last, last
    high = last if exit_.high is None else exit_.high if exit_.high > 0 else last + exit_.high
    return exit_.low or 1, high


def exits(spec: v.Spec) -> Exits | None:
    """The exits that a spec without errors reads in training; None if it distils nothing."""
    if not isinstance(spec.denoiser, v.Transformer):
        return None
    used = [d for d in spec.distills if d.weight]
    names = [d.student.loop for d in used]
    loop = next((loop for loop in spec.denoiser.loops if loop.name in names), None)
    if loop is None:
        return None
    last = loop.repeat.high

    def read(exit_: v.Exit) -> Read:
        low, high = bounds(exit_, last)
        number = f"{loop.name}.{shown(exit_)}"
        return Read(f"{loop.name}.last" if low == last else number, low, high)

    edges = [Edge(read(d.student), read(d.teacher), d.truth, d.weight, d) for d in used]
    ordered: list[Edge] = []
    while edges:
        waiting = {edge.student for edge in edges}
        ready = next(edge for edge in edges if edge.teacher not in waiting)
        ordered.append(ready)
        edges.remove(ready)
    return Exits(loop, tuple(ordered))


def elastic(spec: v.Spec) -> v.Loop | None:
    """The loop whose count sampling may choose: the one that distils, else the only one that repeats."""
    found = exits(spec)
    if found is not None:
        return found.loop
    if not isinstance(spec.denoiser, v.Transformer):
        return None
    repeating = [loop for loop in spec.denoiser.loops if loop.repeat.high > 1]
    return repeating[0] if len(repeating) == 1 else None
