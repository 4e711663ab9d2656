"""What the interleaving is worth on layouts: one spec, three orders, the same steps, measured on held-out applications.

    python benchmarks/layout_orders.py --out results

Compiles and trains each variant (a finished run in ``--out`` is kept), draws layouts of the sizes of the test split,
unconditional and with the categories given, and writes a Markdown table and pictures.  About 15 minutes a variant on
two cores.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path

import torch

from gencc.runtime import checkpoints

SPEC = Path(__file__).resolve().parent.parent / "specs" / "igd_layout.gen"
VARIANTS = {
    "category -> box": [],
    "zip(category, box)": ["forward.order=zip(category, box)"],
    "all(category) & all(box)": ["forward.order=all(category) & all(box)", "train.draws=1"],
}
NAMES = {"category -> box": "default", "zip(category, box)": "zip", "all(category) & all(box)": "joint"}


def compiled(out: Path, order: str) -> Path:
    """The folder of a variant's programs."""
    folder = out / "build" / NAMES[order]
    overrides = [word for o in VARIANTS[order] for word in ("--set", o)]
    command = [
        sys.executable,
        "-m",
        "gencc.compiler.cli",
        str(SPEC),
        "--emit",
        "train,sample",
        "-o",
        str(folder),
        *overrides,
    ]
    subprocess.run(command, check=True)
    return folder


def load(folder: Path):
    """The emitted model.py as a module."""
    sys.path.insert(0, str(folder))
    sys.modules.pop("model", None)
    try:
        return importlib.import_module("model")
    finally:
        sys.path.pop(0)


def measure(model, module, data, seed: int) -> tuple[dict[str, float], dict[str, float], object]:
    """Metrics of unconditional samples, of samples whose categories are given, and the former."""
    model.eval()
    start, generator = data.test, torch.Generator().manual_seed(seed)
    parts = [model.sample(start[k : k + 128], {}, generator) for k in range(0, len(start), 128)]
    free = type(start).cat(parts)
    given = []
    for k in range(0, len(start), 128):
        rows = start[k : k + 128]
        given.append(model.sample(rows, {"category": rows.present["element"]}, generator))
    return module.REPORT.measure(free, start), module.REPORT.measure(type(start).cat(given), start), free


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=None, help="fewer steps for a trial")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows: list[tuple[str, dict[str, float], dict[str, float]]] = []
    for order in VARIANTS:
        folder = compiled(options.out, order)
        run = options.out / NAMES[order]
        if not (run / "checkpoints").exists():
            extra = ["--steps", str(options.steps)] if options.steps else []
            command = [
                sys.executable,
                str(folder / "train.py"),
                "--out",
                str(run),
                "--threads",
                str(options.threads),
                *extra,
            ]
            subprocess.run(command, check=True)
        module = load(folder)
        data = module.load_data()
        if not rows:
            same = module.REPORT.measure(data.train[: len(data.test)], data.test)
            rows.append(("training layouts", same, {}))
        torch.manual_seed(0)
        model = module.IgdLayout(data.values("category"))
        if order == "category -> box":
            before = measure(model, module, data, 1)
            rows.append((f"`{order}`, untrained", before[0], before[1]))
            picture = {"untrained": before[2][:8]}
        checkpoints.load(checkpoints.latest(run)).restore(model)
        after = measure(model, module, data, 1)
        rows.append((f"`{order}`", after[0], after[1]))
        if order == "category -> box":
            picture = {"real": data.test[:16], **picture, "drawn": after[2][:24]}
            module.REPORT.draw(picture, data.vocabulary, options.out / "layouts.png")
        module.REPORT.draw(
            {"real": data.test[:8], order: after[2][:24]},
            data.vocabulary,
            options.out / f"{NAMES[order]}.png",
        )
    lines = [
        "| | alignment | overlap | maximum IoU | given categories: alignment | overlap | maximum IoU |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, free, given in rows:
        cells = [
            f"{m[k]:.3f}" if m else "" for m in (free, given) for k in ("alignment", "overlap", "max_iou")
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    (options.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (options.out / "table.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
