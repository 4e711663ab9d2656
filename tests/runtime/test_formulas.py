"""3-SAT: the recipe's counts, formulas against an independent solver, DIMACS files, the measure."""

import itertools

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from gencc.runtime.data import formulas
from gencc.runtime.errors import UserError
from gencc.runtime.formulas import Formulas, satisfied
from gencc.runtime.sites import Examples

NAMES = ("first", "second", "third")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def rows(path):
    table = pq.read_table(path).to_pydict()
    return [
        (x, list(zip(*c, strict=True))) for x, *c in zip(table["x"], *(table[n] for n in NAMES), strict=True)
    ]


def holds(bits, clause):
    return any(bits[literal // 2] != literal % 2 for literal in clause)


@pytest.mark.parametrize(("n", "m"), [(5, 41), (7, 45), (9, 51), (11, 58)])
def test_clause_counts_are_those_of_the_public_test_sets(n, m):
    assert formulas.clause_count(n) == m


def test_formulas_are_distinct_satisfied_and_of_the_recipe():
    found = rows(formulas.cached_table("n=5,count=300"))
    assert len({tuple(sorted(c)) for _, c in found}) == 300
    for bits, clauses in found:
        assert len(bits) == 5 and len(set(clauses)) == 41
        assert all(len({literal // 2 for literal in c}) == 3 and list(c) == sorted(c) for c in clauses)
        assert all(holds(bits, c) for c in clauses)
    # About 98.8 % of such formulas have one solution (igd: .988 of the test file); 300 draws, below .95 with p < 1e-5.
    single = [
        sum(all(holds(b, c) for c in cl) for b in itertools.product((0, 1), repeat=5)) == 1 for _, cl in found
    ]
    assert np.mean(single) > 0.95


def test_the_same_options_give_the_same_formulas_and_another_seed_others(tmp_path):
    first = formulas.random_formulas(5, 20, 0)
    assert first.equals(formulas.random_formulas(5, 20, 0)) and not first.equals(
        formulas.random_formulas(5, 20, 1)
    )


def test_python_sat_agrees():
    solver = pytest.importorskip("pysat.solvers")
    for bits, clauses in rows(formulas.cached_table("n=9,count=50")):
        signed = [[(x // 2 + 1) * (-1 if x % 2 else 1) for x in c] for c in clauses]
        with solver.Cadical153(bootstrap_with=signed) as s:
            assert s.solve(assumptions=[(k + 1) if b else -(k + 1) for k, b in enumerate(bits)])


@pytest.mark.parametrize("options", ["n=4", "n=40", "m=9", "n=", "n=5,count=1", "n=-5"])
def test_options_that_cannot_be(options):
    with pytest.raises(UserError, match="sat3:"):
        formulas.cached_table(options)


def test_dimacs_files_are_read_and_solved(tmp_path):
    (tmp_path / "a.cnf").write_text("c a comment\np cnf 4 2\n1 -2 3 0\n-4 2 -1 0\n%\n0\n")
    ((bits, clauses),) = rows(formulas.solved_table(tmp_path))
    assert clauses == [(0, 3, 4), (1, 2, 7)] and all(holds(bits, c) for c in clauses)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 2 3 0\n", ["line 1", "before the header"]),
        ("p cnf 3\n", ["line 1", "no header"]),
        ("p cnf 3 1\n1 2 0\n", ["line 2", "three literals"]),
        ("p cnf 3 1\n1 2 2 0\n", ["line 2", "distinct"]),
        ("p cnf 3 1\n1 2 9 0\n", ["line 2", "above the 3"]),
        ("p cnf 3 1\n1 two 3 0\n", ["line 2", "no clause"]),
        ("p cnf 3 2\n1 2 3 0\n", ["promises 2", "has 1"]),
        ("p cnf 3 8\n" + "".join(f"{a * 1} {b * 2} {c * 3} 0\n" for a, b, c in itertools.product((1, -1), repeat=3)), ["no assignment"]),
    ],
)  # fmt: skip
def test_a_bad_formula_is_named(text, words, tmp_path):
    (tmp_path / "bad.cnf").write_text(text)
    with pytest.raises(UserError) as caught:
        formulas.solved_table(tmp_path)
    assert all(w in str(caught.value) for w in ["bad.cnf", *words]), caught.value


def test_an_empty_folder(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        formulas.solved_table(tmp_path / "none")


def test_the_measure_counts_clauses_and_whole_formulas(tmp_path):
    bits = torch.tensor([[1, 0, 0], [0, 0, 0]])
    clauses = torch.tensor([[[0, 2, 4], [1, 3, 5], [0, 0, 0]]] * 2)
    present = torch.tensor([[True, True, False]] * 2)
    assert satisfied(bits, clauses, present).tolist() == [[True, True, True], [False, True, True]]
    values = {"x": bits, **{name: clauses[..., k] for k, name in enumerate(NAMES)}}
    examples = Examples(values, {"clause": present, "variable": torch.ones(2, 3, dtype=torch.bool)})
    report = Formulas("variable", "x", "clause", NAMES, ("satisfied", "clauses"))
    assert report.measure(examples, examples) == {"satisfied": 0.5, "clauses": 0.75}
    report.draw({"real": examples}, None, tmp_path / "p.png")
    assert (tmp_path / "p.png").stat().st_size > 1000
