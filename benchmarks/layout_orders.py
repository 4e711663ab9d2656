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


def measure(model, module, real, seed: int) -> tuple[dict[str, float], dict[str, float], object]:
    """Metrics of unconditional samples, of samples whose categories are given, and the former."""
    model.eval()
    start, generator = real, torch.Generator().manual_seed(seed)
    parts = [model.sample(start[k : k + 128], {}, generator) for k in range(0, len(start), 128)]
    free = type(start).cat(parts)
    given = []
    for k in range(0, len(start), 128):
        rows = start[k : k + 128]
        given.append(model.sample(rows, {"category": rows.present["element"]}, generator))
    return module.REPORT.measure(free, start), module.REPORT.measure(type(start).cat(given), start), free


def variant(order: str, options: argparse.Namespace) -> None:
    """Trains a variant unless its run is there, and writes what was measured."""
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
    real = data.test[: options.count]
    torch.manual_seed(0)
    model = module.IgdLayout(data.values("category"))
    rows: list[tuple[str, dict[str, float], dict[str, float]]] = []
    pictures = {"real (held out)": data.test[:16]}
    if order == "category -> box":
        rows.append(("the held-out layouts themselves", module.REPORT.measure(real, real), {}))
        rows.append(("training layouts", module.REPORT.measure(data.train[: len(real)], real), {}))
        free, given, drawn = measure(model, module, real, 1)
        rows.append((f"`{order}`, untrained", free, given))
        pictures["before training"] = drawn[:8]
    checkpoints.load(checkpoints.latest(run)).restore(model)
    free, given, drawn = measure(model, module, real, 1)
    rows.append((f"`{order}`", free, given))
    pictures["after training"] = drawn[:24]
    module.REPORT.draw(pictures, data.codec, options.out / f"{NAMES[order]}.png")
    (options.out / f"rows-{NAMES[order]}.json").write_text(
        json.dumps(rows, indent=2) + "\n", encoding="utf-8"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--count", type=int, default=256, help="held-out layouts that samples are compared with"
    )
    parser.add_argument(
        "--only",
        choices=NAMES.values(),
        action="append",
        help="these variants only; the table keeps earlier ones",
    )
    parser.add_argument("--steps", type=int, default=None, help="fewer steps for a trial")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for order, name in NAMES.items():
        if not options.only or name in options.only:
            variant(order, options)
    lines = [
        "| | alignment | overlap | maximum IoU | given categories: alignment | overlap | maximum IoU |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in NAMES.values():
        path = options.out / f"rows-{name}.json"
        for title, free, given in json.loads(path.read_text(encoding="utf-8")) if path.exists() else ():
            cells = [
                f"{m[k]:.3f}" if m else "" for m in (free, given) for k in ("alignment", "overlap", "max_iou")
            ]
            lines.append(f"| {title} | {' | '.join(cells)} |")
    (options.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
