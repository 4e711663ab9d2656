"""Parts of `dsl.resolve`, one for each kind of statement with a grammar of its own."""
