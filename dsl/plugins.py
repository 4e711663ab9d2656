"""Words that other distributions bring: noise kernels, order operators and targets.

A distribution lists them as entry points of the group `gencc.plugins`, each named KIND.WORD and pointing to a class that
derives from a base in `dsl.vocabulary`.  Names come from the metadata of distributions; the class of a word is imported
when a spec says that word, so no plug-in can slow or break a spec that does not use it.  See ``docs/plugins.md``.
"""

from __future__ import annotations

import re
import sys
import types
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, distributions
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from . import vocabulary as v

GROUP = "gencc.plugins"

BASES: dict[str, tuple[type[v.Form], ...]] = {
    "kernel": (v.TokenKernel, v.VectorKernel),
    "order": (v.OrderOperator,),
    "target": (v.VectorTarget, v.TokenTarget),
}
"""What the class of each kind derives from."""

BUILT_IN: dict[str, tuple[str, ...]] = {
    "kernel": tuple(kernel.word for kernel in get_args(v.Kernels)),
    "order": tuple(order.word for order in get_args(v.Orders) if order.word),
    "target": get_args(v.Target),
}

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


class Unusable(Exception):
    """A plug-in that cannot be used; the message names its distribution and says why."""


def said(error: BaseException) -> str:
    """What went wrong in a plug-in, in one line."""
    first, _, _ = str(error).partition("\n")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


@dataclass(frozen=True)
class Plugin:
    """One entry point.  ``kind`` is empty where its name states none."""

    kind: str
    word: str
    entry: EntryPoint

    @property
    def distribution(self) -> str:
        return self.entry.dist.name if self.entry.dist else "an unknown distribution"

    @property
    def version(self) -> str:
        return self.entry.dist.version if self.entry.dist else ""

    @property
    def origin(self) -> str:
        return f"{self.distribution} {self.version}".strip()

    def load(self) -> type[v.Form]:
        """The class that describes the word.

        Raises:
            Unusable: it is misnamed, clashes with another word, cannot be imported, or describes no word of its kind.
        """
        if not self.kind:
            raise self.unusable(f"its name is none of {', '.join(f'`{k}.WORD`' for k in BASES)}")
        if self.word in BUILT_IN[self.kind]:
            raise self.unusable(f"`{self.word}` is built in")
        rivals = [p.origin for p in _named(self.kind, self.word) if p != self]
        if rivals:
            raise self.unusable(f"`{self.word}` is also a word of {', '.join(rivals)}")
        try:
            found = self.entry.load()
        except (Exception, SystemExit) as error:
            raise self.unusable(said(error)) from error
        flaw = _flaw(found, self.kind, self.word)
        if flaw:
            raise self.unusable(flaw)
        return found  # type: ignore[no-any-return]

    def unusable(self, reason: str) -> Unusable:
        return Unusable(f"the plug-in `{self.entry.name}` of {self.origin} cannot be used: {reason}")


def installed() -> tuple[Plugin, ...]:
    """Every plug-in that a distribution lists, usable or not, by name."""
    return _scan(tuple(sys.path))


@cache
def _scan(path: tuple[str, ...]) -> tuple[Plugin, ...]:
    found: dict[tuple[str, str], Plugin] = {}
    for distribution in distributions():
        try:
            entries = distribution.entry_points.select(group=GROUP)
        except Exception:  # damaged metadata, of whatever distribution, is none of ours
            continue
        for entry in entries:
            kind, _, word = entry.name.rpartition(".")
            plugin = Plugin(kind if kind in BASES else "", word, entry)
            found.setdefault((plugin.distribution, entry.name), plugin)
    return tuple(sorted(found.values(), key=lambda p: (p.kind, p.word, p.origin)))


def _named(kind: str, word: str) -> list[Plugin]:
    """The plug-ins of a word, else those that may have meant it and state no kind."""
    same = [p for p in installed() if p.word == word]
    return [p for p in same if p.kind == kind] or [p for p in same if not p.kind]


def find(kind: str, word: str) -> Plugin | None:
    """The plug-in that a spec means by ``word`` where a ``kind`` is expected."""
    return next(iter(_named(kind, word)), None)


def words(kind: str) -> list[str]:
    """The words of a kind: the built-in ones, then those of plug-ins."""
    return [*BUILT_IN[kind], *(p.word for p in installed() if p.kind == kind)]


def _flaw(found: Any, kind: str, word: str) -> str:
    """Why ``found`` does not describe ``word``; empty if it does."""
    bases = BASES[kind]
    if not isinstance(found, type) or not issubclass(found, bases):
        return f"it is no class that derives from {' or '.join(f'`{base.__name__}`' for base in bases)}"
    if getattr(found, "word", None) != word:
        return f"its `word` is {getattr(found, 'word', None)!r}"
    if issubclass(found, v.OrderOperator):
        return "" if found.rewrite is not v.OrderOperator.rewrite else "it has no `rewrite`"
    named = {v.VectorTarget: ("learned", "clean"), v.TokenTarget: ("score",)}
    for name in next((names for base, names in named.items() if issubclass(found, base)), ("runtime",)):
        if not _PATH.fullmatch(str(getattr(found, name, ""))):
            return f"its `{name}` is no `module:name`"
    if issubclass(found, v.TokenTarget) and found.of not in ("clean", "before"):
        return "its `of` is neither 'clean' nor 'before'"
    if issubclass(found, v.Kernel):
        types = next(base.suits for base in (v.TokenKernel, v.VectorKernel) if issubclass(found, base))
        if not found.suits or not set(found.suits) <= set(types):
            return f"its `suits` lists other types than {' and '.join(f'`{t.__name__}`' for t in types)}"
    for name in own_options(found):
        if name == "bound" or not _plain(found.model_fields[name].annotation):
            return f"its option `{name}` is none that a program can be written with: numbers, words, strings, yes or no, and tuples of them"
    return ""


def own_options(form: type[v.Form]) -> list[str]:
    """The options that a plug-in's class adds to those of its base."""
    base = next(base for bases in BASES.values() for base in bases if issubclass(form, base))
    return [name for name in form.model_fields if name not in base.model_fields]


def _plain(annotation: Any) -> bool:
    """Whether values of a type are written in a program as they are."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _plain(get_args(annotation)[0])
    if origin in (Union, types.UnionType, tuple):
        return all(inner is Ellipsis or _plain(inner) for inner in get_args(annotation))
    return origin is Literal or annotation in (bool, int, float, str, type(None))
