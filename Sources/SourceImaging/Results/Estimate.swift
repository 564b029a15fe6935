/// Proof of how well the numerical problems behind an estimate were solved.
public struct EstimateCertificate: Sendable, Equatable {
    /// Largest duality gap, over ½‖Y‖², of the solves that the estimate rests on: the chosen λ and every reweighting; NaN
    /// where nothing convex was solved.
    public let relativeGap: Double
    /// Gap that was asked for.
    public let tolerance: Double
    /// Sweeps of coordinate descent over all solves.
    public let epochs: Int
    /// Full passes over the gain over all solves.
    public let fullPasses: Int

    /// A certificate as a solver or a file gives it; nothing is checked.
    public init(relativeGap: Double, tolerance: Double, epochs: Int, fullPasses: Int) {
        self.relativeGap = relativeGap
        self.tolerance = tolerance
        self.epochs = epochs
        self.fullPasses = fullPasses
    }
}

/// Seconds spent in each stage, by the wall clock.
public struct StageSeconds: Sendable, Equatable, Codable {
    /// Reading files; 0 when the caller gave values.
    public var load: Double
    /// Channels, whitening, orientation, depth.
    public var prepare: Double
    /// Path, selection, reweighting, refinement, repeats, debiasing.
    public var solve: Double
    /// From the start until the result was known: the three stages and what lies between. Drawing figures and writing
    /// files come after: a number in a file cannot count the writing of that file.
    public var total: Double

    /// Seconds, not negative; what is left out is 0.
    public init(load: Double = 0, prepare: Double = 0, solve: Double = 0, total: Double = 0) {
        self.load = load
        self.prepare = prepare
        self.solve = solve
        self.total = total
    }
}

/// What the sensors measured in the window, and what an estimate explains of it.
public struct SensorData: Sendable, Equatable {
    /// Channels that were used, in the order of the recording.
    public let sensors: Sensors
    /// The recording in the window, projectors applied, sensors × samples, SI units.
    public var measured: Matrix
    /// What the active sources explain of it, same shape and units.
    public let explained: Matrix
    /// Covariance of the noise of one epoch that was reckoned with, sensors × sensors, SI units, projected; nil where
    /// nothing says how many trials the recording averages, and from a file.
    public var noise: Matrix?

    /// What was measured and explained, sensors × samples each; nothing is checked.
    public init(sensors: Sensors, measured: Matrix, explained: Matrix) {
        self.sensors = sensors
        self.measured = measured
        self.explained = explained
    }
}

/// The result of a localization: the active sources, how they were chosen and how far to trust them.
///
/// Two estimates are equal when all their numbers are; an estimate with NaN (a certificate of nothing convex, a criterion
/// that could not be computed) equals none, not even itself.
public struct Estimate: Sendable, Equatable {
    /// Name of the subject, from the forward; may be empty.
    public var subject = ""
    /// Name of the condition, from the recording; may be empty.
    public var condition = ""
    /// Frame of positions and axes.
    public let frame: CoordinateFrame
    /// Number of candidate sources in the forward.
    public var candidateCount = 0
    /// Where the candidate sources lie, for pictures and for comparisons over subjects; nil where a file does not say.
    public var candidates: SourceSpace?
    /// Active sources, the one that explains most field first.
    public var sources: [EstimatedSource]
    /// Time of each sample of the analysed window, s, ascending.
    public let times: [Double]
    /// What the sensors measured and what is explained of it; nil where a file does not say.
    public var sensorData: SensorData?
    /// 1 − ‖Y − XB‖²/‖Y‖² of the whitened data in the window, for the final sources; of refined ones in the band of the
    /// response.
    public var goodnessOfFit = 0.0
    /// Every λ tried, and the choice among them.
    public var selection: SelectionCurve
    /// What was found while preparing.
    public var preparation: PreparationReport
    /// How well the numerics were solved.
    public var certificate: EstimateCertificate
    /// Settings as the user would give them, in the order of the options.
    public var settings: [Setting] = []
    /// Versions of the program, of HDF5 and of the layout that wrote it; empty for an estimate that is from no file.
    public var versions: [Setting] = []
    /// Things the user should know before trusting the result, one line each.
    public var warnings: [String] = []
    /// Time spent; zeros where a file does not say.
    public var seconds = StageSeconds()
    /// What repeats of the choice found; nil unless asked for. How often each source is found again stands with the
    /// source.
    public var stability: Stability?
    /// In which frame the sources have coefficients in time and frequency; nil where they have none.
    public var timeFrequency: TimeFrequencyRecord?
    /// How the sources were refined; nil where they are those of a penalized solution.
    public var refinement: Refinement?

    /// An estimate of these sources; the rest is as empty as its defaults say, and set afterwards.
    public init(
        sources: [EstimatedSource], times: [Double], frame: CoordinateFrame, selection: SelectionCurve,
        preparation: PreparationReport, certificate: EstimateCertificate
    ) {
        self.sources = sources
        self.times = times
        self.frame = frame
        self.selection = selection
        self.preparation = preparation
        self.certificate = certificate
    }

    /// How far the choice of λ would move if the noise level were wrong by a fifth; nil where it is not by SURE over one λ.
    public var noiseSensitivity: NoiseSensitivity? {
        selection.noiseSensitivity(noiseVariance: preparation.noiseDeviation * preparation.noiseDeviation)
    }
}
