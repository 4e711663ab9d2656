"""The device that a program runs on."""

from __future__ import annotations

import torch

from .errors import UserError


def device(named: str | None, local: int | None = None) -> torch.device:
    """What the command line names, else a GPU where there is one: that of process ``local`` of this machine.

    Raises:
        UserError: no such device here.
    """
    if named is None:
        gpu = "cuda" if local is None else f"cuda:{local}"
        return torch.device(gpu if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(named)
        if found.type == "cuda" and found.index is None:  # of several processes, each takes its own
            found = torch.device("cuda", local or 0)
        torch.empty(0, device=found)
        if found.type == "meta":
            raise ValueError("it holds no numbers")
    except Exception as error:  # torch raises what each backend does
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"--device {named}: cannot be used here ({reason}); write cpu, or cuda on a machine with a GPU"
        ) from error
    return found
