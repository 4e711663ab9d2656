"""gencc: a compiler for declarative specs of generative processes."""

__version__ = "0.1.0"
