"""The shaped level lies on the trajectory; a group accepts no more than it has."""

from __future__ import annotations

from gencc.dsl import vocabulary as v
from gencc.dsl.diagnostics import Diagnostic

from .. import order as algebra
from ..ir import Graph


def check(spec: v.Spec, graph: Graph) -> list[Diagnostic]:
    out: list[Diagnostic] = []
    for shape in spec.shapes:
        if spec.forward is not None and isinstance(shape.at, v.AtRound | v.AtVisit | v.AtStep):
            visits = (
                algebra.shape(spec.forward.order, {x.name: x.sites for x in spec.variables}).visits
                * spec.forward.rounds
            )
            steps = max(
                (
                    k.steps
                    for k in spec.forward.noise.values()
                    if isinstance(k, v.VectorKernel | v.FlowKernel)
                ),
                default=1,
            )
            most = {"round": spec.forward.rounds, "visit": visits, "step": visits * steps}[shape.at.word]
            if shape.at.index > most:
                out.append(
                    Diagnostic(
                        "GEN404",
                        f"{shape.at.word} {shape.at.index:,} is past the end of the trajectory",
                        shape.at.span,
                        note=f"the trajectory has {most:,} {shape.at.word}s",
                        help=f"use at most {most:,}",
                    )
                )
        if isinstance(shape.select, v.Top) and shape.select.keep >= shape.select.of:
            out.append(
                Diagnostic(
                    "GEN405",
                    f"top({shape.select.keep} of {shape.select.of}) accepts every sample",
                    shape.select.span,
                    note="selection changes nothing",
                    help="accept fewer than there are",
                )
            )
        if shape.dedup is not None:
            for name in shape.dedup.variables:
                if all(x.name != name for x in spec.variables):
                    out.append(
                        Diagnostic(
                            "GEN406",
                            f"`{name}` is not a variable",
                            shape.dedup.span,
                            help="list variables of the spec",
                        )
                    )
    return out
