"""One line per diagnostic: ``file:line:column: severity[CODE]: message (help)``."""

from __future__ import annotations

from collections.abc import Iterable

from ..diagnostics import Diagnostic
from ..source import Source
from . import ordered


def render(source: Source, diagnostics: Iterable[Diagnostic]) -> str:
    """Every diagnostic on its line."""
    lines = []
    for d in ordered(diagnostics):
        at = source.position(d.span.start)
        repair = f" ({d.help})" if d.help else ""
        lines.append(
            f"{source.name}:{at.line}:{at.column}: {d.severity.value}[{d.code}]: {d.message}{repair}\n"
        )
    return "".join(lines)
