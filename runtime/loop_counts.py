"""How often a loop repeats when sampling: what the command line offers."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Loops:
    """A loop's repeats: ``most`` in training, and when sampling by default ``chosen`` (None: a schedule of the spec's)."""

    most: int
    chosen: int | None

    def offer(self, parser: argparse.ArgumentParser) -> None:
        usual = "the spec's schedule" if self.chosen is None else str(self.chosen)
        parser.add_argument(
            "--loops",
            type=int,
            default=None,
            help=f"repeats of the loop, trained with up to {self.most} (default {usual})",
        )

    def check(self, parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
        if options.loops is not None and options.loops < 1:
            parser.error("--loops must be at least 1")
        if (options.loops or 0) > self.most:
            print(
                f"note: {options.loops} repeats, and training had at most {self.most}: quality may rise a little or fall",
                file=sys.stderr,
            )
