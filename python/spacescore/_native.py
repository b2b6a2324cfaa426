"""The only door from Python to compiled code.

Validation, memory and errors live below it; names and conveniences above.
"""

from spacescore import _batch, _core

__all__ = ["_batch", "_core"]
