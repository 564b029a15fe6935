"""Tables as the library takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._errors import InvalidInput
from ._library import Values


def _column(values: Any, name: str) -> Any:
    """A column as the library takes it: numbers, or texts of which empty ones are missing."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise InvalidInput(f"{name}: found {array.ndim} dimensions, expected a column")
    if array.dtype.kind in "biuf":
        return array.astype(np.float64)
    cells = [None if cell is None or cell != cell else cell for cell in array.tolist()]
    if all(cell is None or (isinstance(cell, (int, float)) and not isinstance(cell, bool)) for cell in cells):
        return np.array([np.nan if cell is None else cell for cell in cells], np.float64)
    # str() of pandas' missing value is no value.
    return ["" if cell is None or str(cell) == "<NA>" else str(cell) for cell in cells]


def columns(data: Any) -> Values:
    """The columns of a data frame, or of a mapping, in their order."""
    names = list(data.columns) if hasattr(data, "columns") else list(data)
    table = Values()
    for name in names:
        column = data[name]
        if getattr(getattr(column, "dtype", None), "name", "") == "category":
            column = column.astype(object)
        table.set(str(name), _column(column, str(name)))
    return table
