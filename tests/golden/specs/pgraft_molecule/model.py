"""pgraft_molecule: the process and its denoiser.

Compiled from pgraft_molecule.gen (sha256 79112d888064) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencc.runtime import adapters, data, kernels, layers, order, symmetry
from gencc.runtime.molecules import Molecules
from gencc.runtime.sites import Examples

ATOM = 29  # plate atom (pgraft_molecule.gen:11)

# order = position -> element  (pgraft_molecule.gen:18)
ROUNDS = 4
ROUND = order.sequence(order.sweep("position", 29), order.sweep("element", 29))
VISITS = 232  # of a whole trajectory

# at = round(2): visits 116 to 231 are tuned, 0 to 115 keep the reference's weights  (pgraft_molecule.gen:43)
LEVEL = 116

# noise element = uniform(keep = cosine): what 4 visits keep  (pgraft_molecule.gen:19)
u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
ELEMENT_KEEP = torch.cos(0.5 * torch.pi * u).square()

# noise position = gaussian(signal = cosine, steps = 50): 200 inner steps  (pgraft_molecule.gen:20)
POSITION_STEPS = 50
u = torch.linspace(0.0, 1.0, 201, dtype=torch.float64)
signal = torch.cos(0.5 * torch.pi * u).square()
POSITION_BETA = (1.0 - signal[1:] / signal[:-1]).clamp_max(0.999)

# What a data file holds of each variable.
FIELDS: dict[str, data.Tokens | data.Vectors] = {
    "element": data.Tokens(
        "atom", 29, values=("H", "C", "N", "O", "F"), column="atom"
    ),  # pgraft_molecule.gen:12
    "position": data.Vectors("atom", 29, length=3, scale="standard"),  # pgraft_molecule.gen:13
}
REPORT = Molecules(
    "atom",
    "element",
    "position",
    ("H", "C", "N", "O", "F"),
    metrics=("atom_stability", "molecule_stability", "validity", "uniqueness"),
)  # pgraft_molecule.gen:51
WIDTH = 128


def load_data() -> data.Dataset:
    """The examples of pgraft_molecule.gen:6, split."""
    return data.load("qm9", FIELDS, train=0.9, seed=0)


class PgraftMolecule(nn.Module):
    """Interleaved Gibbs diffusion over element, position (arXiv 2502.13450): every visit noises one site."""

    def __init__(self) -> None:
        super().__init__()
        self.element_noise = kernels.uniform(ELEMENT_KEEP, 5)
        self.position_noise = kernels.Gaussian(POSITION_BETA, POSITION_STEPS)

        # One token per atom: the sum of what is known of its variables.
        self.atom = nn.Parameter(0.02 * torch.randn(ATOM, WIDTH))
        self.element_value = nn.Embedding(5, WIDTH)
        self.element_level = layers.Levels(4, WIDTH)
        self.element_hidden = nn.Parameter(0.02 * torch.randn(WIDTH))
        self.position_value = layers.Vector(3, WIDTH)
        self.position_level = layers.Levels(len(POSITION_BETA), WIDTH)
        self.position_hidden = nn.Parameter(0.02 * torch.randn(WIDTH))

        # denoiser transformer (pgraft_molecule.gen:23)
        self.clock = layers.Clock(WIDTH)
        self.core_loop = layers.Loop(layers=4, width=WIDTH, heads=8, expansion=4)
        self.element_head = layers.TokenHead(WIDTH, 5)
        self.position_head = layers.DiffusionHead(
            WIDTH, hidden=128, layers=3, length=3, levels=len(POSITION_BETA)
        )

    def trunk(self, x: dict[str, Tensor]) -> Tensor:
        """The row of the token that the visit asks about, (B, 1, WIDTH); the site that it asks about is hidden."""
        element = self.element_value(x["element"])
        element = element + self.element_level(x["element_count"])
        element = torch.where(x["element_query"][..., None], self.element_hidden, element)
        position = self.position_value(x["position"])
        position = position + self.position_level(x["position_count"])
        position = torch.where(x["position_query"][..., None], self.position_hidden, position)
        tokens = self.atom[: x["atom_present"].shape[1]] + element + position
        clock = self.clock(x["time"])
        present = x["atom_present"][:, None, None, :]
        # The last layer updates only the rows that the visit asks about.
        asked, _ = layers.queried(x["element_query"] | x["position_query"], 1)
        return self.core_loop(tokens, clock, present, rows=asked)

    # ---- training

    def corrupt(
        self, clean: Examples, generator: torch.Generator, draws: int = 4, since: int = 0
    ) -> dict[str, Tensor]:
        """The state at a random visit of each trajectory, in closed form, and what the visit asks for.

        ``clean`` is the state that the trajectory has reached before visit number ``since``: data for 0.
        """
        atom_present = clean.present["atom"]
        element = clean.values["element"]
        position = clean.values["position"]
        position = symmetry.rotate(position, generator)
        free = {"element": atom_present, "position": atom_present}
        visit = order.pick(ROUND, ROUNDS, free, generator, since)
        reached = order.reached(ROUND, since, free)
        x = {"time": visit.time / VISITS, "atom_present": atom_present}

        m = visit.count["element"]
        element_since = reached["element"]
        before = self.element_noise.onward(element, element_since, m, generator)
        x |= {
            "element": before,
            "element_count": m,
            "element_query": visit.query["element"],
            "element_target": before,
        }

        n = POSITION_STEPS * visit.count["position"]
        position_since = (POSITION_STEPS * reached["position"]).expand_as(n)
        noisy, *_ = self.position_noise.onward(position, position_since, n, generator)
        # The head sees the queried sites at several inner steps of the visit, for one run of the trunk.
        index, _ = layers.queried(visit.query["position"], 1)
        inner = torch.randint(
            1, POSITION_STEPS + 1, (*index.shape, draws), generator=generator, device=n.device
        )
        inner = layers.take(n, index)[..., None] + inner
        origin = layers.take(position, index)[:, :, None].expand(*inner.shape, -1)
        since_inner = layers.take(position_since, index)[..., None].expand_as(inner)
        value, clean, eps, weight = self.position_noise.onward(origin, since_inner, inner, generator)
        x |= {
            "position": noisy,
            "position_count": n,
            "position_inner_count": inner,
            "position_query": visit.query["position"],
            "position_inner": value,
            "position_target": self.position_noise.velocity(clean, eps, inner),
            "position_weight": weight,
        }
        return x

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mean loss per variable, each averaged over the batch."""
        h = self.trunk(x)
        loss: dict[str, Tensor] = {}

        # predict element by cross_entropy (pgraft_molecule.gen:29)
        index, asked = layers.queried(x["element_query"], 1)
        logits = self.element_head(h)
        target = layers.take(x["element_target"], index)
        cost = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
        loss["element"] = torch.where(asked, cost, 0.0).sum(1).mean()

        # predict position by velocity (pgraft_molecule.gen:30)
        index, asked = layers.queried(x["position_query"], 1)
        guess = self.position_head(h[:, :, None], x["position_inner"], x["position_inner_count"])
        cost = (x["position_weight"] * (guess - x["position_target"]).square()).mean((-2, -1))
        loss["position"] = (cost * asked).sum(1).mean()
        return loss

    # ---- sampling

    @torch.no_grad()
    def sample(
        self,
        start: Examples,
        given: dict[str, Tensor],
        generator: torch.Generator,
        temperature: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """New examples on the sites that ``start`` says exist; where ``given`` holds, its values are kept."""
        noise, path = self.begin(start, given, generator)
        return self.descend(noise, given, path, generator, temperature, progress)[1]

    def begin(
        self, start: Examples, given: dict[str, Tensor], generator: torch.Generator
    ) -> tuple[Examples, order.Trajectory]:
        """Pure noise where nothing is given, and the visits that lead to it."""
        path = order.Trajectory(ROUND, ROUNDS, len(start), generator)
        element = self.element_noise.prior(start.present["atom"].shape, generator)
        position = self.position_noise.prior((*start.present["atom"].shape, 3), generator)
        noise = Examples({"element": element, "position": position}, start.present)
        return noise, path

    @torch.no_grad()
    def descend(
        self,
        noise: Examples,
        given: dict[str, Tensor],
        path: order.Trajectory,
        generator: torch.Generator,
        temperature: float = 1.0,
        progress: Callable[[int], None] | None = None,
        level: int = LEVEL,
    ) -> tuple[Examples, Examples]:
        """``path`` backwards: the state at ``level``, reached by the tuned weights, and what the reference makes of it."""
        state = self.denoise(noise, given, path.between(level, VISITS), generator, temperature, progress)
        with adapters.off(self):
            return state, self.denoise(state, given, path.between(0, level), generator, temperature, progress)

    @torch.no_grad()
    def redenoise(
        self,
        samples: Examples,
        given: dict[str, Tensor],
        generator: torch.Generator,
        rounds: int = 1,
        temperature: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """Finished samples, noised for ``rounds`` rounds and denoised again (ReDeNoise)."""
        path = order.Trajectory(ROUND, rounds, len(samples), generator)
        m = path.count["element"][:, : samples.present["atom"].shape[1]].expand(len(samples), -1)
        element = self.element_noise.at(samples.values["element"], m, generator)
        m = path.count["position"][:, : samples.present["atom"].shape[1]].expand(len(samples), -1)
        position, _ = self.position_noise.at(samples.values["position"], POSITION_STEPS * m, generator)
        noisy = Examples(samples.values | {"element": element, "position": position}, samples.present)
        return self.descend(noisy, given, path, generator, temperature, progress)[1]

    def visit(self, x: dict[str, Tensor], noise: dict[str, Tensor], temperature: float) -> dict[str, Tensor]:
        """One visit backwards: the variables named in ``noise``, with the sites that the visit asks about drawn anew."""
        drawn: dict[str, Tensor] = {}
        h = self.trunk(x)
        if "element" in noise:
            index, asked = layers.queried(x["element_query"], 1)
            logits = self.element_head(h).float()
            token = kernels.choose(logits / temperature, noise["element"])
            drawn["element"] = layers.put(x["element"], index, token, asked)
        if "position" in noise:
            index, asked = layers.queried(x["position_query"], 1)
            n = layers.take(x["position_count"], index)
            value = layers.take(x["position"], index)
            for k in reversed(range(1, POSITION_STEPS + 1)):
                guess = self.position_head(h, value, n + k)
                origin = self.position_noise.clean_from_velocity(value, guess, n + k)
                value = self.position_noise.denoise(value, origin, n + k, noise["position"][k - 1])
            drawn["position"] = layers.put(x["position"], index, value, asked)
        return drawn

    @torch.no_grad()
    def denoise(
        self,
        state: Examples,
        given: dict[str, Tensor],
        path: order.Trajectory,
        generator: torch.Generator,
        temperature: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """``path`` backwards: each visited site is drawn from its conditional given all the others."""
        atom_present = state.present["atom"]
        element = state.values["element"]
        position = state.values["position"]
        free = {"element": atom_present, "position": atom_present}
        for visit in path.backwards(free):
            element_query = visit.query.get("element", torch.zeros_like(atom_present)) & atom_present
            element_count = visit.count["element"].expand(element.shape)
            position_query = visit.query.get("position", torch.zeros_like(atom_present)) & atom_present
            position_count = (POSITION_STEPS * visit.count["position"]).expand(position.shape[:-1])
            x = {
                "time": torch.full((len(state),), visit.time / VISITS, device=generator.device),
                "atom_present": atom_present,
                "element": element,
                "element_count": element_count,
                "element_query": element_query,
                "position": position,
                "position_count": position_count,
                "position_query": position_query,
            }
            noise = {}
            if "element" in visit.query:
                noise["element"] = kernels.gumbel((len(state), 1, 5), generator)
            if "position" in visit.query:
                noise["position"] = self.position_noise.fresh((POSITION_STEPS, len(state), 1, 3), generator)
            drawn = self.visit(x, noise, temperature)
            element = drawn.get("element", element)
            position = drawn.get("position", position)
            if progress is not None:
                progress(1)
        return Examples(
            {"element": element * atom_present, "position": position * atom_present[..., None]}, state.present
        )
