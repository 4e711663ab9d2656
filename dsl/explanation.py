"""Pages for `gencc explain`: prose, a wrong and a right example."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).with_name("explain")


def page(code: str) -> str:
    """The page of a code, as Markdown."""
    return (FOLDER / f"{code}.md").read_text(encoding="utf-8")


def examples(code: str) -> tuple[str, str]:
    """The wrong and the right example of a page."""
    wrong, right = re.findall(r"```gen\n(.*?)```", page(code), re.DOTALL)
    return wrong, right
