"""Limits: what can be compared with what, from which start, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

from gencc.dsl import vocabulary as v
from gencc.dsl.diagnostics import Diagnostic, Label, Severity, did_you_mean

from ..ir import Graph
from ..limits import quantities, unbounded, views_read

FULL = 5000
"""Largest number of points times outputs for which the whole kernel is built: its matrix then has 200 MB."""


def check(spec: v.Spec, graph: Graph) -> list[Diagnostic]:
    out = [finding for limit in spec.limits for finding in _limit(limit)]
    out += [finding for limit in spec.limits for finding in _denoiser(spec, limit)]
    out += _one_model(spec)
    return out + list(_horizons(spec))


def _limit(limit: v.Limit) -> Iterator[Diagnostic]:
    yield from _network(limit)
    yield from _start(limit)
    yield from _losses(limit)
    yield from _data(limit)
    yield from _measures(limit)
    yield from _expectations(limit)
    if limit.flow.step > limit.flow.time:
        yield Diagnostic(
            "GEN519",
            f"one step of {limit.flow.step:g} is longer than the whole time {limit.flow.time:g}",
            limit.flow.span,
            help=f"use a step of at most {limit.flow.time / 100:g}",
        )


def _warning(code: str, message: str, span: object, note: str = "", help: str = "") -> Diagnostic:
    return Diagnostic(code, message, span, severity=Severity.WARNING, note=note, help=help)  # type: ignore[arg-type]


def other_spec(spec: v.Spec) -> v.DenoiserState | None:
    """The first network that is another spec's denoiser."""
    named = (x.network for x in spec.limits if isinstance(x.network, v.DenoiserState) and x.network.spec)
    return next(named, None)


def unusable(other: v.Spec | None, problems: list[Diagnostic], named: v.DenoiserState) -> list[Diagnostic]:
    """Why the denoiser of the spec that a limit names cannot be analysed."""
    wrong = [p for p in problems if p.severity is Severity.ERROR]
    if wrong or other is None:
        return [
            Diagnostic(
                "GEN520",
                f"`{named.spec}` does not compile: {wrong[0].message}"
                if wrong
                else f"`{named.spec}` is no spec",
                named.where("spec"),
                help=f"mend it first; `gencc check` reports its {len(wrong)} mistake{'s' * (len(wrong) > 1)}",
            )
        ]
    if not _analysable(other):
        return [
            Diagnostic(
                "GEN520",
                f"`{named.spec}` has no denoiser, process and data whose representation could be analysed",
                named.where("spec"),
                help="name a spec with `data`, `forward` and `denoiser transformer { .. }`",
            )
        ]
    return []


def _analysable(spec: v.Spec) -> bool:
    return isinstance(spec.denoiser, v.Transformer) and spec.forward is not None and spec.data is not None


def _one_model(spec: v.Spec) -> Iterator[Diagnostic]:
    """A study has one model: its limits name the denoiser of one spec."""
    first = other_spec(spec)
    if first is None:
        return
    for state in (x.network for x in spec.limits if isinstance(x.network, v.DenoiserState)):
        if state.spec != first.spec:
            yield Diagnostic(
                "GEN520",
                "the limits of a spec are about one denoiser",
                state.span,
                labels=(Label(first.span, "the first one"),),
                help="write a spec for each",
            )
    if spec.forward is not None:
        yield Diagnostic(
            "GEN520",
            "the spec has a process of its own, and a limit names the denoiser of another",
            first.where("spec"),
            labels=(Label(spec.forward.span, "its own"),),
            help="write the limit in a spec of its own",
        )


