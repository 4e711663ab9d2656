"""Rebuilds the shipped layout tables from their raw JSON: ``python scripts/build_layouts.py RAW_FOLDER``.

One row per layout: the application or manual it comes from (the split keeps those whole), its size in pixels, and per
element a category and a box x, y, w, h as fractions of the page.  Elements stand in reading order (by top, then left),
so that the index of an element means something to an order that sweeps it.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).resolve().parent.parent / "runtime" / "data" / "layouts"
ICON = 24  # pixels; smaller figures of the manuals are icons inside a line of text

Element = tuple[str, float, float, float, float]
Layout = tuple[str, str, int, int, list[Element]]

SCHEMA = pa.schema(
    {
        "source": pa.string(),
        "name": pa.string(),
        "width": pa.int32(),
        "height": pa.int32(),
        "category": pa.list_(pa.string()),
        "box": pa.list_(pa.list_(pa.float32())),
    }
)


def qt(raw: list[dict[str, object]]) -> list[Layout]:
    """Forms of desktop applications laid out by Qt; every element, containers included."""
    out: list[Layout] = []
    for row in raw:
        src, elements = str(row["src"]), row["els"]
        assert isinstance(elements, list)
        out.append(
            (
                src.split("/")[0],
                src.rsplit("/", 1)[-1],
                int(row["w"]),
                int(row["h"]),
                [tuple(e[:5]) for e in elements],
            )
        )  # type: ignore[call-overload]
    return out


def html(raw: list[list[object]]) -> list[Layout]:
    """Pages of six manuals at A4."""
    out: list[Layout] = []
    for name, elements in raw:
        assert isinstance(name, str) and isinstance(elements, list)
        kept = [tuple(e) for e in elements if not (e[0] == "figure" and max(e[3], e[4]) < ICON)]
        out.append((name.split("/")[0], name.rsplit("/", 1)[-1], 794, 1123, kept))
    return out


def rico(raw: list[list[object]]) -> list[Layout]:
    """Leaves of Android screens, in thousandths of the screen.  No application is known, so a screen is its own group."""
    out: list[Layout] = []
    for name, elements in raw:
        assert isinstance(elements, list)
        leaves = [(c, x0, y0, x1 - x0, y1 - y0) for c, x0, y0, x1, y1, children in elements if not children]
        out.append((str(name), str(name), 1000, 1000, leaves))
    return out


def table(layouts: list[Layout], origin: str) -> pa.Table:
    """Layouts of at least two visible elements, boxes cut at the edge of the page."""
    rows: dict[str, list[object]] = {name: [] for name in SCHEMA.names}
    for source, name, width, height, elements in layouts:
        placed = []
        for category, x, y, w, h in elements:
            left, top = max(x / width, 0.0), max(y / height, 0.0)
            right, bottom = min((x + w) / width, 1.0), min((y + h) / height, 1.0)
            if right > left and bottom > top:
                placed.append((top, left, right - left, bottom - top, category))
        if len(placed) < 2:
            continue
        placed.sort()
        values = (
            source, name, width, height, [p[4] for p in placed],
            [[round(v, 5) for v in (p[1], p[0], p[2], p[3])] for p in placed],
        )  # fmt: skip
        for column, value in zip(SCHEMA.names, values, strict=True):
            rows[column].append(value)
    return pa.table(rows, schema=SCHEMA.with_metadata({"origin": origin}))


SOURCES = {
    "qt": (
        "qt_layouts.json.gz",
        qt,
        "geometry and class of .ui forms in Debian source packages; no text kept",
    ),
    "html": (
        "html_layouts.json.gz",
        html,
        "geometry of six manuals in Debian documentation packages, rendered at A4",
    ),
    "rico": (
        "rico_screen_annotation_valid.json.gz",
        rico,
        "google-research-datasets/screen_annotation, CC BY 4.0",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with the raw .json.gz files")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, (file, read, origin) in SOURCES.items():
        path = options.folder / file
        if not path.exists():
            print(f"{name}: {path} is not there, skipped")
            continue
        with gzip.open(path) as stream:
            built = table(read(json.load(stream)), origin)
        target = options.out / f"{name}.parquet"
        pq.write_table(built, target, compression="zstd", compression_level=19)
        print(f"{name}: {built.num_rows} layouts, {target.stat().st_size / 1e6:.2f} MB -> {target}")


if __name__ == "__main__":
    main()
