"""Bad and good specs with the diagnostics they give, written at their ends as ``#!`` lines.

``pytest --update-expected`` rewrites those lines.
"""

import pytest
from emitted import ROOT

from gencc.compiler.driver import compile_source
from gencc.dsl.render import concise
from gencc.dsl.source import Source

CASES = ROOT / "tests" / "diagnostics" / "cases"
FILES = sorted(CASES.rglob("*.gen"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(CASES)))
def test_case(path, request):
    text = path.read_text()
    body = "".join(line for line in text.splitlines(True) if not line.startswith("#! "))
    found = concise.render(*_diagnosed(path.name, body))
    expected = "".join(f"#! {line}\n" for line in found.splitlines())
    if request.config.getoption("--update-expected"):
        path.write_text(body + expected)
        text = path.read_text()
    assert text == body + expected


def _diagnosed(name, body):
    done = compile_source(Source(name, body))
    return done.source, done.diagnostics


def test_the_cases_cover_good_and_bad():
    good = [p for p in FILES if "#! " not in p.read_text()]
    assert len(good) >= 5 and len(FILES) - len(good) >= 20
