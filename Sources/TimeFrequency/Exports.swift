@_exported import SparseRegression
