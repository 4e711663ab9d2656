"""From a resolved spec to programs: graph IR, checks, passes, ledgers, emitters.  Never imports torch."""
