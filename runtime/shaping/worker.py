"""The process of a reward of the user's: `python -m gencc.runtime.shaping.worker FILE FUNCTION`, a JSON line a batch."""

from __future__ import annotations

import json
import math
import os
import runpy
import sys
from pathlib import Path
from typing import Any


def answered(file: str, name: str, question: dict[str, Any], loaded: dict[str, Any]) -> dict[str, Any]:
    """The rewards of one batch, or what went wrong."""
    try:
        if not loaded:
            sys.path.insert(0, str(Path(file).resolve().parent))
            loaded.update(runpy.run_path(file))
        if name not in loaded:
            return {"error": f"the file has no `{name}`"}
        found = [float(r) if r is not None else math.nan for r in loaded[name](question["columns"])]
        return {"rewards": [None if math.isnan(r) else r for r in found]}
    except Exception as error:  # whatever the user's code raises is the user's to read
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the function prints must not mix with the answers
    loaded: dict[str, Any] = {}
    for line in sys.stdin:
        answers.write(json.dumps(answered(sys.argv[1], sys.argv[2], json.loads(line), loaded)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
