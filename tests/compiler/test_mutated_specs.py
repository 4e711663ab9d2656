"""Specs that somebody broke, or made another of: no crash, and whatever is wrong is said once, with its place and a repair.

Each spec has a few tokens replaced by tokens of other specs, or a line left out, doubled or moved, from a fixed seed.
"""

import random
import re

import pytest
from emitted import CASES, emit, has_errors

from gencc.compiler.driver import compile_source
from gencc.dsl.source import Source

TOKEN = re.compile(r'"[^"\n]*"|\d[\d_.]*%?|\w+|->|\.\.|[^\s\w]')
ODD = ["0", "-1", "1e9", '""', "nothing", "{", "}", "(", "->", "=", "none", "1..4", "shuffle", "linear", "u"]
TIMES = 16


def tokens(line):
    return list(TOKEN.finditer(line.split("#")[0]))


WORDS = sorted(
    {t.group() for path in CASES.values() for x in path.read_text().splitlines() for t in tokens(x)}
)


def changed(text, draw):
    lines = text.splitlines()
    k = draw.choice([k for k, line in enumerate(lines) if tokens(line)])
    match draw.randrange(6):
        case 0:
            del lines[k]
        case 1:
            lines.insert(draw.randrange(len(lines)), lines[k])
        case _:
            old = draw.choice(tokens(lines[k]))
            alike = [w for w in WORDS if w[0].isdigit() == old.group()[0].isdigit() and w[0].isalnum()]
            new = draw.choice(draw.choice((alike, ODD)))
            lines[k] = lines[k][: old.start()] + new + lines[k][old.end() :]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", CASES.values(), ids=CASES)
def test_no_change_of_a_spec_goes_wrong_without_a_word(path):
    draw = random.Random(path.name)
    for _ in range(TIMES):
        text = changed(path.read_text(), draw)
        done = compile_source(Source(str(path), text))
        told = [(d.code, d.message, d.span) for d in done.diagnostics]
        assert len(told) == len(set(told)), (text, told)
        for d in done.diagnostics:
            assert 0 <= d.span.start <= d.span.end <= len(text) and d.help, (text, d)
        assert done.ok != has_errors(done.diagnostics), text
        if done.program is not None and done.ok:
            compile(emit(done.program, ("model",), done.sha)["model.py"], "model.py", "exec")