def _denoiser(spec: v.Spec, limit: v.Limit) -> Iterator[Diagnostic]:
    """A limit of a denoiser, the spec's own or that of another spec."""
    if not isinstance(limit.network, v.DenoiserState):
        return
    if limit.network.spec is None and not _analysable(spec):
        yield Diagnostic(
            "GEN518",
            "the spec has no denoiser, process and data whose representation could be analysed",
            limit.network.span,
            help="add `data`, `forward` and `denoiser transformer { .. }`, name another spec by `denoiser(spec = ..)`, or "
            "write `two_layer(..)`",
        )
    if (
        isinstance(limit.data, v.Triples)
        or limit.data.says("source")
        or limit.data.says("scale")
        or limit.views
    ):
        yield Diagnostic(
            "GEN518",
            "the views of a denoiser's representation are noised states of its own spec's data",
            limit.data.span,
            help=f"write `data = pairs({limit.data.count})`, and leave `views` out",
        )
    if limit.says("widths") or not isinstance(limit.start, v.Plain) or limit.constraint is not None:
        option = (
            "widths"
            if limit.says("widths")
            else "start"
            if not isinstance(limit.start, v.Plain)
            else "constraint"
        )
        yield Diagnostic(
            "GEN518",
            f"`{option}` is not the limit's to choose: the denoiser is what its spec says",
            limit.where(option),
            help="leave it out; compile with `--set denoiser.width=64` for another width",
        )


def _network(limit: v.Limit) -> Iterator[Diagnostic]:
    net = limit.network
    if isinstance(net, v.DenoiserState):
        return
    if net.parametrisation != "ntk":
        yield Diagnostic(
            "GEN501",
            "the standard parametrisation has no limit of its tangent kernel",
            net.where("parametrisation"),
            note="it grows with the width at a fixed learning rate",
            help="write `parametrisation = ntk`, or leave it out",
        )
    if isinstance(net, v.Mlp) and limit.constraint is not None:
        yield Diagnostic(
            "GEN508",
            "the features of a deeper network are not random ones: an orthonormal output layer is for `two_layer`",
            net.span,
            help="write `two_layer(..)`, or leave `constraint` out",
        )
    if net.activation == "relu":
        yield _warning(
            "GEN507",
            "the slope of relu jumps, so no bound on the drift is derived for it",
            net.where("activation"),
            "what is printed is measured, not guaranteed",
            "use `tanh` or `erf` for a guarantee",
        )
    needs_limit = any(isinstance(x, v.Spectrum | v.Generalisation) or _refers(x, "kernel_flow", "closed_form") for x in limit.measure)  # fmt: skip
    needs_limit = needs_limit or any(unbounded(loss) for loss in limit.loss)
    if net.activation == "tanh" and limit.data.scale == "none" and needs_limit:
        yield _warning(
            "GEN510",
            "the limit kernel of tanh is integrated, and loses accuracy on long inputs",
            limit.data.where("scale") if limit.data.says("scale") else limit.data.span,
            "its error is 7e-9 where |x|^2 is the input's size, and 1e-3 at four times that",
            "write `scale = sphere`, or use `erf`, which has a closed form",
        )


def _start(limit: v.Limit) -> Iterator[Diagnostic]:
    start = limit.start
    zero = isinstance(start, v.Antisymmetric) or (isinstance(start, v.Shrink) and start.scale == 0)
    if zero:
        cosine = any(isinstance(x, v.Contrastive) and x.similarity == "cosine" for x in limit.loss)
        yield Diagnostic(
            "GEN503",
            "from outputs of exactly zero nothing ever moves"
            if not cosine
            else "the cosine of outputs of exactly zero is undefined",
            start.span,
            note="zero is a stationary point of every one of these losses",
            help="write `start = shrink(1e-4)`",
        )
    if limit.constraint is not None and not isinstance(start, v.Plain):
        yield Diagnostic(
            "GEN503",
            "an orthonormal output layer cannot start shrunk",
            start.span,
            help="leave `start` out",
        )
    for measure in limit.measure:
        if _refers(measure, "closed_form") and isinstance(start, v.Plain):
            yield Diagnostic(
                "GEN502",
                "a plain start does not end at the closed form",
                measure.span,
                note="outputs of size 1 at the start are never forgotten; the gap to the minimum-norm solution stays near 0.8",
                help="write `start = shrink(1e-4)`, or compare with `kernel_flow`, which starts from the same outputs",
            )


