"""Sources of a recording in FIF files, with the plots and the page.

Usage: python sample.py FOLDER [OUTPUT], a folder with left-auditory-ave.fif, sample-fwd.fif and sample-cov.fif.
"""

import sys
from pathlib import Path

import mne

import foci.mne

folder = Path(sys.argv[1])
output = Path(sys.argv[2] if len(sys.argv) > 2 else ".")

evoked = mne.read_evokeds(folder / "left-auditory-ave.fif", condition=0)
forward = mne.read_forward_solution(folder / "sample-fwd.fif")
noise_cov = mne.read_cov(folder / "sample-cov.fif")

# λ, the number of sources and their extent choose themselves.
result = foci.mne.localize(evoked, forward, noise_cov, tmin=0.05, tmax=0.15)
print(result)

# What MNE works with: source estimates, dipoles, what is left of the data.
result.stc.save(output / "auditory", overwrite=True)
mne.write_evokeds(output / "residual-ave.fif", result.residual, overwrite=True)

result.plot(show=False).savefig(output / "sources.png")
result.plot_selection(show=False).savefig(output / "selection.png")
result.report(output / "sources.html")

# A section of a report that holds the rest of an analysis.
report = mne.Report(title="Auditory")
foci.mne.add_to_report(result, report)
report.save(output / "report.html", open_browser=False, overwrite=True)
