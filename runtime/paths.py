"""Files and folders of a command line, which must have a name."""

from __future__ import annotations

import argparse
from pathlib import Path


def path(text: str) -> Path:
    """A file or a folder; without this check nothing would mean the current folder."""
    return Path(name(text))


def name(text: str) -> str:
    """A file, a folder, or what else may be named in its stead."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must name something, and is empty")
    return text
