"""MATLAB 7.3 files by h5py, as MATLAB itself lays them out.

Values: numpy arrays and numbers (double, or their own type), bool arrays (logical), str (char), list (column of
cells), dict (struct), StructArray. Nested values of cells and struct arrays go to the group #refs#.
"""

import h5py
import numpy as np

CLASSES = {"f8": "double", "f4": "single", "b1": "logical"}


class StructArray(list):
    """An array of structs with the same fields: a list of dicts."""


class Row(list):
    """A row of cells instead of a column."""


class MatFile:
    """A file that is open for writing; ends with `close`, which adds the user block's text."""

    def __init__(self, path, **dataset_options):
        self.path = path
        self.options = dataset_options
        self.file = h5py.File(path, "w", userblock_size=512)
        self.count = 0

    def put(self, name, value, parent=None):
        parent = self.file if parent is None else parent
        if isinstance(value, StructArray):
            group = parent.create_group(name)
            for field in value[0]:
                targets = [self.reference(element[field]) for element in value]
                group.create_dataset(field, data=np.array(targets, dtype=h5py.ref_dtype).reshape(-1, 1))
            return group
        if isinstance(value, dict):
            group = parent.create_group(name)
            group.attrs["MATLAB_class"] = np.bytes_("struct")
            for field, part in value.items():
                self.put(field, part, group)
            return group
        if isinstance(value, list):
            if not value:
                return self.empty(name, (0, 0), "cell", parent)
            targets = np.array([self.reference(element) for element in value], dtype=h5py.ref_dtype)
            shape = (-1, 1) if isinstance(value, Row) else (1, -1)
            dataset = parent.create_dataset(name, data=targets.reshape(shape))
            dataset.attrs["MATLAB_class"] = np.bytes_("cell")
            return dataset
        if isinstance(value, str):
            if not value:
                return self.empty(name, (0, 0), "char", parent)
            codes = np.frombuffer(value.encode("utf-16-le"), "<u2").reshape(-1, 1)
            dataset = parent.create_dataset(name, data=codes)
            dataset.attrs["MATLAB_class"] = np.bytes_("char")
            dataset.attrs["MATLAB_int_decode"] = np.int32(2)
            return dataset
        array = np.asarray(value)
        if array.dtype.kind == "i":
            array = array.astype(float)
        if array.ndim < 2:
            array = array.reshape(1, -1)
        kind = CLASSES[array.dtype.kind + str(array.dtype.itemsize)]
        if array.size == 0:
            return self.empty(name, array.shape, kind, parent)
        stored = array.T.astype("u1") if kind == "logical" else array.T
        dataset = parent.create_dataset(name, data=stored, **self.options)
        dataset.attrs["MATLAB_class"] = np.bytes_(kind)
        if kind == "logical":
            dataset.attrs["MATLAB_int_decode"] = np.int32(1)
        return dataset

    def empty(self, name, shape, kind, parent):
        dataset = parent.create_dataset(name, data=np.array(shape, "u8"))
        dataset.attrs["MATLAB_class"] = np.bytes_(kind)
        dataset.attrs["MATLAB_empty"] = np.uint8(1)
        return dataset

    def reference(self, value):
        self.count += 1
        return self.put(f"r{self.count}", value, self.file.require_group("#refs#")).ref

    def close(self):
        self.file.close()
        with open(self.path, "r+b") as file:
            text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2024 HDF5 schema 1.00 ."
            file.write(text.ljust(116, b" ") + bytes(8) + b"\x00\x02IM")


def save(path, variables, **dataset_options):
    """Write variables, as MATLAB's save(…, '-v7.3') does."""
    file = MatFile(path, **dataset_options)
    for name, value in variables.items():
        file.put(name, value)
    file.close()
