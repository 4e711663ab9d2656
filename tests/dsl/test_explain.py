"""Every code that can be raised has a page, and the page's examples do what they say."""

import re
from pathlib import Path

import pytest

from gencc.compiler.driver import check_text
from gencc.dsl.codes import CODES
from gencc.dsl.diagnostics import Severity
from gencc.dsl.explanation import FOLDER, examples

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("code", CODES)
def test_the_wrong_example_raises_the_code_and_the_right_one_is_clean(code):
    wrong, right = examples(code)
    assert code in {d.code for d in check_text(wrong)}
    found = check_text(right)
    assert [d for d in found if d.severity is Severity.ERROR] == []
    assert code not in {d.code for d in found}


def test_every_code_in_the_source_is_listed_and_every_listed_code_is_raised():
    files = [*ROOT.glob("dsl/**/*.py"), *ROOT.glob("compiler/**/*.py")]
    raised = {
        c
        for f in files
        if f.name not in ("codes.py", "cli.py")
        for c in re.findall(r'"(GEN\d{3})"', f.read_text())
    }
    assert raised == set(CODES)
    assert {p.stem for p in FOLDER.glob("*.md")} == set(CODES)
