"""`gencc plugins`."""

from __future__ import annotations

import argparse

from gencc.dsl import plugins
from gencc.dsl.reference import default, summary


def run(options: argparse.Namespace) -> int:
    """Lists every plug-in: what it is, where it comes from, its options, or why it cannot be used."""
    status = 0
    for plugin in plugins.installed():
        print(f"{plugin.kind or '?'} {plugin.word} ({plugin.origin})")
        try:
            form = plugin.load()
        except plugins.Unusable as reason:
            print(f"  error: {reason}")
            status = 1
            continue
        print(f"  {summary(form)}")
        for name, field in form.model_fields.items():
            print(f"    {name}: {field.description or 'an option'} ({default(field)})")
    if not plugins.installed():
        print("no plug-in is installed")
    return status
