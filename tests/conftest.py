"""Options of the test suite."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the golden programs; delete stale ones"
    )
    parser.addoption(
        "--update-expected", action="store_true", help="rewrite the expected diagnostics in the case files"
    )
