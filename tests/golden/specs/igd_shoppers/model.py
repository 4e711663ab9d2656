"""igd_shoppers: the process and its denoiser.

Compiled from igd_shoppers.gen (sha256 79ddb9cac2f1) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencc.runtime import data, kernels, layers, order
from gencc.runtime.sites import Examples
from gencc.runtime.tables import Tables

# order = number -> informational -> month -> operatingsystems -> browser -> region -> traffictype -> visitortype -> weekend -> revenue  (igd_shoppers.gen:22)
ROUNDS = 4
ROUND = order.sequence(
    order.sweep("number", 9),
    order.sweep("informational", 1),
    order.sweep("month", 1),
    order.sweep("operatingsystems", 1),
    order.sweep("browser", 1),
    order.sweep("region", 1),
    order.sweep("traffictype", 1),
    order.sweep("visitortype", 1),
    order.sweep("weekend", 1),
    order.sweep("revenue", 1),
)
VISITS = 72  # of a whole trajectory

# noise number = gaussian(signal = cosine, steps = 25): 100 inner steps  (igd_shoppers.gen:23)
NUMBER_STEPS = 25
u = torch.linspace(0.0, 1.0, 101, dtype=torch.float64)
signal = torch.cos(0.5 * torch.pi * u).square()
NUMBER_BETA = (1.0 - signal[1:] / signal[:-1]).clamp_max(0.999)

# noise informational = uniform(keep = cosine): what 4 visits keep  (igd_shoppers.gen:24)
u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
INFORMATIONAL_KEEP = torch.cos(0.5 * torch.pi * u).square()

# noise month = uniform(keep = cosine): what 4 visits keep  (igd_shoppers.gen:25)
u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
MONTH_KEEP = torch.cos(0.5 * torch.pi * u).square()

# noise operatingsystems = uniform(keep = cosine): what 4 visits keep  (igd_shoppers.gen:26)
u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
OPERATINGSYSTEMS_KEEP = torch.cos(0.5 * torch.pi * u).square()

# noise browser = uniform(keep = cosine): what 4 visits keep  (igd_shoppers.gen:27)
u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
BROWSER_KEEP = torch.cos(0.5 * torch.pi * u).square()

# noise region = uniform(keep = cosine): what 4 visits keep  (igd_shoppers.gen:28)
u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
REGION_KEEP = torch.cos(0.5 * torch.pi * u).square()

# noise traffictype = uniform(keep = cosine): what 4 visits keep  (igd_shoppers.gen:29)
u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
TRAFFICTYPE_KEEP = torch.cos(0.5 * torch.pi * u).square()

# noise visitortype = uniform(keep = cosine): what 4 visits keep  (igd_shoppers.gen:30)
u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
VISITORTYPE_KEEP = torch.cos(0.5 * torch.pi * u).square()

# noise weekend = uniform(keep = cosine): what 4 visits keep  (igd_shoppers.gen:31)
u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
WEEKEND_KEEP = torch.cos(0.5 * torch.pi * u).square()

# noise revenue = uniform(keep = cosine): what 4 visits keep  (igd_shoppers.gen:32)
u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
REVENUE_KEEP = torch.cos(0.5 * torch.pi * u).square()

# What a data file holds of each variable.
FIELDS: dict[str, data.Tokens | data.Vectors] = {
    "number": data.Vectors(
        size=9,
        length=1,
        scale="quantile",
        columns=(
            "Administrative",
            "Administrative_Duration",
            "Informational_Duration",
            "ProductRelated",
            "ProductRelated_Duration",
            "BounceRates in %",
            "ExitRates in %",
            "PageValues",
            "SpecialDay (probability)",
        ),
    ),  # igd_shoppers.gen:9
    "informational": data.Tokens(column="Informational"),  # igd_shoppers.gen:10
    "month": data.Tokens(column="Month"),  # igd_shoppers.gen:11
    "operatingsystems": data.Tokens(column="OperatingSystems"),  # igd_shoppers.gen:12
    "browser": data.Tokens(column="Browser"),  # igd_shoppers.gen:13
    "region": data.Tokens(column="Region"),  # igd_shoppers.gen:14
    "traffictype": data.Tokens(column="TrafficType"),  # igd_shoppers.gen:15
    "visitortype": data.Tokens(column="VisitorType"),  # igd_shoppers.gen:16
    "weekend": data.Tokens(column="Weekend"),  # igd_shoppers.gen:17
    "revenue": data.Tokens(column="Revenue"),  # igd_shoppers.gen:18
}
REPORT = Tables(metrics=("shapes", "trends", "detection"))  # igd_shoppers.gen:61
WIDTH = 128


def load_data() -> data.Dataset:
    """The examples of igd_shoppers.gen:4, split."""
    return data.load(
        "parquet:../data/tables/shoppers.parquet", FIELDS, train=0.9, seed=0, base=Path(__file__).parent / "."
    )


class IgdShoppers(nn.Module):
    """Interleaved Gibbs diffusion over number, informational, month, operatingsystems, browser, region, traffictype, visitortype, weekend, revenue (arXiv 2502.13450): every visit noises one site."""

    def __init__(
        self,
        informational_values: int,
        month_values: int,
        operatingsystems_values: int,
        browser_values: int,
        region_values: int,
        traffictype_values: int,
        visitortype_values: int,
        weekend_values: int,
        revenue_values: int,
    ) -> None:
        super().__init__()
        self.number_noise = kernels.Gaussian(NUMBER_BETA, NUMBER_STEPS)
        self.informational_noise = kernels.uniform(INFORMATIONAL_KEEP, informational_values)
        self.month_noise = kernels.uniform(MONTH_KEEP, month_values)
        self.operatingsystems_noise = kernels.uniform(OPERATINGSYSTEMS_KEEP, operatingsystems_values)
        self.browser_noise = kernels.uniform(BROWSER_KEEP, browser_values)
        self.region_noise = kernels.uniform(REGION_KEEP, region_values)
        self.traffictype_noise = kernels.uniform(TRAFFICTYPE_KEEP, traffictype_values)
        self.visitortype_noise = kernels.uniform(VISITORTYPE_KEEP, visitortype_values)
        self.weekend_noise = kernels.uniform(WEEKEND_KEEP, weekend_values)
        self.revenue_noise = kernels.uniform(REVENUE_KEEP, revenue_values)

        self.number_site = nn.Parameter(0.02 * torch.randn(9, WIDTH))
        self.number_value = layers.Vector(1, WIDTH)
        self.number_level = layers.Fourier(WIDTH)
        self.number_hidden = nn.Parameter(0.02 * torch.randn(WIDTH))
        self.informational_site = nn.Parameter(0.02 * torch.randn(1, WIDTH))
        self.informational_value = nn.Embedding(informational_values, WIDTH)
        self.informational_level = layers.Fourier(WIDTH)
        self.informational_hidden = nn.Parameter(0.02 * torch.randn(WIDTH))
        self.month_site = nn.Parameter(0.02 * torch.randn(1, WIDTH))
        self.month_value = nn.Embedding(month_values, WIDTH)
        self.month_level = layers.Fourier(WIDTH)
        self.month_hidden = nn.Parameter(0.02 * torch.randn(WIDTH))
        self.operatingsystems_site = nn.Parameter(0.02 * torch.randn(1, WIDTH))
        self.operatingsystems_value = nn.Embedding(operatingsystems_values, WIDTH)
        self.operatingsystems_level = layers.Fourier(WIDTH)
        self.operatingsystems_hidden = nn.Parameter(0.02 * torch.randn(WIDTH))
        self.browser_site = nn.Parameter(0.02 * torch.randn(1, WIDTH))
        self.browser_value = nn.Embedding(browser_values, WIDTH)
        self.browser_level = layers.Fourier(WIDTH)
        self.browser_hidden = nn.Parameter(0.02 * torch.randn(WIDTH))
        self.region_site = nn.Parameter(0.02 * torch.randn(1, WIDTH))
        self.region_value = nn.Embedding(region_values, WIDTH)
        self.region_level = layers.Fourier(WIDTH)
        self.region_hidden = nn.Parameter(0.02 * torch.randn(WIDTH))
        self.traffictype_site = nn.Parameter(0.02 * torch.randn(1, WIDTH))
        self.traffictype_value = nn.Embedding(traffictype_values, WIDTH)
        self.traffictype_level = layers.Fourier(WIDTH)
        self.traffictype_hidden = nn.Parameter(0.02 * torch.randn(WIDTH))
        self.visitortype_site = nn.Parameter(0.02 * torch.randn(1, WIDTH))
        self.visitortype_value = nn.Embedding(visitortype_values, WIDTH)
        self.visitortype_level = layers.Fourier(WIDTH)
        self.visitortype_hidden = nn.Parameter(0.02 * torch.randn(WIDTH))
        self.weekend_site = nn.Parameter(0.02 * torch.randn(1, WIDTH))
        self.weekend_value = nn.Embedding(weekend_values, WIDTH)
        self.weekend_level = layers.Fourier(WIDTH)
        self.weekend_hidden = nn.Parameter(0.02 * torch.randn(WIDTH))
        self.revenue_site = nn.Parameter(0.02 * torch.randn(1, WIDTH))
        self.revenue_value = nn.Embedding(revenue_values, WIDTH)
        self.revenue_level = layers.Fourier(WIDTH)
        self.revenue_hidden = nn.Parameter(0.02 * torch.randn(WIDTH))

        # denoiser transformer (igd_shoppers.gen:35)
        self.clock = layers.Clock(WIDTH)
        self.core_loop = layers.Loop(layers=4, width=WIDTH, heads=8, expansion=4)
        self.number_head = layers.DiffusionHead(WIDTH, hidden=128, layers=3, length=1)
        self.informational_head = layers.TokenHead(WIDTH, informational_values)
        self.month_head = layers.TokenHead(WIDTH, month_values)
        self.operatingsystems_head = layers.TokenHead(WIDTH, operatingsystems_values)
        self.browser_head = layers.TokenHead(WIDTH, browser_values)
        self.region_head = layers.TokenHead(WIDTH, region_values)
        self.traffictype_head = layers.TokenHead(WIDTH, traffictype_values)
        self.visitortype_head = layers.TokenHead(WIDTH, visitortype_values)
        self.weekend_head = layers.TokenHead(WIDTH, weekend_values)
        self.revenue_head = layers.TokenHead(WIDTH, revenue_values)

    def trunk(self, x: dict[str, Tensor]) -> Tensor:
        """Every token's row (B, 18, WIDTH); the sites that the visit asks about are hidden."""
        number = self.number_value(x["number"])
        number = number + self.number_level(x["number_count"] / len(NUMBER_BETA))
        number = torch.where(x["number_query"][..., None], self.number_hidden, number)
        informational = self.informational_value(x["informational"])
        informational = informational + self.informational_level(x["informational_count"] / 4)
        informational = torch.where(
            x["informational_query"][..., None], self.informational_hidden, informational
        )
        month = self.month_value(x["month"])
        month = month + self.month_level(x["month_count"] / 4)
        month = torch.where(x["month_query"][..., None], self.month_hidden, month)
        operatingsystems = self.operatingsystems_value(x["operatingsystems"])
        operatingsystems = operatingsystems + self.operatingsystems_level(x["operatingsystems_count"] / 4)
        operatingsystems = torch.where(
            x["operatingsystems_query"][..., None], self.operatingsystems_hidden, operatingsystems
        )
        browser = self.browser_value(x["browser"])
        browser = browser + self.browser_level(x["browser_count"] / 4)
        browser = torch.where(x["browser_query"][..., None], self.browser_hidden, browser)
        region = self.region_value(x["region"])
        region = region + self.region_level(x["region_count"] / 4)
        region = torch.where(x["region_query"][..., None], self.region_hidden, region)
        traffictype = self.traffictype_value(x["traffictype"])
        traffictype = traffictype + self.traffictype_level(x["traffictype_count"] / 4)
        traffictype = torch.where(x["traffictype_query"][..., None], self.traffictype_hidden, traffictype)
        visitortype = self.visitortype_value(x["visitortype"])
        visitortype = visitortype + self.visitortype_level(x["visitortype_count"] / 4)
        visitortype = torch.where(x["visitortype_query"][..., None], self.visitortype_hidden, visitortype)
        weekend = self.weekend_value(x["weekend"])
        weekend = weekend + self.weekend_level(x["weekend_count"] / 4)
        weekend = torch.where(x["weekend_query"][..., None], self.weekend_hidden, weekend)
        revenue = self.revenue_value(x["revenue"])
        revenue = revenue + self.revenue_level(x["revenue_count"] / 4)
        revenue = torch.where(x["revenue_query"][..., None], self.revenue_hidden, revenue)
        tokens = torch.cat(
            [
                self.number_site + number,
                self.informational_site + informational,
                self.month_site + month,
                self.operatingsystems_site + operatingsystems,
                self.browser_site + browser,
                self.region_site + region,
                self.traffictype_site + traffictype,
                self.visitortype_site + visitortype,
                self.weekend_site + weekend,
                self.revenue_site + revenue,
            ],
            dim=1,
        )
        clock = self.clock(x["time"])
        # The last layer updates only the rows that the visit asks about.
        asked, _ = layers.queried(
            torch.cat(
                [
                    x["number_query"],
                    x["informational_query"],
                    x["month_query"],
                    x["operatingsystems_query"],
                    x["browser_query"],
                    x["region_query"],
                    x["traffictype_query"],
                    x["visitortype_query"],
                    x["weekend_query"],
                    x["revenue_query"],
                ],
                1,
            ),
            1,
        )
        tokens = self.core_loop(tokens, clock, None, rows=asked)
        return tokens

    # ---- training

    def corrupt(self, clean: Examples, generator: torch.Generator, draws: int = 4) -> dict[str, Tensor]:
        """The state at a random visit of each trajectory, in closed form, and what the visit asks for."""
        number = clean.values["number"]
        informational = clean.values["informational"]
        month = clean.values["month"]
        operatingsystems = clean.values["operatingsystems"]
        browser = clean.values["browser"]
        region = clean.values["region"]
        traffictype = clean.values["traffictype"]
        visitortype = clean.values["visitortype"]
        weekend = clean.values["weekend"]
        revenue = clean.values["revenue"]
        number_free = torch.ones_like(number[..., 0], dtype=torch.bool)
        informational_free = torch.ones_like(informational, dtype=torch.bool)
        month_free = torch.ones_like(month, dtype=torch.bool)
        operatingsystems_free = torch.ones_like(operatingsystems, dtype=torch.bool)
        browser_free = torch.ones_like(browser, dtype=torch.bool)
        region_free = torch.ones_like(region, dtype=torch.bool)
        traffictype_free = torch.ones_like(traffictype, dtype=torch.bool)
        visitortype_free = torch.ones_like(visitortype, dtype=torch.bool)
        weekend_free = torch.ones_like(weekend, dtype=torch.bool)
        revenue_free = torch.ones_like(revenue, dtype=torch.bool)
        visit = order.pick(
            ROUND,
            ROUNDS,
            {
                "number": number_free,
                "informational": informational_free,
                "month": month_free,
                "operatingsystems": operatingsystems_free,
                "browser": browser_free,
                "region": region_free,
                "traffictype": traffictype_free,
                "visitortype": visitortype_free,
                "weekend": weekend_free,
                "revenue": revenue_free,
            },
            generator,
        )
        x = {
            "time": visit.time / VISITS,
        }

        n = NUMBER_STEPS * visit.count["number"]
        noisy, _ = self.number_noise.at(number, n, generator)
        # The head sees the queried sites at several inner steps of the visit, for one run of the trunk.
        index, _ = layers.queried(visit.query["number"], 1)
        inner = torch.randint(
            1, NUMBER_STEPS + 1, (*index.shape, draws), generator=generator, device=n.device
        )
        inner = layers.take(n, index)[..., None] + inner
        origin = layers.take(number, index)[:, :, None].expand(*inner.shape, -1)
        value, eps = self.number_noise.at(origin, inner, generator)
        x |= {
            "number": noisy,
            "number_count": n,
            "number_inner_count": inner,
            "number_query": visit.query["number"],
            "number_inner": value,
            "number_target": eps,
        }

        m = visit.count["informational"]
        before = self.informational_noise.at(informational, m, generator)
        x |= {
            "informational": before,
            "informational_count": m,
            "informational_query": visit.query["informational"],
            "informational_target": before,
        }

        m = visit.count["month"]
        before = self.month_noise.at(month, m, generator)
        x |= {
            "month": before,
            "month_count": m,
            "month_query": visit.query["month"],
            "month_target": before,
        }

        m = visit.count["operatingsystems"]
        before = self.operatingsystems_noise.at(operatingsystems, m, generator)
        x |= {
            "operatingsystems": before,
            "operatingsystems_count": m,
            "operatingsystems_query": visit.query["operatingsystems"],
            "operatingsystems_target": before,
        }

        m = visit.count["browser"]
        before = self.browser_noise.at(browser, m, generator)
        x |= {
            "browser": before,
            "browser_count": m,
            "browser_query": visit.query["browser"],
            "browser_target": before,
        }

        m = visit.count["region"]
        before = self.region_noise.at(region, m, generator)
        x |= {
            "region": before,
            "region_count": m,
            "region_query": visit.query["region"],
            "region_target": before,
        }

        m = visit.count["traffictype"]
        before = self.traffictype_noise.at(traffictype, m, generator)
        x |= {
            "traffictype": before,
            "traffictype_count": m,
            "traffictype_query": visit.query["traffictype"],
            "traffictype_target": before,
        }

        m = visit.count["visitortype"]
        before = self.visitortype_noise.at(visitortype, m, generator)
        x |= {
            "visitortype": before,
            "visitortype_count": m,
            "visitortype_query": visit.query["visitortype"],
            "visitortype_target": before,
        }

        m = visit.count["weekend"]
        before = self.weekend_noise.at(weekend, m, generator)
        x |= {
            "weekend": before,
            "weekend_count": m,
            "weekend_query": visit.query["weekend"],
            "weekend_target": before,
        }

        m = visit.count["revenue"]
        before = self.revenue_noise.at(revenue, m, generator)
        x |= {
            "revenue": before,
            "revenue_count": m,
            "revenue_query": visit.query["revenue"],
            "revenue_target": before,
        }
        return x

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mean loss per variable, each averaged over the batch."""
        h = self.trunk(x)
        loss: dict[str, Tensor] = {}

        # predict number by epsilon (igd_shoppers.gen:41)
        index, asked = layers.queried(x["number_query"], 1)
        row = layers.take(h[:, 0:9], index)[:, :, None]
        guess = self.number_head(row, x["number_inner"], x["number_inner_count"] / len(NUMBER_BETA))
        cost = (guess - x["number_target"]).square().mean((-2, -1))
        loss["number"] = (cost * asked).sum(1).mean()

        # predict informational by cross_entropy (igd_shoppers.gen:42)
        index, asked = layers.queried(x["informational_query"], 1)
        logits = self.informational_head(layers.take(h[:, 9:10], index))
        target = layers.take(x["informational_target"], index)
        cost = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
        loss["informational"] = torch.where(asked, cost, 0.0).sum(1).mean()

        # predict month by cross_entropy (igd_shoppers.gen:43)
        index, asked = layers.queried(x["month_query"], 1)
        logits = self.month_head(layers.take(h[:, 10:11], index))
        target = layers.take(x["month_target"], index)
        cost = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
        loss["month"] = torch.where(asked, cost, 0.0).sum(1).mean()

        # predict operatingsystems by cross_entropy (igd_shoppers.gen:44)
        index, asked = layers.queried(x["operatingsystems_query"], 1)
        logits = self.operatingsystems_head(layers.take(h[:, 11:12], index))
        target = layers.take(x["operatingsystems_target"], index)
        cost = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
        loss["operatingsystems"] = torch.where(asked, cost, 0.0).sum(1).mean()

        # predict browser by cross_entropy (igd_shoppers.gen:45)
        index, asked = layers.queried(x["browser_query"], 1)
        logits = self.browser_head(layers.take(h[:, 12:13], index))
        target = layers.take(x["browser_target"], index)
        cost = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
        loss["browser"] = torch.where(asked, cost, 0.0).sum(1).mean()

        # predict region by cross_entropy (igd_shoppers.gen:46)
        index, asked = layers.queried(x["region_query"], 1)
        logits = self.region_head(layers.take(h[:, 13:14], index))
        target = layers.take(x["region_target"], index)
        cost = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
        loss["region"] = torch.where(asked, cost, 0.0).sum(1).mean()

        # predict traffictype by cross_entropy (igd_shoppers.gen:47)
        index, asked = layers.queried(x["traffictype_query"], 1)
        logits = self.traffictype_head(layers.take(h[:, 14:15], index))
        target = layers.take(x["traffictype_target"], index)
        cost = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
        loss["traffictype"] = torch.where(asked, cost, 0.0).sum(1).mean()

        # predict visitortype by cross_entropy (igd_shoppers.gen:48)
        index, asked = layers.queried(x["visitortype_query"], 1)
        logits = self.visitortype_head(layers.take(h[:, 15:16], index))
        target = layers.take(x["visitortype_target"], index)
        cost = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
        loss["visitortype"] = torch.where(asked, cost, 0.0).sum(1).mean()

        # predict weekend by cross_entropy (igd_shoppers.gen:49)
        index, asked = layers.queried(x["weekend_query"], 1)
        logits = self.weekend_head(layers.take(h[:, 16:17], index))
        target = layers.take(x["weekend_target"], index)
        cost = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
        loss["weekend"] = torch.where(asked, cost, 0.0).sum(1).mean()

        # predict revenue by cross_entropy (igd_shoppers.gen:50)
        index, asked = layers.queried(x["revenue_query"], 1)
        logits = self.revenue_head(layers.take(h[:, 17:18], index))
        target = layers.take(x["revenue_target"], index)
        cost = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
        loss["revenue"] = torch.where(asked, cost, 0.0).sum(1).mean()
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
        path = order.Trajectory(ROUND, ROUNDS, len(start), generator)
        values = {
            "number": self.number_noise.prior((len(start), 9, 1), generator),
            "informational": self.informational_noise.prior((len(start), 1), generator),
            "month": self.month_noise.prior((len(start), 1), generator),
            "operatingsystems": self.operatingsystems_noise.prior((len(start), 1), generator),
            "browser": self.browser_noise.prior((len(start), 1), generator),
            "region": self.region_noise.prior((len(start), 1), generator),
            "traffictype": self.traffictype_noise.prior((len(start), 1), generator),
            "visitortype": self.visitortype_noise.prior((len(start), 1), generator),
            "weekend": self.weekend_noise.prior((len(start), 1), generator),
            "revenue": self.revenue_noise.prior((len(start), 1), generator),
        }
        for name, kept in given.items():
            if name in values:
                known = kept.reshape(*kept.shape, *(1,) * (values[name].dim() - kept.dim()))
                values[name] = torch.where(known, start.values[name], values[name])
        return self.denoise(Examples(values, start.present), given, path, generator, temperature, progress)

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
        values = dict(samples.values)
        m = path.count["number"].expand(len(samples), -1)
        values["number"], _ = self.number_noise.at(values["number"], NUMBER_STEPS * m, generator)
        m = path.count["informational"].expand(len(samples), -1)
        values["informational"] = self.informational_noise.at(values["informational"], m, generator)
        m = path.count["month"].expand(len(samples), -1)
        values["month"] = self.month_noise.at(values["month"], m, generator)
        m = path.count["operatingsystems"].expand(len(samples), -1)
        values["operatingsystems"] = self.operatingsystems_noise.at(values["operatingsystems"], m, generator)
        m = path.count["browser"].expand(len(samples), -1)
        values["browser"] = self.browser_noise.at(values["browser"], m, generator)
        m = path.count["region"].expand(len(samples), -1)
        values["region"] = self.region_noise.at(values["region"], m, generator)
        m = path.count["traffictype"].expand(len(samples), -1)
        values["traffictype"] = self.traffictype_noise.at(values["traffictype"], m, generator)
        m = path.count["visitortype"].expand(len(samples), -1)
        values["visitortype"] = self.visitortype_noise.at(values["visitortype"], m, generator)
        m = path.count["weekend"].expand(len(samples), -1)
        values["weekend"] = self.weekend_noise.at(values["weekend"], m, generator)
        m = path.count["revenue"].expand(len(samples), -1)
        values["revenue"] = self.revenue_noise.at(values["revenue"], m, generator)
        for name, kept in given.items():
            known = kept.reshape(*kept.shape, *(1,) * (values[name].dim() - kept.dim()))
            values[name] = torch.where(known, samples.values[name], values[name])
        return self.denoise(Examples(values, samples.present), given, path, generator, temperature, progress)

    def visit(self, x: dict[str, Tensor], noise: dict[str, Tensor], temperature: float) -> dict[str, Tensor]:
        """One visit backwards: the variables named in ``noise``, with the sites that the visit asks about drawn anew."""
        drawn: dict[str, Tensor] = {}
        h = self.trunk(x)
        if "number" in noise:
            index, asked = layers.queried(x["number_query"], 1)
            n = layers.take(x["number_count"], index)
            value = layers.take(x["number"], index)
            row = layers.take(h[:, 0:9], index)
            for k in reversed(range(1, NUMBER_STEPS + 1)):
                guess = self.number_head(row, value, (n + k) / len(NUMBER_BETA))
                origin = self.number_noise.clean_from_epsilon(value, guess, n + k)
                value = self.number_noise.denoise(value, origin, n + k, noise["number"][k - 1])
            drawn["number"] = layers.put(x["number"], index, value, asked)
        if "informational" in noise:
            index, asked = layers.queried(x["informational_query"], 1)
            logits = self.informational_head(layers.take(h[:, 9:10], index)).float()
            token = kernels.choose(logits / temperature, noise["informational"])
            drawn["informational"] = layers.put(x["informational"], index, token, asked)
        if "month" in noise:
            index, asked = layers.queried(x["month_query"], 1)
            logits = self.month_head(layers.take(h[:, 10:11], index)).float()
            token = kernels.choose(logits / temperature, noise["month"])
            drawn["month"] = layers.put(x["month"], index, token, asked)
        if "operatingsystems" in noise:
            index, asked = layers.queried(x["operatingsystems_query"], 1)
            logits = self.operatingsystems_head(layers.take(h[:, 11:12], index)).float()
            token = kernels.choose(logits / temperature, noise["operatingsystems"])
            drawn["operatingsystems"] = layers.put(x["operatingsystems"], index, token, asked)
        if "browser" in noise:
            index, asked = layers.queried(x["browser_query"], 1)
            logits = self.browser_head(layers.take(h[:, 12:13], index)).float()
            token = kernels.choose(logits / temperature, noise["browser"])
            drawn["browser"] = layers.put(x["browser"], index, token, asked)
        if "region" in noise:
            index, asked = layers.queried(x["region_query"], 1)
            logits = self.region_head(layers.take(h[:, 13:14], index)).float()
            token = kernels.choose(logits / temperature, noise["region"])
            drawn["region"] = layers.put(x["region"], index, token, asked)
        if "traffictype" in noise:
            index, asked = layers.queried(x["traffictype_query"], 1)
            logits = self.traffictype_head(layers.take(h[:, 14:15], index)).float()
            token = kernels.choose(logits / temperature, noise["traffictype"])
            drawn["traffictype"] = layers.put(x["traffictype"], index, token, asked)
        if "visitortype" in noise:
            index, asked = layers.queried(x["visitortype_query"], 1)
            logits = self.visitortype_head(layers.take(h[:, 15:16], index)).float()
            token = kernels.choose(logits / temperature, noise["visitortype"])
            drawn["visitortype"] = layers.put(x["visitortype"], index, token, asked)
        if "weekend" in noise:
            index, asked = layers.queried(x["weekend_query"], 1)
            logits = self.weekend_head(layers.take(h[:, 16:17], index)).float()
            token = kernels.choose(logits / temperature, noise["weekend"])
            drawn["weekend"] = layers.put(x["weekend"], index, token, asked)
        if "revenue" in noise:
            index, asked = layers.queried(x["revenue_query"], 1)
            logits = self.revenue_head(layers.take(h[:, 17:18], index)).float()
            token = kernels.choose(logits / temperature, noise["revenue"])
            drawn["revenue"] = layers.put(x["revenue"], index, token, asked)
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
        number = state.values["number"]
        informational = state.values["informational"]
        month = state.values["month"]
        operatingsystems = state.values["operatingsystems"]
        browser = state.values["browser"]
        region = state.values["region"]
        traffictype = state.values["traffictype"]
        visitortype = state.values["visitortype"]
        weekend = state.values["weekend"]
        revenue = state.values["revenue"]
        number_free = torch.ones_like(number[..., 0], dtype=torch.bool)
        informational_free = torch.ones_like(informational, dtype=torch.bool)
        month_free = torch.ones_like(month, dtype=torch.bool)
        operatingsystems_free = torch.ones_like(operatingsystems, dtype=torch.bool)
        browser_free = torch.ones_like(browser, dtype=torch.bool)
        region_free = torch.ones_like(region, dtype=torch.bool)
        traffictype_free = torch.ones_like(traffictype, dtype=torch.bool)
        visitortype_free = torch.ones_like(visitortype, dtype=torch.bool)
        weekend_free = torch.ones_like(weekend, dtype=torch.bool)
        revenue_free = torch.ones_like(revenue, dtype=torch.bool)
        free = {
            "number": number_free,
            "informational": informational_free,
            "month": month_free,
            "operatingsystems": operatingsystems_free,
            "browser": browser_free,
            "region": region_free,
            "traffictype": traffictype_free,
            "visitortype": visitortype_free,
            "weekend": weekend_free,
            "revenue": revenue_free,
        }
        for visit in path.backwards(free):
            number_query = visit.query.get("number", torch.zeros_like(number_free)) & number_free
            number_count = (NUMBER_STEPS * visit.count["number"]).expand(number.shape[:-1])
            informational_query = (
                visit.query.get("informational", torch.zeros_like(informational_free)) & informational_free
            )
            informational_count = (visit.count["informational"]).expand(informational.shape)
            month_query = visit.query.get("month", torch.zeros_like(month_free)) & month_free
            month_count = (visit.count["month"]).expand(month.shape)
            operatingsystems_query = (
                visit.query.get("operatingsystems", torch.zeros_like(operatingsystems_free))
                & operatingsystems_free
            )
            operatingsystems_count = (visit.count["operatingsystems"]).expand(operatingsystems.shape)
            browser_query = visit.query.get("browser", torch.zeros_like(browser_free)) & browser_free
            browser_count = (visit.count["browser"]).expand(browser.shape)
            region_query = visit.query.get("region", torch.zeros_like(region_free)) & region_free
            region_count = (visit.count["region"]).expand(region.shape)
            traffictype_query = (
                visit.query.get("traffictype", torch.zeros_like(traffictype_free)) & traffictype_free
            )
            traffictype_count = (visit.count["traffictype"]).expand(traffictype.shape)
            visitortype_query = (
                visit.query.get("visitortype", torch.zeros_like(visitortype_free)) & visitortype_free
            )
            visitortype_count = (visit.count["visitortype"]).expand(visitortype.shape)
            weekend_query = visit.query.get("weekend", torch.zeros_like(weekend_free)) & weekend_free
            weekend_count = (visit.count["weekend"]).expand(weekend.shape)
            revenue_query = visit.query.get("revenue", torch.zeros_like(revenue_free)) & revenue_free
            revenue_count = (visit.count["revenue"]).expand(revenue.shape)
            x = {
                "time": torch.full((len(state),), visit.time / VISITS, device=generator.device),
                "number": number,
                "number_count": number_count,
                "number_query": number_query,
                "informational": informational,
                "informational_count": informational_count,
                "informational_query": informational_query,
                "month": month,
                "month_count": month_count,
                "month_query": month_query,
                "operatingsystems": operatingsystems,
                "operatingsystems_count": operatingsystems_count,
                "operatingsystems_query": operatingsystems_query,
                "browser": browser,
                "browser_count": browser_count,
                "browser_query": browser_query,
                "region": region,
                "region_count": region_count,
                "region_query": region_query,
                "traffictype": traffictype,
                "traffictype_count": traffictype_count,
                "traffictype_query": traffictype_query,
                "visitortype": visitortype,
                "visitortype_count": visitortype_count,
                "visitortype_query": visitortype_query,
                "weekend": weekend,
                "weekend_count": weekend_count,
                "weekend_query": weekend_query,
                "revenue": revenue,
                "revenue_count": revenue_count,
                "revenue_query": revenue_query,
            }
            noise = {}
            if "number" in visit.query:
                noise["number"] = self.number_noise.fresh((NUMBER_STEPS, len(state), 1, 1), generator)
            if "informational" in visit.query:
                noise["informational"] = kernels.gumbel(
                    (*informational.shape, self.informational_noise.values), generator
                )
            if "month" in visit.query:
                noise["month"] = kernels.gumbel((*month.shape, self.month_noise.values), generator)
            if "operatingsystems" in visit.query:
                noise["operatingsystems"] = kernels.gumbel(
                    (*operatingsystems.shape, self.operatingsystems_noise.values), generator
                )
            if "browser" in visit.query:
                noise["browser"] = kernels.gumbel((*browser.shape, self.browser_noise.values), generator)
            if "region" in visit.query:
                noise["region"] = kernels.gumbel((*region.shape, self.region_noise.values), generator)
            if "traffictype" in visit.query:
                noise["traffictype"] = kernels.gumbel(
                    (*traffictype.shape, self.traffictype_noise.values), generator
                )
            if "visitortype" in visit.query:
                noise["visitortype"] = kernels.gumbel(
                    (*visitortype.shape, self.visitortype_noise.values), generator
                )
            if "weekend" in visit.query:
                noise["weekend"] = kernels.gumbel((*weekend.shape, self.weekend_noise.values), generator)
            if "revenue" in visit.query:
                noise["revenue"] = kernels.gumbel((*revenue.shape, self.revenue_noise.values), generator)
            drawn = self.visit(x, noise, temperature)
            number = drawn.get("number", number)
            informational = drawn.get("informational", informational)
            month = drawn.get("month", month)
            operatingsystems = drawn.get("operatingsystems", operatingsystems)
            browser = drawn.get("browser", browser)
            region = drawn.get("region", region)
            traffictype = drawn.get("traffictype", traffictype)
            visitortype = drawn.get("visitortype", visitortype)
            weekend = drawn.get("weekend", weekend)
            revenue = drawn.get("revenue", revenue)
            if progress is not None:
                progress(1)
        return Examples(
            {
                "number": number,
                "informational": informational,
                "month": month,
                "operatingsystems": operatingsystems,
                "browser": browser,
                "region": region,
                "traffictype": traffictype,
                "visitortype": visitortype,
                "weekend": weekend,
                "revenue": revenue,
            },
            state.present,
        )
