"""What checks and emitters derive from a `limit` block."""

from __future__ import annotations

from gencc.dsl import vocabulary as v

Loss = v.BarlowTwins | v.Contrastive | v.Vicreg


def unbounded(loss: Loss) -> bool:
    """Whether the loss has no lower bound.  That, not dot against cosine, decides whether the kernel can stay."""
    if not isinstance(loss, v.Contrastive) or loss.similarity == "cosine":
        return False
    paired = isinstance(loss.form, v.SpectralForm) and loss.negatives == "paired"
    return isinstance(loss.form, v.LinearForm) or paired


def views_read(loss: Loss, triples: bool) -> int:
    """How many views the loss reads; the linear form does without negatives where there are none."""
    if not isinstance(loss, v.Contrastive):
        return 2
    match loss.form:
        case v.LinearForm():
            return 3 if triples else 2
        case v.TripletForm():
            return 3
        case v.SpectralForm():
            return 3 if loss.negatives == "paired" else 2
        case _:
            return 2


def quantities(limit: v.Limit) -> list[str]:
    """Names of the numbers that a run leaves and an expectation may be about."""
    names: list[str] = []
    for measure in limit.measure:
        match measure:
            case v.Drift():
                names += ["drift" if k == "trace" else "drift.full" for k in measure.kernels]
            case v.Representation():
                names += [f"representation.{r}" for r in measure.references]
            case v.Generalisation():
                names += ["generalisation.network"]
            case v.Spectrum():
                pass
            case v.Angle():
                names += ["angle.start", "angle.now", "angle.moved"]
            case _:
                names.append(measure.word)
    return names
