"""What emitted programs import.  Never imports the language or the compiler."""
