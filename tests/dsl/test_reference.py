"""The language reference is what the vocabulary says."""

from emitted import ROOT

from gencc.dsl import reference


def test_the_committed_page_is_current():
    page = (ROOT / "docs" / "language-reference.md").read_text()
    assert page == reference.text(), "run python -m gencc.dsl.reference"
