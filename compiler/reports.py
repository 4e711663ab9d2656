"""Which measures fit which state: a report is a class of the runtime and how it is told about the spec's variables."""

from __future__ import annotations

from dataclasses import dataclass

from gencc.dsl import vocabulary as v

METRICS = {
    "Layouts": ("alignment", "overlap", "max_iou"),
    "Formulas": ("satisfied", "clauses"),
    "Molecules": ("atom_stability", "molecule_stability", "validity", "uniqueness"),
    "Tables": ("shapes", "trends", "detection"),
}
MODULES = {"Layouts": "layouts", "Formulas": "formulas", "Molecules": "molecules", "Tables": "tables"}
NEEDS = {
    "Layouts": "a plate with a discrete variable and a `real(4) in [..]` box",
    "Formulas": "a plate with a noised `discrete(2)`, and one with three given discrete variables, the literals",
    "Molecules": "a plate with a discrete variable whose values are listed, the symbols, and a `real(3)` position",
    "Tables": "variables outside plates",
}


@dataclass(frozen=True)
class Report:
    """``cls`` of ``runtime.module``, its positional arguments, and the metrics it is asked for."""

    cls: str
    arguments: tuple[object, ...]
    metrics: tuple[str, ...]

    @property
    def module(self) -> str:
        return MODULES[self.cls]


def find(spec: v.Spec) -> Report | None:
    """The report of the first kind that the spec's metrics ask for and its state fits."""
    for cls, names in METRICS.items():
        metrics = tuple(m for m in spec.evaluate.metrics if m in names)
        arguments = _FITS[cls](spec) if metrics else None
        if arguments is not None:
            return Report(cls, arguments, metrics)
    return None


def unmet(spec: v.Spec) -> list[tuple[str, str]]:
    """Metrics that measure nothing here, each with what it needs."""
    found = find(spec)
    out: list[tuple[str, str]] = []
    for cls, names in METRICS.items():
        if found is None or found.cls != cls:
            out += [(m, NEEDS[cls]) for m in spec.evaluate.metrics if m in names]
    return out


def _plates(spec: v.Spec) -> list[tuple[v.Plate, list[v.Variable]]]:
    return [(p, [spec.variable(name) for name in p.variables]) for p in spec.plates]


def _layouts(spec: v.Spec) -> tuple[object, ...] | None:
    for plate, members in _plates(spec):
        boxes = [
            x
            for x in members
            if isinstance(x.type, v.Real) and x.type.shape == (4,) and x.type.low is not None
        ]
        tokens = [x for x in members if x.is_discrete]
        if boxes and tokens:
            return plate.name, tokens[0].name, boxes[0].name
    return None


def _formulas(spec: v.Spec) -> tuple[object, ...] | None:
    noised = set(spec.forward.noise) if spec.forward else set()
    bits = clauses = None
    for plate, members in _plates(spec):
        binary = [
            x for x in members if isinstance(x.type, v.Discrete) and x.type.size == 2 and x.name in noised
        ]
        literals = [x.name for x in members if x.is_discrete and x.name not in noised]
        if binary:
            bits = (plate.name, binary[0].name)
        if len(literals) == 3:
            clauses = (plate.name, tuple(literals))
    return (*bits, *clauses) if bits and clauses else None


def _molecules(spec: v.Spec) -> tuple[object, ...] | None:
    for plate, members in _plates(spec):
        places = [x for x in members if isinstance(x.type, v.Real) and x.type.shape == (3,)]
        atoms = [x for x in members if isinstance(x.type, v.Discrete) and x.type.values]
        if places and atoms:
            kind = atoms[0].type
            assert isinstance(kind, v.Discrete)
            return plate.name, atoms[0].name, places[0].name, kind.values
    return None


def _tables(spec: v.Spec) -> tuple[object, ...] | None:
    return () if spec.variables and all(x.plate is None for x in spec.variables) else None


_FITS = {"Layouts": _layouts, "Formulas": _formulas, "Molecules": _molecules, "Tables": _tables}
