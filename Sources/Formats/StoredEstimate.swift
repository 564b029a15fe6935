import SourceImaging

/// What a file of an estimate holds: everything but the sensor data.
public struct StoredEstimate: Sendable {
    /// Name of the subject; may be empty.
    public let subject: String
    /// Name of the condition; may be empty.
    public let condition: String
    /// Frame of positions and axes.
    public let frame: CoordinateFrame
    /// Number of candidate sources in the forward.
    public let candidateCount: Int
    /// Active sources, the one that explains most field first.
    public let sources: [EstimatedSource]
    /// Time of each sample, s.
    public let times: [Double]
    /// 1 − ‖Y − XB‖²/‖Y‖², whitened.
    public let goodnessOfFit: Double
    /// Every λ tried and the choice.
    public let selection: SelectionCurve
    /// What was found while preparing.
    public let preparation: PreparationReport
    /// How well the numerics were solved.
    public let certificate: EstimateCertificate
    /// Settings, by name, in the order of the options.
    public let settings: [(name: String, value: String)]
    /// Versions of the program, of HDF5 and of the layout, by name.
    public let versions: [(name: String, value: String)]
    /// Things to know before trusting the result, one line each.
    public let warnings: [String]
    /// Time spent; zeros when the file was written without.
    public let seconds: StageSeconds
    /// How often each source is found again; nil where that was not measured.
    public let stability: Stability?
    /// How the sources were refined; nil where they were not.
    public let refinement: Refinement?
}
