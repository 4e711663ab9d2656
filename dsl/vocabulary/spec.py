"""A whole spec."""

from __future__ import annotations

from pydantic import Field

from .base import Model
from .correct import Correct
from .data import Data
from .denoiser import Diffusers, Exact, Transformer
from .distill import Distill
from .evaluate import Evaluate
from .forward import Forward
from .given import Task
from .limits import Limit
from .predict import Prediction
from .sample import Sample
from .shape import Shape
from .state import Plate, Variable
from .train import Train


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
