"""Text to tokens.  Whatever the text holds, the result is a list of tokens and a list of diagnostics."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .diagnostics import Diagnostic, Label
from .source import Source, Span

KEYWORDS = (
    "data",
    "plate",
    "forward",
    "denoiser",
    "distill",
    "train",
    "sample",
    "shape",
    "correct",
    "limit",
    "evaluate",
)
"""Words that open a block at the top of a file."""

STATEMENTS = {"spec": "SPEC", "predict": "PREDICT", "given": "GIVEN", **dict.fromkeys(KEYWORDS, "KEYWORD")}

NESTING_LIMIT = 100
OPERATOR_LIMIT = 200

_TOKEN = re.compile(
    r"""(?P<SPACE>[ \t\r\f]+) | (?P<NEWLINE>\n) | (?P<COMMENT>\#[^\n]*)
    | (?P<NAME>[A-Za-z_]\w*)
    | (?P<NUMBER>\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?%?)
    | (?P<STRING>"(?:[^"\\\n]|\\.)*")
    | (?P<OPEN_STRING>"[^\n]*)
    | (?P<OP>->|\.\.|[()\[\]{},:=.|&+\-*/^])
    | (?P<JUNK>[^\s\w"()\[\]{},:=.|&+\-*/^\#]+|.)
    """,
    re.VERBOSE,
)
_OPERATORS = {
    "->": "ARROW", "..": "DOTS", "(": "LPAR", ")": "RPAR", "[": "LBRACKET", "]": "RBRACKET", "{": "LBRACE", "}": "RBRACE",
    ",": "COMMA", ":": "COLON", "=": "EQUALS", ".": "DOT", "|": "OR", "&": "AND", "+": "PLUS", "-": "MINUS",
    "*": "STAR", "/": "SLASH", "^": "CARET",
}  # fmt: skip
_WORDS = {"in": "IN", "on": "ON", "of": "OF", "by": "BY", "from": "FROM"}
_ENDS_OPERAND = {"NAME", "NUMBER", "PERCENT", "STRING", "RPAR", "RBRACKET"}
_CLOSES = {"RPAR": "LPAR", "RBRACKET": "LBRACKET", "RBRACE": "LBRACE"}
_BINARY = {"ARROW", "DOTS", "OR", "AND", "PLUS", "MINUS", "STAR", "SLASH", "CARET"}


@dataclass(slots=True)
class Token:
    """A token; ``first`` says that it is the first on its line, ``depth`` how many brackets enclose it."""

    kind: str
    text: str
    start: int
    end: int
    first: bool = False
    depth: int = 0

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


def scan(text: str) -> list[Token]:
    """Every lexical element in order, comments and newlines included, spaces not.  Covers any text."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "JUNK"
        if kind != "SPACE":
            found.append(Token(kind, match.group(), match.start(), match.end()))
    return found


def tokenize(source: Source) -> tuple[list[Token], list[Diagnostic]]:
    """Tokens for the grammar, brackets balanced, and what was wrong with the text."""
    tokens: list[Token] = []
    problems: list[Diagnostic] = []
    first = True
    for token in scan(source.text):
        if token.kind in ("NEWLINE", "COMMENT"):
            first = first or token.kind == "NEWLINE"
            continue
        token.first, first = first, False
        if token.kind == "OP":
            token.kind = _OPERATORS[token.text]
        elif token.kind == "NUMBER":
            problems += _check_number(token)
        elif token.kind == "OPEN_STRING":
            problems.append(
                Diagnostic(
                    "GEN002", "this string is not closed on its line", token.span, help='end it with `"`'
                )
            )
            token.kind = "STRING"
        elif token.kind == "JUNK":
            if not problems or problems[-1].code != "GEN001" or problems[-1].span.end < token.start - 1:
                shown = "a control character" if not token.text.isprintable() else f"`{token.text[:20]}`"
                problems.append(
                    Diagnostic(
                        "GEN001",
                        f"{shown} has no meaning here",
                        token.span,
                        help="remove it; text belongs in quotes or after `#`",
                    )
                )
            continue
        tokens.append(token)
    return _classify(*_balance(source.text, tokens, problems))


def _check_number(token: Token) -> list[Diagnostic]:
    if token.text.endswith("%"):
        token.kind = "PERCENT"
    if "__" in token.text or "_." in token.text or token.text.rstrip("%").endswith("_"):
        return [
            Diagnostic(
                "GEN003",
                f"`{token.text}` is not a number",
                token.span,
                help="put single `_` between digits, as in 40_000",
            )
        ]
    return []


def _balance(
    text: str, tokens: list[Token], problems: list[Diagnostic]
) -> tuple[list[Token], list[Diagnostic]]:
    """Drops closers that close nothing and adds closers that are missing, each with a diagnostic."""
    out: list[Token] = []
    stack: list[Token] = []

    def close(at: int) -> None:
        opener = stack.pop()
        problems.append(
            Diagnostic(
                "GEN004", f"`{opener.text}` is never closed", opener.span, labels=(Label(Span(at, at), "expected to end before here"),),
                help=f"add the missing `{ {'(': ')', '[': ']', '{': '}'}[opener.text] }`",
            )
        )  # fmt: skip
        kind = {"LPAR": "RPAR", "LBRACKET": "RBRACKET", "LBRACE": "RBRACE"}[opener.kind]
        out.append(Token(kind, "", at, at, depth=len(stack)))

    for token in tokens:
        # A block keyword at the start of a line cannot stand inside brackets: whatever is open was left open.
        if stack and _opens_item(token, text):
            while stack:
                close(token.start)
        if token.kind in _CLOSES:
            while (
                stack
                and stack[-1].kind != _CLOSES[token.kind]
                and any(s.kind == _CLOSES[token.kind] for s in stack)
            ):
                close(token.start)
            if not stack or stack[-1].kind != _CLOSES[token.kind]:
                problems.append(
                    Diagnostic(
                        "GEN004",
                        f"`{token.text}` closes nothing",
                        token.span,
                        help="remove it, or open it before",
                    )
                )
                continue
            stack.pop()
        token.depth = len(stack)
        out.append(token)
        if token.kind in _CLOSES.values():
            stack.append(token)
            if len(stack) > NESTING_LIMIT:
                problems.append(
                    Diagnostic(
                        "GEN005",
                        f"brackets are nested more than {NESTING_LIMIT} deep",
                        token.span,
                        help="flatten the expression",
                    )
                )
                return [], problems
    end = tokens[-1].end if tokens else 0
    while stack:
        close(end)
    return out, problems


def _opens_item(token: Token, text: str) -> bool:
    """Whether a token stands in column 1 and is a word that opens a top-level item."""
    return (
        token.kind == "NAME"
        and token.text in STATEMENTS
        and (token.start == 0 or text[token.start - 1] == "\n")
    )


def _classify(tokens: list[Token], problems: list[Diagnostic]) -> tuple[list[Token], list[Diagnostic]]:
    """Names, operators in words, and commas get the kind that their place gives them."""
    stack: list[str] = []
    operators = 0
    for k, token in enumerate(tokens):
        after = tokens[k + 1].kind if k + 1 < len(tokens) else ""
        second = tokens[k + 2].kind if k + 2 < len(tokens) else ""
        before = tokens[k - 1].kind if k else ""
        if token.kind in ("LPAR", "LBRACKET", "LBRACE"):
            stack.append(token.kind)
        elif token.kind in _CLOSES:
            stack.pop()
        in_call = bool(stack) and stack[-1] != "LBRACE"
        if token.kind in ("LBRACE", "RBRACE", "EQUALS"):
            operators = 0
        elif token.kind in _BINARY:
            operators += 1
            if operators == OPERATOR_LIMIT + 1:
                problems.append(
                    Diagnostic(
                        "GEN005",
                        f"more than {OPERATOR_LIMIT} operators in one expression",
                        token.span,
                        help="use `n * ...`",
                    )
                )
                return [], problems
        if token.kind == "NAME":
            token.kind = _name_kind(token, before, after, second, bool(stack), in_call)
        elif token.kind == "COMMA" and not in_call:
            third = tokens[k + 3].kind if k + 3 < len(tokens) else ""
            entry = after == "NAME" and (
                second in ("EQUALS", "COLON") or (second == "NAME" and third in ("EQUALS", "LBRACE"))
            )
            if entry or after in ("RBRACE", ""):
                token.kind = "SEP"
    return tokens, problems


def _name_kind(token: Token, before: str, after: str, second: str, in_block: bool, in_call: bool) -> str:
    if after == "EQUALS":
        return "KEY"
    if before == "DOT":
        return "NAME"
    if after == "COLON" and not in_call:
        return "DECL"
    if not in_block and token.first and token.text in STATEMENTS:
        return STATEMENTS[token.text]
    if in_block and not in_call and after == "NAME":
        if second == "EQUALS" and (token.first or before in ("LBRACE", "SEP")):
            return "VERB"
        if second == "LBRACE" and token.text == "loop":
            return "LOOP"
    if token.text in ("column", "columns") and before == "FROM":
        return "COLUMN"
    if token.text in _WORDS and before in _ENDS_OPERAND:
        return _WORDS[token.text]
    return "NAME"
