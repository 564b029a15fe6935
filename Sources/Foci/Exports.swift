// `import Foci` is all a pipeline needs: values, files, figures, simulation, fast transforms.
@_exported import Formats
@_exported import Fourier
@_exported import Pages
@_exported import Reporting
@_exported import Requests
@_exported import Simulation
@_exported import SourceImaging
