"""Mixed states as cells that can be counted: tokens by value, each number of a vector by quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .agreement import Counts, counted
from .meaning import Site
from .schedules import Array

State = dict[Site, NDArray[Any]]


class Cells:
    """The cells of ``sites``; ``state`` says which values there are, and where the ``parts`` of equal size end."""

    def __init__(self, state: State, sites: list[Site], parts: int = 3) -> None:
        self.sites = sites
        inner = np.linspace(0, 1, parts + 1)[1:-1]
        self.ends: dict[Site, Array] = {
            site: np.quantile(state[site], inner, axis=0) for site in sites if state[site].ndim == 2
        }
        self.values = {site: int(state[site].max()) + 1 for site in sites if site not in self.ends}

    def counts(self, state: State) -> Counts:
        """How often each cell occurs."""
        columns, shape = [], []
        for site in self.sites:
            if site in self.ends:
                for number, ends in zip(state[site].T, self.ends[site].T, strict=True):
                    columns.append(np.searchsorted(ends, number))
                    shape.append(len(ends) + 1)
            else:
                columns.append(state[site])
                shape.append(self.values[site])
        return counted(np.stack(columns, 1), tuple(shape))
