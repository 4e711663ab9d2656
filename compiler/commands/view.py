"""`gencc view`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gencc.dsl.diagnostics import has_errors
from gencc.dsl.override import apply
from gencc.dsl.reading import read

from ..driver import compile_source
from ..timeline import Timeline, timeline
from .showing import show

TEMPLATE = Path(__file__).parents[1] / "drawing" / "timeline.html.jinja"


def run(options: argparse.Namespace) -> int:
    """Writes one page that draws the trajectory of a spec, or finds the page of a run."""
    if Path(options.spec).is_dir():
        return _run(Path(options.spec), options.out)
    source = apply(read(options.spec), options.set)
    done = compile_source(source)
    show(source, done.diagnostics, options)
    if done.spec is None or has_errors(done.diagnostics):
        return 1
    if done.spec.forward is None:
        print(
            f"error: {options.spec}: has no `forward` block, so there are no visits to draw", file=sys.stderr
        )
        return 1
    text = page(timeline(done.spec))
    return _write(text, options.out or str(Path("build") / Path(options.spec).stem / "timeline.html"))


def _run(folder: Path, out: str | None) -> int:
    """The page that a run has written, where it is or copied to ``out``."""
    found = folder / "report.html"
    if not found.is_file():
        print(
            f"error: {folder}: holds no report.html; a run writes it at its first evaluation", file=sys.stderr
        )
        return 2
    if out is None:
        print(found)
        return 0
    return _write(found.read_text(encoding="utf-8"), out)


def _write(text: str, out: str) -> int:
    """To a file, or to standard output for `-`."""
    if out == "-":
        sys.stdout.write(text)
        return 0
    path = Path(out)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        print(f"error: {path}: {error.strerror}", file=sys.stderr)
        return 2
    print(path)
    return 0


def page(drawn: Timeline) -> str:
    """The page, self-contained."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["short"] = short
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(t=drawn)


def short(value: float) -> str:
    """A coordinate, at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
