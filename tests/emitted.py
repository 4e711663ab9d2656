"""Compiles a spec and imports what was emitted."""

import importlib.util
import itertools
import tempfile
from pathlib import Path

from gencc.compiler.driver import compile_source
from gencc.compiler.emit.emitter import emit
from gencc.dsl.diagnostics import has_errors
from gencc.dsl.override import apply
from gencc.dsl.source import Source

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
CASES = {f"specs/{p.stem}": p for p in sorted((ROOT / "specs").glob("*.gen"))} | {
    p.stem: p for p in sorted(GOLDEN.glob("*/*.gen"))
}
"""Folder of `tests/golden` to the spec whose programs it holds: every spec of the repository, and what they leave out."""
_number = itertools.count()


def programs(text, *overrides, name="spec.gen", kinds=("model", "train", "sample")):
    """File name to text."""
    done = compile_source(apply(Source(name, text), list(overrides)))
    assert not has_errors(done.diagnostics), [d.message for d in done.diagnostics]
    return emit(done.program, kinds, done.sha)


def module(text, *overrides):
    """The emitted model.py as a module."""
    source = programs(text, *overrides, kinds=("model",))["model.py"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(f"emitted_{next(_number)}", path)
        found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
    return found
