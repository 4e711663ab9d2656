"""The emitted sampler, with an oracle for a denoiser, draws from the data's law.

Each chi-square test rejects a correct sampler with probability 1e-4; seeds are fixed, so a pass stays a pass.
Golden numbers: even-parity law under joint visits, .500 .501 .621 .862 for 1, 4, 16, 64 rounds.
"""

import numpy as np
import pytest
import torch
from emitted import module
from scipy.stats import chisquare

from gencc.runtime.sites import Examples

ALARM = 1e-4
TABLE = [[[8, 1], [2, 5]], [[1, 9], [4, 3]]]
LAW = np.array(TABLE, dtype=float) / np.sum(TABLE)
SPEC = """spec law
bit : discrete(2) on grid(3)
forward {
  rounds = 3
  order  = ORDER
  noise bit = KERNEL
}
denoiser exact(table = [[[8, 1], [2, 5]], [[1, 9], [4, 3]]])
predict bit by TARGET
"""
PLATE = SPEC.replace("bit : discrete(2) on grid(3)", "plate element[3] { bit : discrete(2) }")


def build(spec=SPEC, order="bit", kernel="uniform(keep = cosine)", target="cross_entropy"):
    return module(spec.replace("ORDER", order).replace("KERNEL", kernel).replace("TARGET", target)).Law()


def start(count, present=None):
    values = {"bit": torch.zeros(count, 3, dtype=torch.int64)}
    return Examples(values, {} if present is None else {"element": torch.tensor(present).expand(count, 3)})


def draw(model, count=6000, seed=0, begin=None, given=None):
    generator = torch.Generator().manual_seed(seed)
    return model.sample(begin if begin is not None else start(count), given or {}, generator)


def check(bits, law):
    """Chi-square of rows of bits against a law over them; a value of probability zero must not occur."""
    states = np.ravel_multi_index(tuple(bits.numpy().T), law.shape)
    seen = np.bincount(states, minlength=law.size)
    expected = law.ravel() * len(bits)
    assert seen[expected == 0].sum() == 0
    kept = expected > 0
    assert chisquare(seen[kept], expected[kept]).pvalue > ALARM


EXACT = [
    "bit",
    "reverse(bit)",
    "shuffle(bit)",
    "2 * bit",
    "2 * shuffle(bit)",
    "bit -> reverse(bit)",
    "zip(bit, reverse(bit))",
]


@pytest.mark.parametrize("order", EXACT)
def test_every_exact_order_draws_the_data_law(order):
    check(draw(build(order=order)).values["bit"], LAW)


@pytest.mark.parametrize("kernel", ["uniform", "mask", "ordinal", "marginal"])
@pytest.mark.parametrize("target", ["cross_entropy", "clean", "classifier"])
def test_every_kernel_and_target_draws_the_data_law(kernel, target):
    if target == "classifier" and kernel in ("mask", "ordinal"):
        pytest.skip("the compiler refuses these")
    text = (
        SPEC.replace("ORDER", "bit").replace("KERNEL", f"{kernel}(keep = cosine)").replace("TARGET", target)
    )
    found = module(text)
    model = found.Law(bit_frequencies=torch.tensor([0.3, 0.7])) if kernel == "marginal" else found.Law()
    check(draw(model, seed=1).values["bit"], LAW)


def test_a_random_scan_draws_the_data_law():
    model = build(order="8 * random(bit: 1)", kernel="uniform(keep = linear(1 -> 0))")
    check(draw(model, seed=2).values["bit"], LAW)


def test_absent_sites_leave_the_marginal_law():
    model = build(PLATE)
    bits = draw(model, begin=start(6000, [True, True, False])).values["bit"][:, :2]
    check(bits, LAW.sum(2))


def test_given_sites_stay_and_the_rest_follows_the_conditional_law():
    text = SPEC.replace("bit : discrete(2) on grid(3)", "first : discrete(2)\nbit : discrete(2) on grid(2)")
    text = text.replace("ORDER", "first -> bit").replace(
        "noise bit = KERNEL", "noise bit = uniform()\n  noise first = uniform()"
    )
    model = module(text.replace("TARGET", "clean") + "given nothing | first\n").Law()
    count = 6000
    begin = Examples(
        {"first": torch.ones(count, 1, dtype=torch.int64), "bit": torch.zeros(count, 2, dtype=torch.int64)},
        {},
    )
    out = draw(model, begin=begin, given={"first": torch.ones(count, 1, dtype=torch.bool)})
    assert bool((out.values["first"] == 1).all())
    check(out.values["bit"], LAW[1] / LAW[1].sum())
    free = draw(model, begin=begin, seed=3)
    check(torch.cat([free.values["first"], free.values["bit"]], 1), LAW)


