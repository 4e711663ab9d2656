"""What the templates see of visits that are known to be alike: numbers where other programs have masks and counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ..program import Program
from .render import literal


def context(
    program: Program, noised: list[SimpleNamespace], shaped: SimpleNamespace | None, timeless: bool
) -> dict[str, Any]:
    """Facts of the whole program; also sets the texts of each noised variable."""
    whole, once = program.whole, program.whole and program.visits == 1
    full = whole and not any(x.plate or x.givable or x.veiled for x in noised)
    for x in noised:
        x.inside = whole and x.shown
        x.counted = not (full and once and x.inside)
        x.before_text, x.query_text = f"visit.count[{literal(x.name)}]", f"visit.query[{literal(x.name)}]"
        if whole:
            x.before_text, x.query_text = _before(x, once), x.free_text
            x.count_text = _count(x, once, full)
        x.after_text = _after(x, whole, once, full)
    return {
        "whole": whole,
        "full": full,
        "once": once,
        "masked": program.masked,
        "walked": not (whole or program.masked) or shaped is not None,
        "timed": not (once and timeless),
    }


def _before(x: SimpleNamespace, once: bool) -> str:
    """Visits of each site before visit t, while training: (B, sites)."""
    if once and x.kind == "token":
        return f"torch.zeros_like({x.py})"
    if once:
        return f"torch.zeros({x.py}.shape[:2], dtype=torch.int64, device=generator.device)"
    if x.sites == 1 and not x.plate:
        return "t"
    return f"t.expand_as({x.py})" if x.kind == "token" else f"t.expand({x.py}.shape[:2])"


def _after(x: SimpleNamespace, whole: bool, once: bool, full: bool) -> str:
    """Visits of each site up to the one that was drawn, while training: (B, sites)."""
    if not whole:
        given = f" * ~{x.py}_given" if x.givable else ""
        return f"{x.before_text}{given} + {x.query_text}"
    if full:
        return f"torch.ones_like({x.py})" if once else f"(t + 1).expand_as({x.py})"
    return f"{x.free_text}.long()" if once else f"(t + 1) * {x.free_text}"


def _count(x: SimpleNamespace, once: bool, full: bool) -> str:
    """What the denoiser is told at visit t, while sampling: how often a site has been visited, this visit included if
    its own value is seen."""
    number = "0" if once else "t"
    if not x.hidden:
        number = "1" if once else "t + 1"
    steps = f"{x.caps}_STEPS" if x.kind == "vector" else ""
    if steps:
        number = {"0": "0", "1": steps, "t": f"{steps} * t", "t + 1": f"{steps} * (t + 1)"}[number]
    if full or x.hidden:
        shape = f"_like({x.py}, " if x.kind == "token" else f"({x.py}.shape[:2], "
        device = "" if x.kind == "token" else f", device={x.py}.device"
        text = f"torch.full{shape}{number}{device})"
        return f"{text} * ~{x.py}_given" if x.givable else text
    return f"({number}) * {x.free_text}" if number == "t + 1" else f"{number} * {x.free_text}"