def _losses(limit: v.Limit) -> Iterator[Diagnostic]:
    triples = isinstance(limit.data, v.Triples)
    for label, loss in zip(limit.labels, limit.loss, strict=True):
        if unbounded(loss) and limit.constraint is None:
            yield _warning(
                "GEN504",
                f"the loss `{label}` has no lower bound, so no width keeps the kernel in place for ever",
                loss.span,
                "outputs grow like exp(rho t), and the kernel is lost at about log M / 2 rho; the run prints rho and that time",
                "expect `moving(drift)`, or use `similarity = cosine` or a form that is bounded below",
            )
        if views_read(loss, triples) == 3 and not triples:
            yield Diagnostic(
                "GEN512",
                "this loss needs negatives, and the data are pairs",
                loss.span,
                labels=(Label(limit.data.span, "anchors and positives only"),),
                help="write `triples(..)`",
            )
        if isinstance(loss, v.BarlowTwins):
            if loss.normalize == "batch":
                yield _warning(
                    "GEN506",
                    "outputs standardised over the batch are another loss than the kernel theory's",
                    loss.where("normalize"),
                    "the closed form and the bounds are those of `normalize = none`",
                    "write `normalize = none` to compare with them",
                )
            if loss.ridge and loss.lambda_ != 1:
                yield Diagnostic(
                    "GEN509",
                    "the ridge solution is known for lambda = 1 only",
                    loss.where("ridge"),
                    help="write `lambda = 1`, or leave `ridge` out",
                )
        if limit.constraint is not None and not (
            isinstance(loss, v.Contrastive)
            and loss.similarity == "dot"
            and isinstance(loss.form, v.LinearForm)
        ):
            yield Diagnostic(
                "GEN508",
                "an orthonormal output layer solves an eigenproblem only for a loss that is quadratic in the outputs",
                loss.span,
                help="write `contrastive(similarity = dot, form = linear)`, or leave `constraint` out",
            )


def _data(limit: v.Limit) -> Iterator[Diagnostic]:
    for view in limit.views:
        if isinstance(view, v.Shift) and isinstance(limit.data.source, v.Generated):
            yield Diagnostic(
                "GEN516",
                "a generated vector is no image that could be shifted",
                view.span,
                help="use `noise(0.3)`",
            )
    if not limit.views and not isinstance(limit.network, v.DenoiserState):
        yield _warning(
            "GEN516",
            "without views every positive is its anchor",
            limit.data.span,
            "there is nothing to be invariant to",
            "write `views = noise(0.1)`, for images also `shift(2)`",
        )
    seen: set[int] = set()
    for width in limit.widths:
        if width in seen:
            yield Diagnostic(
                "GEN515", f"width {width} is listed twice", limit.where("widths"), help="list each width once"
            )
        seen.add(width)
    if any(e.kind in ("slope", "ratio", "constant") for e in limit.expect) and len(seen) < 3:
        yield Diagnostic(
            "GEN515",
            f"a slope needs at least three widths; there {'is' if len(seen) == 1 else 'are'} {len(seen)}",
            limit.where("widths"),
            help="write `widths = 64, 256, 1024, 4096`",
        )


def _only(measure: v.Form, reference: str) -> bool:
    return isinstance(measure, v.Representation) and set(measure.references) == {reference}


def _refers(measure: v.Form, *references: str) -> bool:
    return isinstance(measure, v.Representation) and any(r in references for r in measure.references)


