"""Pictures on one sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..files import write_atomically

GAP = 2


def sheet(rows: list[np.ndarray], path: Path) -> None:
    """Writes ``rows`` of pictures, each (columns, height, width, 3) uint8, as one PNG, white between them."""
    from PIL import Image

    height, width = rows[0].shape[1:3]
    columns = max(len(row) for row in rows)
    page = np.full((len(rows) * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, dtype=np.uint8)
    for r, row in enumerate(rows):
        for c, picture in enumerate(row):
            y, x = r * (height + GAP), c * (width + GAP)
            page[y : y + height, x : x + width] = picture
    write_atomically(path, lambda t: Image.fromarray(page).save(t, format="PNG"))
