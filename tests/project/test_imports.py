"""Who imports whom, and what start-up may load."""

import ast
import re
import subprocess
import sys

import pytest
from emitted import ROOT

BANNED = {
    "dsl": {"networkx", "jinja2", "torch", "numpy", "gencc.compiler", "gencc.runtime"},
    "compiler": {"torch", "numpy", "gencc.runtime"},
    "runtime": {"lark", "jinja2", "networkx", "pydantic", "gencc.dsl", "gencc.compiler"},
}
READER = (
    "gencc.runtime.csv_files"  # the one module that the compiler and the programs share; it loads no torch
)
TOP = {"dsl", "compiler", "runtime"}


def imported(path):
    """Every module a file imports by its absolute name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{a.name}" for a in node.names)


@pytest.mark.parametrize("folder", sorted(BANNED))
def test_no_folder_imports_what_it_may_not(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for name in imported(path):
            assert name.split(".")[0] not in TOP, f"{path}: import gencc.{name}"
            if name.startswith(READER):
                continue
            assert not any(name == b or name.startswith(b + ".") for b in BANNED[folder]), (
                f"{path} imports {name}"
            )


def loaded(code):
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_checking_loads_neither_torch_nor_jinja():
    modules = loaded("from gencc.compiler.driver import check_text; check_text('spec x')")
    assert {"lark", "pydantic", "networkx"} <= modules
    assert not {"torch", "numpy", "jinja2", "rich"} & modules


def test_formatting_loads_no_networkx():
    modules = loaded("from gencc.dsl.format import format_source; format_source('spec x\\n')")
    assert not {"torch", "networkx", "jinja2"} & modules


def test_no_tracked_file_holds_a_path_of_one_machine():
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    pattern = re.compile(r"(?<![\w./-])/(?:root|home|work|farm)/\w")
    for name in names:
        path = ROOT / name
        if (
            path.suffix in (".py", ".md", ".gen", ".jinja", ".toml", ".lark")
            and path.name != "test_imports.py"
        ):
            assert not pattern.search(path.read_text()), name
