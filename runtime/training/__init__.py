"""The training harness of emitted programs: command line, batches, logs, checkpoints, several processes."""

from .program import begin, main
from .run import Report, Run

__all__ = ["Report", "Run", "begin", "main"]
