"""A mistake costs what it is about: nothing else is found wrong in a good spec, and other mistakes are told beside it."""

import random

import pytest
from emitted import CASES

from gencc.compiler.driver import compile_source
from gencc.dsl.diagnostics import Severity, has_errors
from gencc.dsl.parser import parse, tokenize
from gencc.dsl.resolve import resolve
from gencc.dsl.source import Source

WRONG = ("zzz", "= =", "0", '"q"', "", "{", "))")


def _found(text, name):
    """What the parser and the resolver say, and what the checks say beside them, as sets of codes and places."""
    source = Source(name, text)
    tree, unread = parse(source)
    told = [*unread, *resolve(tree)[1]]
    errors = [d for d in compile_source(source).diagnostics if d.severity is Severity.ERROR]
    return told, {(d.code, d.span) for d in errors} - {(d.code, d.span) for d in told}


@pytest.mark.parametrize("path", CASES.values(), ids=CASES)
def test_no_mistake_of_a_name_or_of_syntax_makes_another(path):
    """Eight places of each spec, drawn from a fixed seed."""
    text = path.read_text()
    tokens = [t for t in tokenize(Source(str(path), text))[0] if t.text[:1].isalnum()]
    draw = random.Random(path.name)
    broken = 0
    for token in draw.sample(tokens, 8):
        wrong = draw.choice([*WRONG, text[token.span.start : token.span.end] + "x"])
        bad = text[: token.span.start] + wrong + text[token.span.end :]
        told, more = _found(bad, str(path))
        broken += has_errors(told)
        assert not has_errors(told) or not more, (bad, told)
    assert broken > 2
