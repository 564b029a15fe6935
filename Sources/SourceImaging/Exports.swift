// A user of source imaging handles matrices and selection curves; both come along.
@_exported import LinearAlgebra
@_exported import ModelSelection