def _measures(limit: v.Limit) -> Iterator[Diagnostic]:
    orthogonal = limit.constraint is not None
    barlow = all(isinstance(x, v.BarlowTwins) and x.normalize == "none" for x in limit.loss)
    ntk_only = (
        v.Drift,
        v.EntryChange,
        v.RowChange,
        v.OutputNorm,
        v.Crossing,
        v.Spectrum,
        v.Generalisation,
        v.Representation,
    )
    for measure in limit.measure:
        why = ""
        if isinstance(limit.network, v.DenoiserState) and not (
            isinstance(measure, v.Drift | v.EntryChange | v.WeightChange | v.OutputNorm)
            or _only(measure, "linearized")
        ):
            why = "of a denoiser there are `drift`, `entry_change`, `weight_change`, `output_norm` and `representation(linearized)`"
        elif isinstance(measure, v.FeatureDrift | v.Angle) or _refers(measure, "random_features"):
            why = "" if orthogonal else "it belongs to `constraint = orthogonal_output`"
        elif orthogonal and isinstance(measure, ntk_only):
            why = "with `constraint = orthogonal_output` measure `feature_drift`, `weight_change`, `angle` and `representation(random_features)`"
        if (
            not why
            and (isinstance(measure, v.Spectrum | v.Generalisation) or _refers(measure, "closed_form"))
            and not barlow
        ):
            why = "it belongs to `barlow_twins(normalize = none)`"
        if isinstance(measure, v.Crossing) and not any(isinstance(x, v.Drift) for x in limit.measure):
            why = "it reads the drift of the trace kernel: measure `drift` too"
        if isinstance(measure, v.Drift) and measure.kernels == ("full",):
            why = "the drift over time is that of the trace kernel: write `drift(trace, full)`"
        if orthogonal and _refers(measure, "random_features") and len(measure.references) > 1:  # type: ignore[union-attr]
            why = "an orthonormal output layer is compared with `random_features` only"
        if why:
            yield Diagnostic("GEN513", f"`{measure.word}` cannot be measured here", measure.span, note=why, help=_repair(limit))  # fmt: skip
        points = limit.data.count * (3 if isinstance(limit.data, v.Triples) else 2)
        full = (isinstance(measure, v.Drift) and "full" in measure.kernels) or _refers(measure, "linearized")
        if full and points * limit.network.outputs > FULL:
            yield Diagnostic(
                "GEN511",
                f"the whole kernel of {points:,} points and {limit.network.outputs} outputs has {(points * limit.network.outputs) ** 2:,} entries",
                measure.span,
                note=f"it is built for at most {FULL:,} points times outputs",
                help="use `drift(trace)` and `representation(kernel_flow)`, or fewer examples",
            )


def _repair(limit: v.Limit) -> str:
    if limit.constraint is not None:
        return "write `measure = feature_drift, angle, representation(random_features)`"
    if isinstance(limit.network, v.DenoiserState):
        return "write `measure = drift(trace, full), weight_change, representation(linearized)`"
    return "write `measure = drift(trace), weight_change, representation(kernel_flow)`"


def _expectations(limit: v.Limit) -> Iterator[Diagnostic]:
    known = quantities(limit)
    for expected in limit.expect:
        if expected.quantity not in known:
            yield Diagnostic(
                "GEN514",
                f"`{expected.quantity}` is not measured",
                expected.span,
                help=did_you_mean(expected.quantity, known),
            )
        if expected.alternative is not None and expected.alternative not in limit.labels:
            yield Diagnostic(
                "GEN514",
                f"the loss has no alternative `{expected.alternative}`",
                expected.span,
                help=did_you_mean(expected.alternative, limit.labels),
            )
        if expected.kind == "ratio" and expected.quantity != "crossing":
            yield Diagnostic(
                "GEN514",
                "`ratio` compares times with 1/(2 rho), and only `crossing` is a time",
                expected.span,
                help="write `ratio(crossing) in [0.8, 1.2]`",
            )


def _horizons(spec: v.Spec) -> Iterator[Diagnostic]:
    """Losses are compared at equal time: two limits that differ in the similarity must end together."""
    for k, limit in enumerate(spec.limits):
        for other in spec.limits[:k]:
            pair = (_similarities(limit), _similarities(other))
            if (
                all(pair)
                and pair[0] != pair[1]
                and limit.constraint == other.constraint
                and limit.flow.time != other.flow.time
            ):
                yield _warning(
                    "GEN505",
                    f"`{limit.name}` and `{other.name}` differ in similarity and in time, so their drifts do not compare",
                    limit.flow.where("time"),
                    f"{limit.flow.time:g} against {other.flow.time:g}: a run that is too short shows no difference",
                    f"run both to time {max(limit.flow.time, other.flow.time):g}, or write `similarity = cosine | dot` in one limit",
                )


def _similarities(limit: v.Limit) -> set[str]:
    return {x.similarity for x in limit.loss if isinstance(x, v.Contrastive)}
