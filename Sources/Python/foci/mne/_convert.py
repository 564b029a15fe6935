"""Objects of MNE-Python as the library takes them, read as the program reads the same objects from FIF files.

Only public functions of MNE are used, and the caller's objects are never changed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import mne
import numpy as np
from mne.io.constants import FIFF
from numpy.typing import NDArray

from .._errors import InvalidInput
from .._library import Covariance, Forward, Recording
from .._library import _warn as warn

_MEG, _EEG = int(FIFF.FIFFV_MEG_CH), int(FIFF.FIFFV_EEG_CH)
_KINDS = {
    (_MEG, int(FIFF.FIFF_UNIT_T)): "mag",
    (_MEG, int(FIFF.FIFF_UNIT_T_M)): "grad",
    (_EEG, int(FIFF.FIFF_UNIT_V)): "eeg",
}
_FRAMES = {int(FIFF.FIFFV_COORD_HEAD): "head", int(FIFF.FIFFV_COORD_MRI): "mri"}
#: What positions of channels are relative to: the device for MEG, the head for EEG.
_SENSOR_FRAME = "FIF"


# ---- Channels ------------------------------------------------------------------------------------------------------


def _kind(channel: dict[str, Any]) -> str | None:
    """What a channel measures; None for what no localization uses."""
    kind, unit = int(channel["kind"]), int(channel["unit"])
    if kind not in (_MEG, _EEG):
        return None
    name = channel["ch_name"]
    found = _KINDS.get((kind, unit))
    if found is None:
        expected = "T or T/m" if kind == _MEG else "V"
        raise InvalidInput(f"channel '{name}': found unit {unit}, expected {expected} in FIF's numbers")
    if int(channel["unit_mul"]) != 0:
        raise InvalidInput(f"channel '{name}': found a unit multiplier of 10^{int(channel['unit_mul'])}, expected SI units")
    return found


@dataclass(frozen=True)
class Channels:
    """The MEG and EEG channels of an info.

    Attributes
    ----------
    rows : ndarray of int
        Their places among all channels of the info.
    names, kinds : list of str
    bad : ndarray of int64
        1 for those marked bad.
    locations : ndarray, shape (n, 12)
        Position (m) and three axes.
    compensations : list of str
        Software gradient compensation of each: ``"none"`` or ``"grade 3"``.
    """

    rows: NDArray[np.int64]
    names: list[str]
    kinds: list[str]
    bad: NDArray[np.int64]
    locations: NDArray[np.float64]
    compensations: list[str]

    @classmethod
    def of(cls, info: mne.Info, what: str) -> Channels:
        """The channels of an info; InvalidInput where none of them is MEG or EEG."""
        found = [(row, kind) for row, channel in enumerate(info["chs"]) if (kind := _kind(channel)) is not None]
        if not found:
            raise InvalidInput(f"{what}: found no MEG or EEG channel among {len(info['chs'])}, expected at least one")
        rows = np.array([row for row, _ in found])
        channels = [info["chs"][row] for row in rows]
        grades = [int(channel["coil_type"]) >> 16 if int(channel["kind"]) == _MEG else 0 for channel in channels]
        return cls(
            rows=rows,
            names=[channel["ch_name"] for channel in channels],
            kinds=[kind for _, kind in found],
            bad=np.array([channel["ch_name"] in info["bads"] for channel in channels], np.int64),
            locations=np.array([channel["loc"] for channel in channels], np.float64).reshape(-1, 12),
            compensations=[f"grade {grade}" if grade > 0 else "none" for grade in grades],
        )

    def ordered(self, names: Sequence[str]) -> Channels:
        """The channels of these names, in this order."""
        place = {name: k for k, name in enumerate(self.names)}
        for name in names:
            if name not in place:
                raise InvalidInput(f"forward: found a row for '{name}', which is no MEG or EEG channel of its info")
        order = np.array([place[name] for name in names])
        return Channels(
            rows=self.rows[order],
            names=list(names),
            kinds=[self.kinds[k] for k in order],
            bad=self.bad[order],
            locations=self.locations[order],
            compensations=[self.compensations[k] for k in order],
        )

    def values(self) -> dict[str, Any]:
        """The fields of the channels as the library names them."""
        return {
            "names": self.names,
            "kinds": self.kinds,
            "bad": self.bad,
            "locations": self.locations,
            "compensations": self.compensations,
            "sensor_frame": _SENSOR_FRAME,
        }


def _device_to_head(transform: Any, what: str) -> NDArray[np.float64] | None:
    """The matrix of a transform from the MEG device to the head; None where there is none."""
    if transform is None:
        return None
    if (transform["from"], transform["to"]) != (FIFF.FIFFV_COORD_DEVICE, FIFF.FIFFV_COORD_HEAD):
        return None
    matrix = np.asarray(transform["trans"], np.float64)
    rotation = matrix[:3, :3]
    is_rotation = np.all(np.isfinite(matrix)) and np.max(np.abs(rotation @ rotation.T - np.eye(3))) < 1e-3
    if not is_rotation or np.linalg.det(rotation) < 0:
        warn([f"{what}: the transform from device to head coordinates is no rotation and was left out"])
        return None
    return matrix


def _projectors(projectors: Iterable[Any], names: Sequence[str]) -> NDArray[np.float64] | None:
    """A row a vector of the projectors, over channels; zero where a projector does not name the channel."""
    place = {name: k for k, name in enumerate(names)}
    rows = []
    for projector in projectors:
        columns, data = projector["data"]["col_names"], np.atleast_2d(projector["data"]["data"])
        if data.shape[1] != len(columns):
            raise InvalidInput(
                f"projector '{projector['desc']}': found {data.shape[1]} numbers for {len(columns)} channels"
            )
        here = [(k, place[name]) for k, name in enumerate(columns) if name in place]
        for vector in data:
            row = np.zeros(len(names))
            for k, column in here:
                row[column] = vector[k]
            rows.append(row)
    return np.array(rows) if rows else None


# ---- Recordings ----------------------------------------------------------------------------------------------------


def _maxwell_rank(info: mne.Info) -> int | None:
    """Independent components of MEG that a Maxwell filter left, counted as MNE counts them; None where there was none.

    Of several records the first with an expansion counts: MaxFilter 3 writes an empty one before it.
    """
    for record in info["proc_history"] or ():
        expansion = (record.get("max_info") or {}).get("sss_info") or {}
        if "in_order" not in expansion:
            continue
        order = int(np.ravel(expansion["in_order"])[0])
        if not 1 <= order <= 32:
            raise InvalidInput(f"Maxwell filter: found order {order} of the expansion, expected 1 to 32")
        every = (order + 1) ** 2 - 1
        rank = every
        if "components" in expansion:
            used = np.ravel(expansion["components"])[:every]
            if not np.all((used == 0) | (used == 1)):
                raise InvalidInput("Maxwell filter: found components other than 0 and 1, expected 1 for each in use")
            rank -= int(np.sum(used == 0))
        elif "nfree" in expansion:
            rank = int(np.ravel(expansion["nfree"])[0])
        if not 1 <= rank <= every:
            raise InvalidInput(
                f"Maxwell filter: found {rank} components of an expansion of order {order}, expected 1 to {every}"
            )
        return rank
    return None


def _subject(info: mne.Info) -> str:
    return str((info["subject_info"] or {}).get("his_id") or "")


@dataclass(frozen=True)
class MeasuredData:
    """A recording as the library takes it.

    Attributes
    ----------
    inst : Evoked or Epochs
        What it was made of.
    condition : str
    channels : Channels
        Its MEG and EEG channels.
    times : ndarray
        s.
    handle : Recording
    """

    inst: Any
    condition: str
    channels: Channels
    times: NDArray[np.float64]
    handle: Recording


def measured(inst: Any) -> MeasuredData:
    """An Evoked or Epochs for the library.

    Parameters
    ----------
    inst : Evoked or Epochs
        An average; or epochs, which are kept one by one.

    Returns
    -------
    measured : MeasuredData

    Raises
    ------
    InvalidInput
        For what is neither, has no MEG or EEG channel, or holds no average.
    """
    info = inst.info
    channels = Channels.of(info, "evoked")
    every = len(channels.rows) == len(info["chs"])
    if isinstance(inst, mne.Evoked):
        if inst.kind == "standard_error":
            raise InvalidInput(f"evoked: found the standard error of '{inst.comment}', expected an average")
        if np.iscomplexobj(inst.data):
            raise InvalidInput("evoked: found complex data, expected real numbers")
        data = inst.data if every else inst.data[channels.rows]
        # What is below 1, of a difference of few epochs, becomes 0 in files: unknown.
        averages = float(inst.nave) if inst.nave and inst.nave > 0 else None
        condition = inst.comment or ""
    else:
        epochs = inst.get_data(copy=False)
        if len(epochs) == 0:
            raise InvalidInput("epochs: found none that was kept, expected at least one")
        data = np.moveaxis(epochs if every else epochs[:, channels.rows], 0, 2)
        averages = 1.0
        condition = " + ".join(name for name, code in inst.event_id.items() if np.any(inst.events[:, 2] == code))
    projectors = info["projs"]
    handle = Recording(
        **channels.values(),
        data=data,
        sampling_frequency=float(info["sfreq"]),
        first_time=float(inst.times[0]),
        condition=condition,
        averages=averages,
        projectors=_projectors(projectors, channels.names),
        is_projected=int(len(projectors) > 0 and all(projector["active"] for projector in projectors)),
        maxwell_rank=_maxwell_rank(info),
        device_to_head=_device_to_head(info["dev_head_t"], "evoked"),
        subject=_subject(info),
    )
    return MeasuredData(inst, condition, channels, np.asarray(inst.times, np.float64), handle)


# ---- Forwards ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidates:
    """Where sources may be: what a result keeps of a forward.

    Attributes
    ----------
    kind : str
        "surface", "volume", "discrete" or "mixed", as MNE names it.
    subject : str
    frame : str
        "head" or "mri".
    to_head : ndarray, shape (4, 4), or None
        From that frame to the head's, where it is another.
    positions : ndarray, shape (n, 3)
        m.
    vertices : list of ndarray
        Vertices of the sources of each source space.
    sides : list of int
        Hemisphere of each source space: 0 left, 1 right, -1 neither.
    """

    kind: str
    subject: str
    frame: str
    to_head: NDArray[np.float64] | None
    positions: NDArray[np.float64]
    vertices: list[NDArray[np.int64]]
    sides: list[int]


@dataclass(frozen=True)
class Model:
    """A forward model as the library takes it.

    Attributes
    ----------
    handle : Forward
    forward : mne.Forward
        What the gain is of: free in x, y and z, or fixed.
    was_fixed : bool
        Whether the caller had a free one converted to fixed orientation.
    space : Candidates
    """

    handle: Forward
    forward: Any
    was_fixed: bool
    space: Candidates


def modelled(forward: Any) -> Model:
    """A forward of MNE for the library; the gain is lent, not copied.

    Parameters
    ----------
    forward : mne.Forward
        In any orientation; one that was converted from free orientation is converted back, in a copy.

    Returns
    -------
    model : Model

    Raises
    ------
    InvalidInput
        For a frame that is neither head nor MRI, and for parts that disagree.
    """
    if not isinstance(forward, mne.Forward):
        raise InvalidInput(f"forward: found {type(forward).__name__}, expected an mne.Forward")
    is_free = not mne.forward.is_fixed_orient(forward, orig=True)
    was_fixed = is_free and mne.forward.is_fixed_orient(forward)
    if is_free and forward["surf_ori"]:
        forward = mne.convert_forward_solution(forward, surf_ori=False, force_fixed=False, verbose=False)
    frame = _FRAMES.get(int(forward["coord_frame"]))
    if frame is None:
        raise InvalidInput(f"forward: found coordinate frame {int(forward['coord_frame'])}, expected head or MRI (4, 5)")
    channels = Channels.of(forward["info"], "forward").ordered(forward["sol"]["row_names"])
    spaces = [_space(space, k, int(forward["coord_frame"]), is_free) for k, space in enumerate(forward["src"])]
    normals = np.concatenate([space.normals for space in spaces])
    first = np.cumsum([0, *(len(space.positions) for space in spaces)])
    triangles = np.concatenate([space.triangles + start for space, start in zip(spaces, first[:-1], strict=True)])
    candidates = Candidates(
        kind=forward["src"].kind,
        subject=next((space.subject for space in spaces if space.subject), ""),
        frame=frame,
        to_head=None if frame == "head" else np.array(forward["mri_head_t"]["trans"], np.float64),
        positions=np.concatenate([space.positions for space in spaces]),
        vertices=[space.vertices for space in spaces],
        sides=[space.side for space in spaces],
    )
    handle = Forward(
        **channels.values(),
        gain=forward["sol"]["data"],
        orientations=3 if is_free else 1,
        positions=candidates.positions,
        normals=normals if np.any(normals) else None,
        hemispheres=np.repeat(candidates.sides, [len(space.vertices) for space in spaces]),
        vertices=np.concatenate([space.vertices for space in spaces]),
        triangles=triangles if len(triangles) else None,
        frame=frame,
        device_to_head=_device_to_head(forward["info"]["dev_head_t"], "forward"),
        subject=candidates.subject,
    )
    return Model(handle, forward, was_fixed, candidates)


@dataclass(frozen=True)
class _Space:
    positions: NDArray[np.float64]
    normals: NDArray[np.float64]
    side: int
    vertices: NDArray[np.int64]
    triangles: NDArray[np.int64]
    subject: str


def _space(space: Any, number: int, frame: int, is_free: bool) -> _Space:
    """One source space, its sources in the order of the gain."""
    if int(space["coord_frame"]) != frame:
        raise InvalidInput(
            f"forward: found source space {number} in coordinate frame {int(space['coord_frame'])}, expected {frame} as "
            "the gain has; compute the forward again"
        )
    vertices = np.asarray(space["vertno"], np.int64)
    directions = np.asarray(space["nn"], np.float64)
    normals = directions[vertices]
    if space["type"] == "vol" or (space["type"] == "discrete" and is_free):
        # Grids have normals that mean nothing, and discrete points are mostly grids.
        normals = np.zeros_like(normals)
    elif is_free and space.get("nearest") is not None:
        normals = _patch_normals(directions, np.asarray(space["nearest"]), vertices)
    points = np.asarray(space["rr"], np.float64)
    side = -1
    if space["type"] == "surf":
        sides = {int(FIFF.FIFFV_MNE_SURF_LEFT_HEMI): 0, int(FIFF.FIFFV_MNE_SURF_RIGHT_HEMI): 1}
        # As MNE tells them: the hemisphere that lies to the left is the left one.
        side = sides.get(int(space["id"]), 0 if np.sum(points[:, 0]) <= 0 else 1)
    return _Space(
        positions=points[vertices],
        normals=normals,
        side=side,
        vertices=vertices,
        triangles=_triangles(space, vertices, len(points)),
        subject=str(space.get("subject_his_id") or ""),
    )


def _patch_normals(
    directions: NDArray[np.float64], nearest: NDArray[Any], vertices: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The mean normal of each source's patch of cortex: of all points that are nearest to it; of length one.

    Where a source space was thinned out after the patches were found, some sources have no patch. They take that of the
    next point that has one, as in MNE.
    """
    sums = np.zeros_like(directions)
    np.add.at(sums, nearest, directions)
    has_patch = np.zeros(len(directions), bool)
    has_patch[nearest] = True
    patches = np.flatnonzero(has_patch)
    nexts = patches[np.minimum(np.searchsorted(patches, vertices), len(patches) - 1)]
    normals = sums[nexts]
    lengths = np.sqrt(np.sum(normals * normals, axis=1, keepdims=True))
    return np.where(lengths > 0, normals / np.where(lengths > 0, lengths, 1), directions[vertices])


