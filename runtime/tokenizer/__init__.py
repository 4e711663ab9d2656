"""A small learned tokeniser: images and videos as grids of tokens, and back."""

from .sources import tokenizer

__all__ = ["tokenizer"]
