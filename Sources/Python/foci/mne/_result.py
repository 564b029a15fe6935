"""What a localization of MNE's objects found."""

from __future__ import annotations

from typing import Any

import mne
import numpy as np
from numpy.typing import NDArray

from .. import _localization
from .._errors import InvalidInput
from .._library import Result
from ._convert import Candidates, MeasuredData, Model
from ._estimates import source_estimate


class Localization(_localization.Localization):
    """A :class:`foci.Localization` that gives MNE's objects, too.

    It has all attributes of that, and can be pickled.
    """

    def __init__(self, result: Result, recording: MeasuredData, model: Model) -> None:
        super().__init__(result)
        self._space: Candidates = model.space
        info = recording.inst.info
        rows = [info["ch_names"].index(name) for name in self.channel_names]
        self._info = mne.pick_info(info, rows, verbose=False)

    @property
    def stc(self) -> Any:
        """The amplitudes as a source estimate of MNE.

        Returns
        -------
        stc : SourceEstimate, VolSourceEstimate or MixedSourceEstimate
            A·m at the vertices of the sources, `magnitudes`; a patch stands at its centre.
        """
        return self._estimate(self.magnitudes)

    @property
    def vector_stc(self) -> Any:
        """The dipole moments as a source estimate of MNE.

        Returns
        -------
        stc : VectorSourceEstimate, VolVectorSourceEstimate or MixedVectorSourceEstimate
            A·m along x, y and z of `frame`, as ``mixed_norm(..., pick_ori="vector")`` gives them.

        Raises
        ------
        InvalidInput
            Where a fixed forward does not tell the directions.
        """
        self._require_directions()
        return self._estimate(self.moments)

    def _estimate(self, data: NDArray[np.float64]) -> Any:
        space = self._space
        return source_estimate(
            space.kind,
            space.vertices,
            space.sides,
            self.sources["index"],
            data,
            tmin=float(self.times[0]),
            tstep=float(1 / self._info["sfreq"]),
            subject=self.subject or None,
        )

    def _require_directions(self) -> None:
        if np.isnan(self.axes).any():
            raise InvalidInput("directions: found none, as the forward is fixed and has no normals, expected normals")

    @property
    def dipoles(self) -> list[mne.Dipole]:
        """A dipole of MNE for each source, the one that explains most field first.

        Returns
        -------
        dipoles : list of mne.Dipole
            In head coordinates. ``gof`` is at all times the share of the whitened data's power that the source
            explains alone, in percent; ``conf["vol"]`` is the volume of the region that holds it with 95 %, m³,
            where it is known.

        Raises
        ------
        InvalidInput
            Where a fixed forward does not tell the directions.
        """
        self._require_directions()
        positions, moments = self.positions, self.moments
        if self._space.to_head is not None:
            rotation = self._space.to_head[:3, :3]
            positions = mne.transforms.apply_trans(self._space.to_head, positions)
            moments = rotation @ moments
        count = len(self.times)
        dipoles = []
        for k, source in enumerate(self.sources):
            if self.amplitudes.shape[1] == 1:
                amplitude = self.amplitudes[k, 0]
                axis = self.axes[k, 0] if self._space.to_head is None else rotation @ self.axes[k, 0]
                directions = np.tile(axis, (count, 1))
            else:
                amplitude = np.sqrt(np.sum(moments[k] ** 2, axis=0))
                directions = (moments[k] / np.where(amplitude > 0, amplitude, 1)).T
            conf = None
            if "region_volume_cm3" in self.columns and np.isfinite(source["region_volume_cm3"]):
                conf = {"vol": np.full(count, source["region_volume_cm3"] * 1e-6)}
            dipoles.append(
                mne.Dipole(
                    self.times,
                    np.tile(positions[k], (count, 1)),
                    amplitude,
                    directions,
                    np.full(count, source["share_percent"]),
                    name=f"source {source['rank']}",
                    conf=conf,
                )
            )
        return dipoles

    def _evoked(self, data: NDArray[np.float64], comment: str) -> mne.EvokedArray:
        averages = self.summary["averages"]
        evoked = mne.EvokedArray(
            data, self._info, tmin=self.times[0], comment=comment, nave=averages or 1, baseline=None, verbose=False
        )
        # The data have the projectors applied, which leaves them as they are when it is said so.
        evoked.apply_proj(verbose=False)
        evoked.data[:] = data
        return evoked

    @property
    def measured(self) -> mne.EvokedArray:
        """What the used channels measured in the window, projectors applied."""
        return self._evoked(self._data[0], self.condition)

    @property
    def explained(self) -> mne.EvokedArray:
        """What the sources explain of `measured`."""
        return self._evoked(self._data[1], f"{self.condition} (explained)")

    @property
    def residual(self) -> mne.EvokedArray:
        """What the sources leave of `measured`."""
        return self._evoked(self._data[0] - self._data[1], f"{self.condition} (residual)")
