"""A loop over like tokens computes what a paragraph for each computes, to the bit."""

import inspect

import pytest
import torch
from emitted import CASES, module, programs

from gencc.compiler.emit import columns
from gencc.runtime.sites import Examples

NAMES = ("work", "school", "status", "home", "sex")


def spec(kernel, target, inner="head", numbers=True):
    words = "\n".join(f'{n} : discrete(from = data) from column "{n} of them"' for n in NAMES)
    return f"""spec people
data {{ source = "csv:people.csv" }}
{"age : real(1) on grid(2) in [0, 1]" if numbers else ""}
{words}
forward {{
  rounds = 3
  order = {"age -> " if numbers else ""}{" -> ".join(NAMES)}
  {"noise age = gaussian(signal = cosine, steps = 3)" if numbers else ""}
{chr(10).join(f"  noise {n} = {kernel}" for n in NAMES)}
}}
denoiser transformer {{ width = 16, heads = 2, layers = 2, inner = {inner} }}
{"predict age by epsilon" if numbers else ""}
{chr(10).join(f"predict {n} by {target}" for n in NAMES)}
"""


def build(text, sizes):
    found = module(text)
    cls = next(c for c in vars(found).values() if isinstance(c, type) and c.__module__ == found.__name__)
    laws = [torch.arange(1.0, n + 1) / sum(range(1, n + 1)) for n in sizes]
    known = {"column_values": sizes, "column_frequencies": laws}
    for name, n, law in zip(NAMES, sizes, laws, strict=True):
        known |= {f"{name}_values": n, f"{name}_frequencies": law}
    return cls(**{n: known[n] for n in list(inspect.signature(cls.__init__).parameters)[1:]})


def spelled_out(state):
    """The weights of the loop under the names that they have where each token has a paragraph."""
    out = {}
    for key, value in state.items():
        part, _, rest = key.removeprefix("column_").partition(".")
        if not key.startswith("column_"):
            out[key] = value
        elif rest:
            number, _, inner = rest.partition(".")
            out[f"{NAMES[int(number)]}_{part}.{inner}"] = value
        else:
            rows = value[:, None] if part == "site" else value
            out |= {f"{name}_{part}": row for name, row in zip(NAMES, rows, strict=True)}
    return out


@pytest.mark.parametrize(
    ("kernel", "target", "inner", "numbers"),
    [
        ("uniform(keep = cosine)", "cross_entropy", "head", True),
        ("marginal(keep = linear)", "clean", "joint", True),
        ("uniform(keep = cosine)", "classifier", "row", True),
        ("mask(keep = linear)", "cross_entropy", "head", False),
        ("mask(keep = linear)", "clean", "head", True),
    ],
)
def test_the_loop_is_the_paragraphs(kernel, target, inner, numbers, monkeypatch):
    text, sizes = spec(kernel, target, inner, numbers), [3, 5, 2, 7, 4]
    torch.manual_seed(0)
    loop = build(text, sizes)
    for p in loop.parameters():
        torch.nn.init.normal_(p, std=0.3)
    monkeypatch.setattr(columns, "FEWEST", 99)
    plain = build(text, sizes)
    plain.load_state_dict(spelled_out(loop.state_dict()))
    g = torch.Generator().manual_seed(1)
    values = {n: torch.randint(k, (16, 1), generator=g) for n, k in zip(NAMES, sizes, strict=True)}
    if numbers:
        values["age"] = torch.rand(16, 2, 1, generator=g) * 2 - 1
    data = Examples(values, {})
    noisy = [m.corrupt(data, torch.Generator().manual_seed(2)) for m in (loop, plain)]
    assert noisy[0].keys() == noisy[1].keys()
    assert all(torch.equal(noisy[0][k], noisy[1][k]) for k in noisy[0])
    losses = [m(x) for m, x in zip((loop, plain), noisy, strict=True)]
    assert {k: v.item() for k, v in losses[0].items()} == {k: v.item() for k, v in losses[1].items()}
    for loss in losses:
        sum(loss.values()).backward()
    gradients = spelled_out({k: p.grad for k, p in loop.named_parameters() if p.grad is not None})
    for name, p in plain.named_parameters():
        found = gradients.get(name)
        assert (p.grad is None and (found is None or not found.any())) or torch.equal(p.grad, found), name
    for draw in ("sample", "redenoise"):
        a, b = (getattr(m, draw)(data, {}, torch.Generator().manual_seed(3)) for m in (loop, plain))
        assert all(torch.equal(a.values[k], b.values[k]) for k in a.values)


def test_few_or_unlike_tokens_keep_their_paragraphs():
    text = spec("uniform(keep = cosine)", "clean")
    assert "COLUMNS" in programs(text)["model.py"] and "COLUMNS" in programs(text)["train.py"]
    odd = text.replace("predict status by clean", "predict status by cross_entropy")
    assert "COLUMNS" not in programs(odd)["model.py"]  # two before it and two after it are alike
    twice = text.replace("-> school", "-> 2 * school")  # its noise has a table of its own
    assert "COLUMNS" not in programs(twice)["model.py"]
    given = text + "given nothing | sex\n"
    assert 'COLUMNS = ("work", "school", "status", "home")' in programs(given)["model.py"]


def test_adult_is_a_third_of_what_it_would_be(monkeypatch):
    text = CASES["specs/igd_adult"].read_text()
    lines = len(programs(text)["model.py"].splitlines())
    monkeypatch.setattr(columns, "FEWEST", 99)
    assert lines < 0.4 * len(programs(text)["model.py"].splitlines())
