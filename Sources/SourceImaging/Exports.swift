// A user of source imaging handles matrices, frames and selection curves; all come along.
@_exported import LinearAlgebra
@_exported import ModelSelection
@_exported import TimeFrequency
