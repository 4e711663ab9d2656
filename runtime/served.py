"""Samplers as packages: the visits of a trained model, compiled ahead of time (AOTInductor).

A package is a folder: one compiled visit per set of variables that visits draw together, and ``package.json``.  It is made
where there is a C++ compiler and used where there is none; loading takes a fraction of a second.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .errors import UserError

MANIFEST = "package.json"

Visit = Callable[..., dict[str, Tensor]]
"""Called with the state, its noise, and the sampler's further options."""


class Recorder:
    """Runs visits as they are and keeps the first arguments of every kind of visit."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.seen: dict[
            tuple[tuple[str, ...], tuple[float, ...]], tuple[dict[str, Tensor], dict[str, Tensor]]
        ] = {}

    def __call__(self, x: dict[str, Tensor], noise: dict[str, Tensor], *settings: float) -> dict[str, Tensor]:
        self.seen.setdefault((tuple(noise), settings), (dict(x), dict(noise)))
        return self.visit(x, noise, *settings)


class _Flat(nn.Module):
    """A visit of one kind as a function of a list of tensors."""

    def __init__(
        self, model: nn.Module, visit: Visit, x: list[str], noise: list[str], settings: tuple[float, ...]
    ):
        super().__init__()
        self.model = model  # for its weights
        self._visit, self._x, self._noise, self._settings = visit, x, noise, settings

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        x = dict(zip(self._x, tensors, strict=False))
        noise = dict(zip(self._noise, tensors[len(x) :], strict=True))
        return tuple(self._visit(x, noise, *self._settings).values())


def export(
    model: nn.Module,
    recorder: Recorder,
    folder: Path,
    settings: dict[str, Any],
    say: Callable[[str], None] = print,
) -> None:
    """Compiles every kind of visit that ``recorder`` saw; ``settings`` (batch, guidance, ...) are kept beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = []
    for number, ((names, now), (x, noise)) in enumerate(recorder.seen.items(), 1):
        say(f"compiling visit {number} of {len(recorder.seen)}: {', '.join(names)}")
        drawn = list(recorder.visit(x, noise, *now))
        flat = _Flat(model, recorder.visit, list(x), list(noise), now)
        with torch.no_grad():
            # Copies: a mask that is a view of itself would be exported with the strides of a view.
            inputs = tuple(
                t.clone(memory_format=torch.contiguous_format) for t in (*x.values(), *noise.values())
            )
            program = torch.export.export(flat, inputs, strict=False)
            file = f"visit{number}.pt2"
            torch._inductor.aoti_compile_and_package(program, package_path=str(folder / file))
        kinds.append(
            {"noise": list(noise), "x": list(x), "drawn": drawn, "file": file, "settings": list(now)}
        )
    text = json.dumps({**settings, "torch": torch.__version__, "visits": kinds}, indent=2)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


class Package:
    """A sampler's visits, loaded.  Called as the model's own ``visit``.

    Raises:
        UserError: the folder holds no package, one of another torch, or one of other settings.
    """

    def __init__(self, folder: Path, device: torch.device, settings: dict[str, Any]) -> None:
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(
                f"{folder}: holds no sampler; make one with --export {folder} ({error})"
            ) from error
        for name, value in {**settings, "torch": torch.__version__}.items():
            if manifest.get(name) != value:
                raise UserError(
                    f"{folder}: was exported with {name} = {manifest.get(name)}, not {value}; export it anew"
                )
        self.batch: int = manifest["batch"]
        self._visits: dict[tuple[tuple[str, ...], tuple[float, ...]], Any] = {}
        for kind in manifest["visits"]:
            # The C++ loader itself: `aoti_load_package` looks for a compiler first, which takes ten seconds.
            loader = torch._C._aoti.AOTIModelPackageLoader(
                str(folder / kind["file"]),
                "model",
                False,
                1,
                -1 if device.type == "cpu" else device.index or 0,
            )
            self._visits[tuple(kind["noise"]), tuple(kind["settings"])] = (loader, kind)

    def __call__(self, x: dict[str, Tensor], noise: dict[str, Tensor], *settings: float) -> dict[str, Tensor]:
        key = (tuple(noise), settings)
        if key not in self._visits:
            raise UserError(
                f"the package has no visit of {', '.join(noise)} with these options; export it anew with them"
            )
        loader, kind = self._visits[key]
        tensors = [x[name] for name in kind["x"]] + [noise[name] for name in kind["noise"]]
        return dict(zip(kind["drawn"], loader.run([t.contiguous() for t in tensors]), strict=True))
