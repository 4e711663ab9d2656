"""The `.gen` language: source text, syntax, vocabulary, diagnostics.  Imports neither torch nor networkx."""
