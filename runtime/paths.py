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


def obstacle(file: Path) -> str:
    """Why no file can be written there, so that nobody computes for it in vain; empty if nothing stands in its way."""
    if file.is_dir():
        return "is a folder, and a file is to be written"
    above = next((folder for folder in file.parents if folder.exists()), file.parent)
    return f"{above} is a file, and no folder" if above.exists() and not above.is_dir() else ""
