"""Limits in the plan: what is run, on how many points, what it takes, and what is expected of it."""

from __future__ import annotations

from typing import Any

from gencc.dsl import vocabulary as v

from .ledgers.cost import amount
from .limits import quantities, unbounded, views_read

DOUBLE = 8
"""Bytes of a number: studies are run in float64."""


def lines(limits: tuple[v.Limit, ...]) -> list[str]:
    """A section for each limit, for a reader."""
    out: list[str] = []
    for limit in limits:
        said = facts(limit)
        out += ["", f"limit {limit.name}"]
        out.append(
            f"  network     {said['network']}, {limit.network.outputs} outputs, start {limit.start.word}"
        )
        for loss in said["losses"]:
            fate = (
                "no lower bound: the kernel is lost at about log M / 2 rho"
                if loss["unbounded"]
                else "bounded below"
            )
            out.append(f"  loss        {loss['name']}; {fate}")
        out.append(f"  points      {said['points']:,}, {said['data']}")
        out.append(
            f"  flow        {said['steps']:,} steps of {limit.flow.step:g} to time {limit.flow.time:g}"
        )
        widths = f"widths {', '.join(map(str, said['widths']))}" if said["widths"] else "the denoiser's width"
        out.append(f"  runs        {said['runs']}: {widths}; {limit.seeds} seeds")
        kernels = [f"{name} {amount(size, 'B')}" for name, size in said["kernels"].items()]
        out.append(f"  kernels     {', '.join(kernels)}")
        out.append(f"  measures    {', '.join(said['measures'])}")
    return out


def facts(limit: v.Limit) -> dict[str, Any]:
    """The same for a program."""
    denoised = isinstance(limit.network, v.DenoiserState)
    points = limit.data.count * max(
        views_read(loss, isinstance(limit.data, v.Triples)) for loss in limit.loss
    )
    outputs = limit.network.outputs
    widths = () if denoised else tuple(sorted(limit.widths))
    whole = any(
        isinstance(m, v.Representation) or (isinstance(m, v.Drift) and "full" in m.kernels)
        for m in limit.measure
    )
    kernels = {"trace": DOUBLE * points**2} | ({"full": DOUBLE * (points * outputs) ** 2} if whole else {})
    return {
        "name": limit.name,
        "network": limit.network.word,
        "losses": [
            {"name": label, "unbounded": limit.constraint is None and unbounded(loss)}
            for label, loss in zip(limit.labels, limit.loss, strict=True)
        ],
        "data": f"{limit.data.count} {limit.data.word} of {'noised states' if denoised else limit.data.source.word}",
        "points": points,
        "steps": round(limit.flow.time / limit.flow.step),
        "widths": list(widths),
        "seeds": limit.seeds,
        "runs": len(limit.loss) * max(len(widths), 1) * limit.seeds,
        "kernels": kernels,
        "measures": quantities(limit),
    }
