"""Whatever a spec is called, its class hides nothing that its programs use."""

import ast

import pytest
from emitted import CASES, build, loaded, programs

NAMES = ["any", "path", "tensor", "examples", "layouts", "REPORT", "TASKS", "WIDTH", "f", "none", "_"]


@pytest.mark.parametrize("name", NAMES)
def test_a_class_hides_nothing(name):
    text = CASES["specs/elt_layout"].read_text().replace("spec elt_layout", f"spec {name}", 1)
    files = programs(text, "denoiser.width=16", "denoiser.heads=2")
    for program in ("model.py", "train.py", "sample.py"):
        tree = ast.parse(files[program])
        found = [
            a.asname or a.name
            for n in ast.walk(tree)
            if isinstance(n, ast.Import | ast.ImportFrom)
            for a in n.names
        ]
        found += [n.name for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)]
        found += [
            t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)
        ]
        found += [
            n.target.id for n in tree.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
        ]
        hidden = {word for word in found if found.count(word) > 1} - {"u"}
        assert not hidden, (program, hidden)
    model, examples, generator = build(loaded(files["model.py"]))
    assert model.corrupt(examples, generator)
