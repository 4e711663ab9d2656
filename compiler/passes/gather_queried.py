"""Heads run on the rows that a visit asks about, not on all of them."""

from __future__ import annotations

from dataclasses import replace

from ..program import Program

PURPOSE = "compute predictions only for the sites that a visit can ask about"
PRESERVES = "the sampled law; the loss up to the order of sums"


def run(program: Program) -> tuple[Program, list[str]]:
    """Each variable's heads take as many rows as its widest visit has sites."""
    remarks: list[str] = []
    alone: list[str] = []
    out = []
    for x in program.vars:
        if x.noised and x.most < x.sites:
            remarks.append(f"applied to {x.name}: {x.most} of {x.sites} rows")
        elif x.noised and x.sites == 1:
            alone.append(x.name)
        elif x.noised:
            remarks.append(f"not applied to {x.name}: a visit may ask for all of its {x.sites} rows")
        out.append(replace(x, rows=x.most) if x.noised else x)
    if alone:
        remarks.append(f"not applied to {', '.join(alone)}: one row is all there is")
    return replace(program, vars=tuple(out)), remarks
