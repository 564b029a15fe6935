"""What can go wrong, and what a caller should know."""

from __future__ import annotations


class InvalidInput(ValueError):
    """Something given cannot be worked with; the text says what was found, what was expected and what to do."""


class NumericalError(RuntimeError):
    """The numerics found no answer."""


class Cancelled(RuntimeError):
    """A call was stopped before it had an answer."""


class FociWarning(UserWarning):
    """What a caller should know before trusting a result."""
