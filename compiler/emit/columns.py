"""Tokens that are treated alike, one site each, as one loop of the program instead of a paragraph each."""

from __future__ import annotations

from itertools import groupby
from types import SimpleNamespace

from gencc.dsl import vocabulary as v

from ..program import Program, Var
from .render import literal

FEWEST = 4
"""Shorter runs of like tokens keep a paragraph each, which says their names."""


def gathered(program: Program, seen: list[SimpleNamespace]) -> list[SimpleNamespace]:
    """The variables in order, the longest run of like ones replaced by a single entry that stands for all of them."""
    runs = [list(run) for _, run in groupby(program.vars, key=lambda x: _treatment(program, x))]
    longest = max(runs, key=len)
    if len(longest) < FEWEST or _treatment(program, longest[0])[0] != "alike":
        return seen
    first = [x.name for x in seen].index(longest[0].name)
    members = seen[first : first + len(longest)]
    return [*seen[:first], _columns(program, longest, members), *seen[first + len(longest) :]]


def _treatment(program: Program, x: Var) -> tuple[str, ...]:
    """What the program does with a variable; two of the same treatment differ in their names and numbers of values alone."""
    prediction = next((p for p in program.spec.predictions if p.variable == x.name), None)
    kind, kernel = x.spec.type, x.kernel
    fits = (
        isinstance(kind, v.Discrete)
        and kind.from_data
        and isinstance(kernel, v.TokenKernel)
        and isinstance(program.spec.denoiser, v.Transformer)
        and (x.noised, x.mode, x.plate, x.sites, x.givable, x.form) == (True, "hidden", None, 1, False, None)
        and x.py == x.name
        and not (program.spec.distills or program.spec.shapes or program.spec.corrects)
        and not any(program.spec.dropped(y) for y in program.spec.variables)
    )
    return (
        ("alike", str(x.moves), repr(kernel), repr(prediction and prediction.target))
        if fits
        else ("apart", x.name)
    )


def _columns(program: Program, run: list[Var], members: list[SimpleNamespace]) -> SimpleNamespace:
    """The entry: every text of the first member, in terms of ``name``, the ``k``-th of COLUMNS."""
    first = members[0]
    out = SimpleNamespace(**vars(first))
    out.members, out.names = members, tuple(x.name for x in members)
    out.py, out.caps, out.sites = "column", "COLUMN", len(members)
    each = "for n in column_values"
    out.values = "column_values"
    masked = first.state_values != first.values
    out.state_values = "n + 1" if masked else "n"
    out.head_values = "n" if first.head_values == first.values else out.state_values
    kernel = first.kernel_text.replace(f"{first.caps}_KEEP", "COLUMN_KEEP")
    if first.frequencies:
        kernel, each = kernel.replace(f"{first.py}_frequencies", "law"), "for law in column_frequencies"
    else:
        kernel = kernel.replace(first.values, "n", 1)
    out.kernel_text = f"nn.ModuleList([{kernel} {each}])"
    out.kernel_line = _lines([x.kernel_line for x in members])
    out.predict_line = _lines([x.predict_line for x in members])
    return out


def _lines(lines: list[int]) -> str:
    """Lines of the spec, as they follow its name."""
    return f"{min(lines)}-{max(lines)}" if max(lines) > min(lines) else str(lines[0])


def in_noise(x: SimpleNamespace) -> str:
    """Whether a visit asks about the variable."""
    return "any(name in noise for name in COLUMNS)" if x.members else f"{literal(x.name)} in noise"


def order(text: str, seen: list[SimpleNamespace]) -> str:
    """The order's text, the columns' sweeps as one where they follow one another."""
    for x in seen:
        if x.members:
            sweeps = ", ".join(f"order.sweep({literal(m.name)}, 1)" for m in x.members)
            text = text.replace(sweeps, "*(order.sweep(name, 1) for name in COLUMNS)")
    return text
