"""Data from files to `Examples` and back."""

from .codec import Codec
from .fields import Tokens, Vectors
from .load import Dataset, load
from .table import read_table

__all__ = ["Codec", "Dataset", "Tokens", "Vectors", "load", "read_table"]
