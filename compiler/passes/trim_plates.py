"""Plates are only as long as they have to be: examples are put together by length and cut to the longest."""

from __future__ import annotations

from dataclasses import replace

from ..program import Program

PURPOSE = "spend no time on elements that no example of a batch has"
PRESERVES = "every loss and sample, up to the order of sums: absent elements are seen by nobody"


def run(program: Program) -> tuple[Program, list[str]]:
    """Applied to every spec with a plate."""
    plates = [p.name for p in program.spec.plates if p.variables]
    if not plates:
        return program, ["not applied: there is no plate"]
    return replace(program, trim=True), [f"applied to plate {', '.join(plates)}"]
