"""Sources of M/EEG recordings of MNE-Python.

:func:`localize` finds them with hyperparameters that choose themselves, :func:`dynamics` tells which of them drives
which, :func:`mixed_norm` is MNE's function of that name with this package's solver, and :func:`add_to_report` adds a
result to an `mne.Report`.
"""

from ._dynamics import dynamics
from ._localize import localize
from ._mixed_norm import mixed_norm
from ._report import add_to_report
from ._result import Localization

__all__ = ["Localization", "add_to_report", "dynamics", "localize", "mixed_norm"]
