"""The P3 of several subjects: conditions share one preparation, and the noise is estimated before the stimulus.

Usage: python p3.py FOLDER, a folder with sub-…_task-P3_ave.fif and template-fwd.fif.
"""

import sys
import warnings
from pathlib import Path

import mne

import foci.mne

folder = Path(sys.argv[1])
forward = mne.read_forward_solution(folder / "template-fwd.fif")

for path in sorted(folder.glob("sub-*_ave.fif")):
    target, nontarget = mne.read_evokeds(path)[:2]
    target.comment, nontarget.comment = "target", "nontarget"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", foci.FociWarning)
        results = foci.mne.localize([target, nontarget], forward, tmin=0.3, tmax=0.5)
    print(path.name)
    for result in results:
        print(result)
    print(*{str(warning.message) for warning in caught}, sep="\n")
