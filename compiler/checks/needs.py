"""What needs something that the spec does not have: data to count, a layout to measure, rounds to refine."""

from __future__ import annotations

from gencc.dsl import vocabulary as v
from gencc.dsl.diagnostics import Diagnostic, Severity

from ..ir import Graph


def check(spec: v.Spec, graph: Graph) -> list[Diagnostic]:
    out: list[Diagnostic] = []
    forward = spec.forward
    if forward is not None and spec.sample.refine is not None and spec.sample.refine.rounds > forward.rounds:
        out.append(
            Diagnostic(
                "GEN211",
                f"refinement puts on {spec.sample.refine.rounds} rounds of noise, the process has {forward.rounds}",
                spec.sample.where("refine"),
                help=f"use at most {forward.rounds} rounds",
            )
        )
    if spec.data is None:
        for x in spec.variables:
            if isinstance(x.type, v.Discrete) and x.type.from_data:
                out.append(
                    Diagnostic(
                        "GEN212",
                        f"`{x.name}` takes its values from data, and the spec has none",
                        x.where("type"),
                        help='add `data { source = ".." }`, or list the values: `discrete(26)`',
                    )
                )
    if spec.evaluate.metrics and not _has_layout(spec):
        out.append(
            Diagnostic(
                "GEN213",
                "there is no layout to measure",
                spec.evaluate.span,
                severity=Severity.WARNING,
                note="these metrics need a plate with a discrete variable and a `real(4) in [..]` box",
                help="remove `evaluate`",
            )
        )
    return out


def _has_layout(spec: v.Spec) -> bool:
    for plate in spec.plates:
        members = [spec.variable(name) for name in plate.variables]
        boxes = [
            x
            for x in members
            if isinstance(x.type, v.Real) and x.type.shape == (4,) and x.type.low is not None
        ]
        if boxes and any(x.is_discrete for x in members):
            return True
    return False


def programs(spec: v.Spec, kinds: set[str]) -> list[Diagnostic]:
    """What the programs that were asked for lack; `train` and `sample` read data and learn."""
    asked = sorted(kinds & {"train", "sample"})
    if not asked or spec.denoiser is None:
        return []
    if isinstance(spec.denoiser, v.Exact):
        return [
            Diagnostic(
                "GEN312",
                f"an exact denoiser has nothing to {asked[0]} from",
                spec.denoiser.span,
                note="it is the true conditional already; it serves to test the emitted model",
                help="emit `model` only, or use `denoiser transformer { .. }`",
            )
        ]
    if spec.data is None:
        return [
            Diagnostic(
                "GEN214",
                f"the spec has no data, and `{asked[0]}` needs some",
                spec.span,
                help='add `data { source = "parquet:PATH" }`',
            )
        ]
    return []
