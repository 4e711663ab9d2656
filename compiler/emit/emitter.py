"""The programs of a spec: file names and texts."""

from __future__ import annotations

from ..correction import corrector
from ..program import Program
from . import context as contexts
from .render import render

KINDS = ("model", "train", "sample", "finetune", "levels", "correct")


def emit(program: Program, kinds: tuple[str, ...], sha: str, base: str = ".") -> dict[str, str]:
    """File name to text, for ``kinds`` among model, train, sample.  Whatever needs the model gets it too.

    ``base`` is the folder of the spec as seen from the programs; data files are found from there.
    """
    context = contexts.build(program, sha, base)
    wanted = [k for k in KINDS if k in kinds or k == "model"]
    files = {f"{kind}.py": render(f"{kind}.py.jinja", context) for kind in wanted}
    if "correct" in kinds and (small := corrector(program)) is not None:
        files["corrector.py"] = render("model.py.jinja", contexts.build(small, sha, base))
    files["spec.gen"] = program.source.text
    return files
