"""Data from files to `Examples` and back."""

from .fields import Tokens, Vectors
from .load import Dataset, load
from .table import read_table, to_columns

__all__ = ["Dataset", "Tokens", "Vectors", "load", "read_table", "to_columns"]