@pytest.mark.parametrize("order", ["bit", "shuffle(bit)", "3 * random(bit: 1)"])
def test_redenoise_leaves_the_law_invariant(order):
    model = build(order=order)
    states = torch.multinomial(
        torch.tensor(LAW.ravel()), 6000, True, generator=torch.Generator().manual_seed(4)
    )
    bits = torch.stack([states // 4, states // 2 % 2, states % 2], 1)
    for rounds in (1, 2):
        out = model.redenoise(
            Examples({"bit": bits}, {}), {}, torch.Generator().manual_seed(5), rounds=rounds
        )
        check(out.values["bit"], LAW)


PARITY = """spec parity
bit : discrete(2) on grid(4)
forward {
  rounds = ROUNDS
  order  = ORDER
  noise bit = uniform(keep = geometric(KEEP))
}
denoiser exact(table = even_parity)
predict bit by TARGET
"""


def parity(order, rounds, keep, target="cross_entropy", count=20_000):
    text = (
        PARITY.replace("ROUNDS", str(rounds))
        .replace("ORDER", order)
        .replace("KEEP", str(keep))
        .replace("TARGET", target)
    )
    begin = Examples({"bit": torch.zeros(count, 4, dtype=torch.int64)}, {})
    out = module(text).Parity().sample(begin, {}, torch.Generator().manual_seed(6))
    return float((out.values["bit"].sum(1) % 2 == 0).double().mean())


GOLDEN = [(1, 0.02, 0.5000), (4, 0.3, 0.5013), (16, 0.7, 0.6213), (64, 0.92, 0.8620)]


@pytest.mark.parametrize(("rounds", "keep", "golden"), GOLDEN)
def test_gibbs_keeps_parity_always_and_a_joint_visit_as_often_as_predicted(rounds, keep, golden):
    assert parity("bit", rounds, keep, count=2000) == 1.0
    deviation = (golden * (1 - golden) / 20_000) ** 0.5
    for target in ("cross_entropy", "clean"):
        assert (
            abs(parity("all(bit)", rounds, keep, target) - golden) < 4.5 * deviation + 5e-5
        )  # 1e-5 false alarms


def test_blocks_are_wrong_on_parity():
    assert parity("blocks(bit, 2)", 4, 0.3, count=4000) < 0.7


MIXED = """spec mixed
bit  : discrete(2)
spot : real(1)
forward {
  rounds = ROUNDS
  order  = ORDER
  noise bit  = uniform(keep = geometric(KEEP))
  noise spot = gaussian(beta = linear(1e-4, 2e-2), steps = STEPS)
}
denoiser exact(mixture = [component(0.3, [0, normal(-1.5, 0.3)]), component(0.7, [1, normal(2.0, 0.3)])])
predict bit by cross_entropy
predict spot by TARGET
"""


def mixed(rounds, steps, order="bit -> spot", target="epsilon", count=20_000):
    keep = 0.02 ** (1 / rounds)
    text = MIXED.replace("ROUNDS", str(rounds)).replace("STEPS", str(steps)).replace("ORDER", order)
    model = module(text.replace("KEEP", repr(keep)).replace("TARGET", target)).Mixed()
    begin = Examples({"bit": torch.zeros(count, 1, dtype=torch.int64), "spot": torch.zeros(count, 1, 1)}, {})
    out = model.sample(begin, {}, torch.Generator().manual_seed(7))
    bit, spot = out.values["bit"][:, 0].numpy(), out.values["spot"][:, 0, 0].numpy()
    return (
        bit.mean(),
        [spot[bit == k].mean() for k in (0, 1)],
        [spot[bit == k].std() for k in (0, 1)],
        ((spot > 0.25) != (bit == 1)).mean(),
    )


@pytest.mark.parametrize(("rounds", "steps", "deviation"), [(1, 50, 0.257), (5, 10, 0.256), (20, 10, 0.286)])
def test_a_mixed_law_is_drawn_up_to_the_known_discretisation(rounds, steps, deviation):
    share, means, deviations, mismatch = mixed(rounds, steps)
    assert abs(share - 0.705) < 0.015
    assert np.allclose(means, [-1.5, 2.0], atol=0.06)
    assert np.allclose(deviations, deviation, atol=0.015)
    assert mismatch < 1e-3


@pytest.mark.parametrize("target", ["x0", "velocity"])
def test_every_vector_target_draws_the_same_law(target):
    share, means, _, mismatch = mixed(5, 20, target=target, count=8000)
    assert abs(share - 0.7) < 0.025 and np.allclose(means, [-1.5, 2.0], atol=0.08) and mismatch < 2e-3


def test_a_joint_visit_of_token_and_vector_mismatches_and_separate_visits_do_not():
    assert mixed(4, 10, order="bit & spot", count=4000)[3] > 0.01
    assert mixed(4, 10, order="spot -> bit", count=4000)[3] < 1e-3


def test_the_oracle_loss_is_the_least_there_is():
    model = build(order="bit", target="cross_entropy")
    generator = torch.Generator().manual_seed(8)
    states = torch.multinomial(torch.tensor(LAW.ravel()), 20_000, True, generator=generator)
    data = Examples({"bit": torch.stack([states // 4, states // 2 % 2, states % 2], 1)}, {})
    x = model.corrupt(data, generator)
    best = float(model(x)["bit"])
    before = model.oracle.before
    model.oracle.before = lambda *a, **k: 0.8 * before(*a, **k)
    flatter = float(model(x)["bit"])
    model.oracle.before = lambda *a, **k: 1.25 * before(*a, **k)
    assert best < flatter and best < float(model(x)["bit"])


def test_confidence_with_overwhelming_noise_is_one_site_after_another_in_random_order():
    """Steps as many as sites and a choice by noise alone: every visit draws one site from its exact conditional."""
    spec = SPEC.replace("rounds = 3", "rounds = 1") + "sample { choice = 1e9 }\n"
    model = build(spec, order="confidence(bit, 3, linear)", kernel="mask(keep = linear)", target="clean")
    check(draw(model).values["bit"], LAW)


def test_confidence_keeps_given_sites_and_fills_every_other():
    spec = SPEC.replace("rounds = 3", "rounds = 1").replace("predict", "given nothing | bit\npredict")
    spec = spec.replace("given nothing | bit", "given nothing | some(bit)")
    model = build(spec, order="confidence(bit, 2, cosine)", kernel="mask(keep = linear)", target="clean")
    begin = start(500)
    begin.values["bit"][:, 1] = 1
    held = torch.tensor([False, True, False]).expand(500, 3)
    out = draw(model, 500, begin=begin, given={"bit": held}).values["bit"]
    assert (out[:, 1] == 1).all() and out.max() == 1 and len(out.unique(dim=0)) > 2
