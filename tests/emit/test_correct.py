"""The correction program, from a flow's checkpoint to corrected samples."""

import json
import runpy
import sys

import pyarrow.parquet as parquet
import pytest
from emitted import programs

SPEC = """spec points
data { source = "csv:points.csv" }
spot : real(1) in [-3, 3]
forward { rounds = 1, order = all(spot), noise spot = flow(steps = 8) }
denoiser transformer { width = 16, heads = 2, layers = 1, inner = joint }
predict spot by velocity
train { batch = 32, ema = 0.9 }
correct inverse_noise { invert = backward_euler(steps = 8), adapter = small(width = 8, heads = 2, layers = 1, steps = 6) }
"""


def run(root, program, *options):
    for name in ("model", "corrector"):
        sys.modules.pop(name, None)
    argv, path = sys.argv, sys.path
    sys.argv, sys.path = [program, *map(str, options)], [str(root), *sys.path]
    try:
        runpy.run_path(str(root / f"{program}.py"))["main"]()
    finally:
        sys.argv, sys.path = argv, path
        for name in ("model", "corrector"):
            sys.modules.pop(name, None)


def test_it_inverts_learns_and_draws(tmp_path, capfd):
    (tmp_path / "points.csv").write_text("spot\n" + "".join(f"{0.5 + (k % 9) / 10}\n" for k in range(400)))
    files = programs(SPEC, kinds=("model", "train", "correct"))
    assert "corrector.py" in files and "in [" not in files["corrector.py"]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    run(tmp_path, "train", "--out", tmp_path / "base", "--steps", "60")
    reference = sorted((tmp_path / "base" / "checkpoints").glob("*"))[-1]
    before = reference.read_bytes()
    run(
        tmp_path,
        "correct",
        "--run",
        tmp_path / "base",
        "--out",
        tmp_path / "out",
        "--steps",
        "10",
        "--count",
        "24",
    )
    said = capfd.readouterr().out
    assert "round-trip error" in said and "corrected" in said
    assert reference.read_bytes() == before
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert found["inverse"]["round-trip error"] < 1e-4 and found["inverse"]["error of a known noise"] < 1e-3
    assert found["corrected"]["FLOP a sample"] > found["flow"]["FLOP a sample"] > 0
    for which in ("flow", "corrected"):
        assert len(parquet.read_table(tmp_path / "out" / f"{which}.parquet")) == 24


@pytest.mark.parametrize("steps", [8, 20])
def test_the_inverse_has_the_samplers_steps(steps):
    text = SPEC.replace("= 8), adapter", f"= {steps}), adapter")
    if steps == 8:
        assert "steps=8," in programs(text, kinds=("model", "correct"))["correct.py"]
    else:
        with pytest.raises(AssertionError, match="20 steps back for 8 forward"):
            programs(text)
