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
    """Writes one page that draws the trajectory of a spec."""
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
    if options.out == "-":
        sys.stdout.write(text)
        return 0
    path = Path(options.out or Path("build") / Path(options.spec).stem / "timeline.html")
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
