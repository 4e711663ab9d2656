"""`--set block.option=value` and `--set block.option.argument=value`, applied to the text of a spec as if it had been written there."""

from __future__ import annotations

import re

from .parser import parse
from .source import Source, Span
from .syntax import Block, Call, Name, Setting


class BadOverride(Exception):
    """An assignment that names nothing; the message says what it could name."""


def apply(source: Source, assignments: list[str]) -> Source:
    """``source`` with each assignment written into it.

    Raises:
        BadOverride: an assignment is malformed or its block is not in the spec.
    """
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        parts = path.strip().split(".")
        if (
            not equals
            or not value.strip()
            or len(parts) < 2
            or not all(re.fullmatch(r"[A-Za-z_]\w*", p) for p in parts)
        ):
            raise BadOverride(f"--set {assignment}: write block.option=value, for example train.steps=200")
        source = Source(source.name, _apply(source, parts, _alone(value.strip(), assignment), assignment))
    return source


def _alone(value: str, assignment: str) -> str:
    """``value`` without a comment after it; written after an option it ends with it.

    Otherwise what follows in the spec would be taken for a part of it.

    Raises:
        BadOverride: it is not one value.
    """
    source = Source("--set", f"spec one\ntrain {{\n  option = {value}\n}}\n")
    tree, problems = parse(source)
    whole = [e for item in tree.items if isinstance(item, Block) for e in item.entries]
    if problems or len(whole) != 1 or not isinstance(whole[0], Setting):
        why = f" ({problems[0].message})" if problems else ""
        raise BadOverride(
            f"--set {assignment}: this is not one value{why}; each option has a --set of its own"
        )
    span = whole[0].value.span
    return source.text[span.start : span.end]


def _apply(source: Source, parts: list[str], value: str, assignment: str) -> str:
    tree, _ = parse(source)
    blocks = [item for item in tree.items if isinstance(item, Block)]
    block = next((b for b in blocks if b.keyword.text == parts[0]), None)
    rest = parts[1:]
    if block is None:
        if len(parts) == 2 and parts[0] in ("train", "sample", "data"):
            return f"{source.text.rstrip()}\n\n{parts[0]} {{\n  {parts[1]} = {value}\n}}\n"
        known = ", ".join(sorted({b.keyword.text for b in blocks}))
        raise BadOverride(f"--set {assignment}: the spec has no block `{parts[0]}`; it has {known}")
    while len(rest) > 1:
        inner = next(
            (e for e in block.entries if isinstance(e, Block) and isinstance(e.label, Name) and e.label.text == rest[0]), None
        )  # fmt: skip
        if inner is None:
            break
        block, rest = inner, rest[1:]
    # `option`, `option subject`, or an argument of the call that is its value: `train.optimizer.lr`, `forward.noise.box.steps`.
    settings = [e for e in block.entries if isinstance(e, Setting) and e.key.text == rest[0]]
    for setting in settings:
        subject = [setting.subject.text] if setting.subject else []
        if rest[1:] == subject:
            return _splice(source.text, setting.value.span, value)
        if rest[1:-1] == subject and isinstance(setting.value, Call):
            return _argument(source.text, setting.value, rest[-1], value)
    if len(rest) > 2 or (len(rest) == 2 and any(e.subject is None for e in settings)):
        raise BadOverride(f"--set {assignment}: nothing in the spec is called `{'.'.join(parts)}`")
    line = f"{' '.join(rest)} = {value}"
    if not block.has_body:
        raise BadOverride(f"--set {assignment}: `{block.keyword.text}` has no options here")
    end = block.span.end - 1
    return f"{source.text[:end].rstrip().rstrip(',')}\n  {line}\n{source.text[end:]}"


def _argument(text: str, call: Call, name: str, value: str) -> str:
    """The text with an argument of a call replaced, or added at its end."""
    for argument in call.arguments:
        if argument.key is not None and argument.key.text == name:
            return _splice(text, argument.value.span, value)
    end = call.span.end - 1
    comma = ", " if call.arguments else ""
    return f"{text[:end].rstrip().rstrip(',')}{comma}{name} = {value}{text[end:]}"


def _splice(text: str, span: Span, value: str) -> str:
    return text[: span.start] + value + text[span.end :]
