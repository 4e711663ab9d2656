"""Tokens to syntax tree, with recovery: each independent mistake gives one diagnostic and the rest is understood.

A file that parses is parsed in one run of the LALR parser.  One that does not is cut into top-level items, and a broken
block into entries; the same grammar then parses the pieces, so that a mistake costs its own entry and no more.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lark import Lark, Token
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.lexer import Lexer

from . import tokens as lexical
from .diagnostics import Diagnostic, did_you_mean
from .source import Source, Span
from .syntax import Block, File, Given, Predict, Word
from .tree_builder import SpecName, TreeBuilder

if TYPE_CHECKING:
    from .syntax import TopLevel

GRAMMAR = Path(__file__).with_name("grammar.lark")


class _Prepared(Lexer):
    """Hands tokens that `dsl.tokens` made to lark."""

    def __init__(self, conf: Any) -> None:
        del conf

    def lex(self, data: Any) -> Iterator[Token]:  # type: ignore[override]
        for t in data:
            yield Token(t.kind, t.text, start_pos=t.start, end_pos=t.end)


def _cache_file(grammar: str) -> str | bool:
    """Where the LALR tables are kept: building them takes a quarter of a second, loading them a tenth of that."""
    import lark

    key = sha256(f"{grammar}{lark.__version__}{sys.version}".encode()).hexdigest()[:16]
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(root, "gencc")
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return os.path.join(folder, f"grammar-{key}.lark")
    except OSError:
        return False


@cache
def grammar() -> Lark:
    """The parser, its tables cached on disk where that is possible."""
    text = GRAMMAR.read_text(encoding="utf-8")
    return Lark(
        text, parser="lalr", lexer=_Prepared, start=["file", "item", "entry"], cache=_cache_file(text), maybe_placeholders=False
    )  # fmt: skip


def parse(source: Source) -> tuple[File, list[Diagnostic]]:
    """The syntax tree of what was understood, and a diagnostic per mistake."""
    tokens, problems = lexical.tokenize(source)
    build = TreeBuilder()
    items: list[Any]
    try:
        items = build.items(grammar().parse(tokens, start="file"))
    except UnexpectedInput:
        items = []
        for piece in _items(tokens):
            items += _recover(piece, build, problems)
    problems += build.problems
    names = [i for i in items if isinstance(i, SpecName)]
    for extra in names[1:]:
        problems.append(
            Diagnostic("GEN009", "the spec is named twice", extra.word.span, help="keep one `spec` line")
        )
    if not names and not problems:
        start = Span(0, min(1, len(source.text)))
        what = "the file is empty" if not tokens else "the file does not say which spec it is"
        problems.append(Diagnostic("GEN008", what, start, help="begin with a line such as `spec my_process`"))
    top: tuple[TopLevel, ...] = tuple(i for i in items if not isinstance(i, SpecName))
    return File(source, names[0].word if names else None, top), problems


def _recover(piece: list[lexical.Token], build: TreeBuilder, problems: list[Diagnostic]) -> list[Any]:
    """The item in ``piece``; if it is a broken block, the entries of it that parse."""
    try:
        return build.items(grammar().parse(piece, start="item"))
    except UnexpectedInput as error:
        opened = _body(piece)
        if opened is None or piece[0].kind != "KEYWORD":
            problems.append(_explain(error, piece))
            return []
        start, end = opened
    header = [*piece[: start + 1], piece[end]]
    try:
        (block,) = build.items(grammar().parse(header, start="item"))
    except UnexpectedInput as error:
        problems.append(_explain(error, header))
        return []
    entries: list[Any] = []
    for entry in _entries(piece[start + 1 : end]):
        entries += _recover_entry(entry, build, problems)
    assert isinstance(block, Block)
    return [Block(block.keyword, block.label, block.size, tuple(entries), True, block.span)]


def _recover_entry(entry: list[lexical.Token], build: TreeBuilder, problems: list[Diagnostic]) -> list[Any]:
    try:
        return build.items(grammar().parse(entry, start="entry"))
    except UnexpectedInput as error:
        opened = _body(entry)
        if opened is None or entry[0].kind != "LOOP":
            problems.append(_explain(error, entry))
            return []
        start, end = opened
    inner: list[Any] = []
    for child in _entries(entry[start + 1 : end]):
        inner += _recover_entry(child, build, problems)
    keyword, name = entry[0], entry[1]
    label = build.name(name.text, name.span)
    word = Word(keyword.text, keyword.span)
    return [Block(word, label, None, tuple(inner), True, keyword.span.to(entry[-1].span))]


def _items(tokens: list[lexical.Token]) -> list[list[lexical.Token]]:
    """Cut before every token that starts a line outside all brackets and does not continue what stands before."""
    return _cut(tokens, 0)


def _entries(tokens: list[lexical.Token]) -> list[list[lexical.Token]]:
    """The entries of one block body: cut at lines and at separating commas."""
    depth = min((t.depth for t in tokens), default=0)
    pieces: list[list[lexical.Token]] = []
    for piece in _cut(tokens, depth):
        run: list[lexical.Token] = []
        for token in piece:
            if token.kind == "SEP" and token.depth == depth:
                pieces.append(run)
                run = []
            else:
                run.append(token)
        pieces.append(run)
    return [p for p in pieces if p]


_CONTINUES = {
    "ARROW",
    "DOTS",
    "OR",
    "AND",
    "PLUS",
    "MINUS",
    "STAR",
    "SLASH",
    "CARET",
    "COMMA",
    "EQUALS",
    "COLON",
    "IN",
    "ON",
    "OF",
    "BY",
    "FROM",
}


def _cut(tokens: list[lexical.Token], depth: int) -> list[list[lexical.Token]]:
    pieces: list[list[lexical.Token]] = []
    for token in tokens:
        before = pieces[-1][-1] if pieces else None
        goes_on = (
            token.kind in _CONTINUES
            or token.kind == "LBRACE"
            or (before is not None and before.kind in _CONTINUES)
        )
        if before is None or (
            token.first
            and token.depth == depth
            and not goes_on
            and token.kind not in ("RBRACE", "RPAR", "RBRACKET")
        ):
            pieces.append([])
        pieces[-1].append(token)
    return pieces


def _body(piece: list[lexical.Token]) -> tuple[int, int] | None:
    """Indices of the outermost braces of a piece, if it ends with its closing one."""
    start = next((k for k, t in enumerate(piece) if t.kind == "LBRACE"), None)
    if start is None or piece[-1].kind != "RBRACE":
        return None
    return start, len(piece) - 1


_SHOWN = {
    "NAME": "a name", "NUMBER": "a number", "PERCENT": "a percentage", "STRING": "a quoted string", "EQUALS": "`=`", "LBRACE": "`{`",
    "RBRACE": "`}`", "LPAR": "`(`", "RPAR": "`)`", "LBRACKET": "`[`", "RBRACKET": "`]`", "BY": "`by`", "COLON": "`:`", "COMMA": "`,`",
    "COLUMN": "`column`", "KEY": "an option (`name = value`)", "DECL": "a declaration (`name : type`)", "KEYWORD": "a block",
}  # fmt: skip
_OPERAND = {"NAME", "NUMBER", "PERCENT", "STRING"}


def _explain(error: UnexpectedInput, piece: list[lexical.Token]) -> Diagnostic:
    """What the parser stumbled over, in the author's terms."""
    first = piece[0]
    if (
        first.kind == "NAME"
        and first.depth == 0
        and len(piece) > 1
        and piece[1].kind in ("LBRACE", "NAME", "LBRACKET")
    ):
        help_ = did_you_mean(first.text, lexical.STATEMENTS)
        return Diagnostic(
            "GEN007", f"`{first.text}` opens no block that the language has", first.span, help=help_
        )
    if first.kind == "NAME" and len(piece) > 2 and piece[1].kind == "NAME" and piece[2].kind == "LBRACE":
        return Diagnostic(
            "GEN007",
            f"`{first.text}` opens no block that may stand here",
            first.span,
            help=did_you_mean(first.text, ["loop"]),
        )
    token = error.token if isinstance(error, UnexpectedToken) else None
    expected = set(getattr(error, "accepts", None) or getattr(error, "expected", None) or ())
    shown = sorted(
        {
            _SHOWN[k]
            for k in expected - _OPERAND
            if k in _SHOWN and k not in ("COMMA", "KEY", "DECL", "KEYWORD")
        }
    )
    if expected >= _OPERAND:
        shown = ["a value"]
    if token is None or token.type == "$END" or token.start_pos is None:
        last = piece[-1]
        message, span = f"`{last.text}` is not finished" if last.text else "this is not finished", last.span
    else:
        message, span = (
            f"`{token}` cannot stand here",
            Span(token.start_pos, token.end_pos or token.start_pos + 1),
        )
        if not str(token):
            message = "something is missing here"
    return Diagnostic(
        "GEN006", message, span, help=f"expected {' or '.join(shown)}" if 0 < len(shown) <= 5 else ""
    )


__all__ = ["Given", "Predict", "parse"]
