"""Distributions as importlib.metadata finds them, without installing anything."""

import tomllib
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "plugin"


def distribute(folder, name, entries, version="1.0", **modules):
    """Lays out a distribution in ``folder``: its metadata, its plug-ins, and the texts of its modules."""
    info = Path(folder) / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = ["[gencc.plugins]", *(f"{key} = {value}" for key, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for module, text in modules.items():
        (Path(folder) / f"{module}.py").write_text(text)


def distribute_example(folder):
    """The example of ``examples/plugin``, its metadata read from its pyproject.toml; the paths it needs."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    distribute(folder, project["name"], project["entry-points"]["gencc.plugins"], project["version"])
    return [str(folder), str(EXAMPLE)]
