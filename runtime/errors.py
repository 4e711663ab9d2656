"""Mistakes of the user's, told apart from bugs."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend: the message names the file, the row and the cause, and says what to do."""
