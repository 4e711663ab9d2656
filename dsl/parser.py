"""Tokens to syntax tree, with recovery: each independent mistake gives one diagnostic and the rest is understood.

A file that parses is parsed in one run of the LALR parser.  One that does not is cut into pieces: see `dsl.recovery`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lark.exceptions import UnexpectedInput

from .brackets import balance
from .diagnostics import Diagnostic, Label
from .kinds import classify
from .recovery import Recovery
from .source import Source, Span
from .syntax import File
from .tables import grammar
from .tokens import Token, lex
from .tree_builder import SpecName, build

if TYPE_CHECKING:
    from .syntax import TopLevel

SHOWN = 100
"""Most mistakes reported of one file; its author has to start somewhere."""


def parse(source: Source) -> tuple[File, list[Diagnostic]]:
    """The syntax tree of what was understood, and a diagnostic per mistake."""
    tokens, problems = tokenize(source)
    items: list[Any]
    try:
        items = build(grammar().parse(tokens, start="file"))
    except UnexpectedInput:
        recovery = Recovery(SHOWN)
        items = recovery.items(tokens)
        problems += recovery.problems
    names = [i for i in items if isinstance(i, SpecName)]
    first = [Label(n.word.span, "first named here") for n in names[:1]]
    for extra in names[1:]:
        problems.append(
            Diagnostic(
                "GEN009",
                "the spec is named twice",
                extra.word.span,
                labels=tuple(first),
                help="keep one `spec` line",
            )
        )
    if not names and not problems:
        start = Span(0, min(1, len(source.text)))
        what = "the file does not say which spec it is" if tokens else "the file is empty"
        problems.append(Diagnostic("GEN008", what, start, help="begin with a line such as `spec my_process`"))
    top: tuple[TopLevel, ...] = tuple(i for i in items if not isinstance(i, SpecName))
    return File(source, names[0].word if names else None, top), _bounded(problems)


def tokenize(source: Source) -> tuple[list[Token], list[Diagnostic]]:
    """Tokens for the grammar, brackets in pairs, and what was wrong with the text."""
    tokens, problems = lex(source)
    tokens, unbalanced = balance(tokens)
    tokens, touching = classify(tokens)
    return tokens, problems + unbalanced + touching


def _bounded(problems: list[Diagnostic]) -> list[Diagnostic]:
    if len(problems) <= SHOWN:
        return problems
    problems = sorted(problems, key=lambda d: d.span)[:SHOWN]
    problems[-1] = replace(problems[-1], note="more mistakes follow; they are not shown")
    return problems


__all__ = ["grammar", "parse", "tokenize"]
