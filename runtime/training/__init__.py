"""The training harness of emitted programs: command line, batches, logs, checkpoints, several processes."""

from .optimizers import Together, matrices
from .program import begin, main
from .run import Run
from .strip import Strip

__all__ = ["Run", "Strip", "Together", "begin", "main", "matrices"]
