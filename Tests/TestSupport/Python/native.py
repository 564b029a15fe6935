"""Files of the project's own layout, as its users write them with h5py."""

import h5py
import numpy as np


def sensors(file, names, kinds, bad=None, location=None):
    text = h5py.string_dtype()
    file.create_dataset("sensors/name", data=list(names), dtype=text)
    file.create_dataset("sensors/kind", data=list(kinds), dtype=text)
    if bad is not None:
        file["sensors/bad"] = np.asarray(bad, "u1")
    if location is not None:
        file["sensors/location"] = location


def forward(
    path, gain, orientations, names, kinds, position, frame, normal=None, vertex=None, hemisphere=None, subject="", bad=None,
    location=None, triangles=None,
):  # fmt: skip
    with h5py.File(path, "w") as file:
        file.attrs.update(format="forward", version=1, subject=subject)
        file["gain"] = gain
        file["gain"].attrs["orientations"] = orientations
        sensors(file, names, kinds, bad, location)
        file["sources/position"] = position
        file["sources"].attrs["frame"] = frame
        if normal is not None:
            file["sources/normal"] = normal
        if vertex is not None:
            file["sources/vertex"] = vertex
        if hemisphere is not None:
            file["sources/hemisphere"] = hemisphere
        if triangles is not None and len(triangles):
            file["sources/triangles"] = triangles


def recording(
    path, data, names, kinds, sampling_frequency, first_time, averages, condition, projectors=None, projected=0, bad=None, location=None
):
    with h5py.File(path, "w") as file:
        file.attrs.update(
            format="recording", version=1, sampling_frequency=sampling_frequency, first_time=first_time,
            averages=averages, condition=condition, projected=projected,
        )  # fmt: skip
        file["data"] = data
        file["projectors"] = np.zeros((0, len(names))) if projectors is None else projectors
        sensors(file, names, kinds, bad, location)


def covariance(path, matrix, names, kinds, samples=0, projectors=None, bad=None):
    with h5py.File(path, "w") as file:
        file.attrs.update(format="covariance", version=1, samples=samples)
        file["covariance"] = matrix
        file["projectors"] = np.zeros((0, len(names))) if projectors is None else projectors
        sensors(file, names, kinds, bad)
