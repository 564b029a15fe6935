@_exported import SourceImaging