def _triangles(space: Any, vertices: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Triangles of sources: of the surface that was thinned out to them, or those of three neighbours on the whole one."""
    none = np.zeros((0, 3), np.int64)
    if space["type"] != "surf" or len(vertices) < 3:
        return none
    source = np.full(count, -1, np.int64)
    source[vertices] = np.arange(len(vertices))
    for name in ("use_tris", "tris"):
        listed = space.get(name)
        if listed is None or np.ndim(listed) != 2 or len(listed) == 0:
            continue
        corners = np.asarray(listed, np.int64)
        corners = corners[np.all((corners >= 0) & (corners < count), axis=1)]
        found = source[corners]
        found = found[np.all(found >= 0, axis=1)]
        if len(found):
            return found
    return none


# ---- Covariances ---------------------------------------------------------------------------------------------------


def noise(covariance: Any, channels: Channels, names: str) -> Covariance:
    """A noise covariance for the library.

    Parameters
    ----------
    covariance : mne.Covariance
        Of one epoch.
    channels : Channels
        Of the recording: a covariance does not say what its channels measure.
    names : "exact" or "loose"
        When two names mean the same channel.

    Raises
    ------
    InvalidInput
        For another kind of covariance, or one of other channels.
    """
    if not isinstance(covariance, mne.Covariance):
        raise InvalidInput(f"noise_cov: found {type(covariance).__name__}, expected an mne.Covariance or None")
    if int(covariance["kind"]) != FIFF.FIFFV_MNE_NOISE_COV:
        raise InvalidInput("noise_cov: found a covariance of something else, expected one of noise")
    kinds = _kinds_of(covariance["names"], channels, names)
    kept = [k for k, kind in enumerate(kinds) if kind is not None]
    if not kept:
        raise InvalidInput(
            f"noise_cov: found channels '{covariance['names'][0]}'…, none of which the recording has, expected names as "
            f"in the recording ('{channels.names[0]}'…)"
        )
    own = [covariance["names"][k] for k in kept]
    data = np.asarray(covariance["data"])
    every = len(kept) == len(kinds)
    if data.ndim == 2 and not every:
        data = data[np.ix_(kept, kept)]
    elif not every:
        data = data[kept]
    return Covariance(
        names=own,
        kinds=[kind for kind in kinds if kind is not None],
        bad=np.array([name in covariance["bads"] for name in own], np.int64),
        matrix=data,
        samples=max(0, int(covariance["nfree"] or 0)),
        projectors=_projectors(covariance["projs"], own),
    )


def _kinds_of(names: Sequence[str], channels: Channels, matching: str) -> list[str | None]:
    """What channels measure that are named like those of a recording; None where none, or more than one, is."""
    known = dict(zip(channels.names, channels.kinds, strict=True))
    kinds = [known.get(name) for name in names]
    if matching != "loose":
        return kinds
    for form in _FORMS:
        theirs = Counter(form(name) for name in names)
        counts = Counter(form(name) for name in channels.names)
        known = {form(name): kind for name, kind in zip(channels.names, channels.kinds, strict=True)}
        for k, name in enumerate(names):
            like = form(name)
            if kinds[k] is None and theirs[like] == 1 and counts[like] == 1:
                kinds[k] = known[like]
    return kinds


def _bare(name: str) -> str:
    return re.sub(r"[\s._-]", "", name.lower())


def _core(name: str) -> str:
    """A name without the serial number that CTF puts behind it, the reference that EDF does, and the kind before it."""
    parts = [_bare(part) for part in name.lower().split("-")]
    if len(parts) > 1 and re.fullmatch(r"\d{3,}|ref|le|re|ar|a1|a2|m1|m2|avg|av", parts[-1]):
        parts.pop()
    whole = "".join(parts)
    # A number alone is no name: "EEG 001" is not "MEG 001".
    return re.sub(r"^(eeg|meg)(?=[^\W\d_])", "", whole)


_FORMS: tuple[Callable[[str], str], ...] = (str.lower, _bare, _core)
