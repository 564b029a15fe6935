"""Sparse inverse problems with hyperparameters that choose themselves, and the localization of EEG and MEG.

Arrays: :func:`solve`, :func:`path`, :func:`select` and :func:`refine`, or the estimators of :mod:`foci.linear_model`,
which follow scikit-learn. Recordings of MNE-Python: :mod:`foci.mne`.
Models of mixed effects of any table: :mod:`foci.mixed`. Who drives whom: :mod:`foci.dynamics`.

Nothing is imported, the compiled library neither, before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import dynamics, linear_model, mixed, mne
    from ._arrays import (
        Refinement,
        Selection,
        Solution,
        SolutionPath,
        SparseCoefficients,
        path,
        refine,
        select,
        solve,
    )
    from ._errors import Cancelled, FociWarning, InvalidInput, NumericalError
    from ._localization import Localization
    from ._localize import localize
    from .linear_model import (
        ElasticNet,
        GroupLasso,
        MultiTaskLasso,
        MultiTaskLassoCV,
        MultiTaskLassoSURE,
        ReweightedMultiTaskLasso,
    )

__version__ = "0.1.0"

_MODULES = {
    "_arrays": (
        "Refinement",
        "Selection",
        "Solution",
        "SolutionPath",
        "SparseCoefficients",
        "path",
        "refine",
        "select",
        "solve",
    ),
    "_localization": ("Localization",),
    "_localize": ("localize",),
    "_errors": ("Cancelled", "FociWarning", "InvalidInput", "NumericalError"),
    "linear_model": (
        "ElasticNet",
        "GroupLasso",
        "MultiTaskLasso",
        "MultiTaskLassoCV",
        "MultiTaskLassoSURE",
        "ReweightedMultiTaskLasso",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
_SUBMODULES = ("dynamics", "linear_model", "mixed", "mne")

__all__ = [
    "Cancelled",
    "ElasticNet",
    "FociWarning",
    "GroupLasso",
    "InvalidInput",
    "Localization",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "MultiTaskLassoSURE",
    "NumericalError",
    "Refinement",
    "ReweightedMultiTaskLasso",
    "Selection",
    "Solution",
    "SolutionPath",
    "SparseCoefficients",
    "__version__",
    "dynamics",
    "linear_model",
    "localize",
    "mixed",
    "mne",
    "path",
    "refine",
    "select",
    "solve",
]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f".{name}", __name__)
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
