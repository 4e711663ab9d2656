"""The forward process ends close to its prior."""

from __future__ import annotations

from gencc.dsl import vocabulary as v
from gencc.dsl.diagnostics import Diagnostic, Severity

from ..ir import Graph
from ..ledgers.exactness import left_over

FAR = 0.05
"""Share of the data that may be left at the end before the author is warned."""


def check(spec: v.Spec, graph: Graph) -> list[Diagnostic]:
    out: list[Diagnostic] = []
    for name, kernel in (spec.forward.noise if spec.forward else {}).items():
        left = left_over(spec, name)
        if left is not None and left > FAR:
            out.append(
                Diagnostic(
                    "GEN209",
                    f"{left:.0%} of `{name}` is left when its noise ends",
                    kernel.span,
                    severity=Severity.WARNING,
                    note="sampling starts from pure noise, which the trajectory does not reach",
                    help="use a schedule that falls to 0, such as `cosine`, or more rounds",
                )
            )
    return out
