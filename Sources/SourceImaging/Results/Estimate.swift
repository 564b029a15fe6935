/// One active source of an estimate.
public struct EstimatedSource: Sendable {
    /// Position of the source in the forward model, from 0.
    public let index: Int
    /// Where it is, m, in the frame of the estimate.
    public let position: SIMD3<Double>
    /// Hemisphere; nil when the forward does not say.
    public let hemisphere: Hemisphere?
    /// Vertex in the surface; nil when the forward does not say.
    public let vertex: Int?
    /// Dipole amplitude along each axis over time, A·m; axes × samples.
    public let amplitudes: Matrix
    /// Unit vectors of the axes in the frame of the estimate, one a row of `amplitudes`; nil when a fixed forward does
    /// not give the direction.
    public let axes: [SIMD3<Double>]?
    /// ‖X_jB_j‖: the norm of the whitened field that this source explains.
    public let field: Double
    /// ‖X_jB_j‖² / ‖Y‖²: what part of the whitened data this source would explain alone. Fields overlap: the shares
    /// need not add up to the goodness of fit.
    public let share: Double
    /// Extent of the patch that it stands for, m, 0 for a point; nil where sources were not refined.
    public let extent: Double?
    /// How many times what noise makes a source explain this one explains beyond the others; nil where sources were not
    /// refined.
    public let timesNoise: Double?

    /// A source from its values.
    public init(
        index: Int, position: SIMD3<Double>, hemisphere: Hemisphere?, vertex: Int?, amplitudes: Matrix,
        axes: [SIMD3<Double>]?, field: Double, share: Double, extent: Double? = nil, timesNoise: Double? = nil
    ) {
        self.index = index
        self.position = position
        self.hemisphere = hemisphere
        self.vertex = vertex
        self.amplitudes = amplitudes
        self.axes = axes
        self.field = field
        self.share = share
        self.extent = extent
        self.timesNoise = timesNoise
    }

    /// Magnitude of the dipole at each sample, A·m: with one axis signed, with more the length of the vector.
    public var timeCourse: [Double] {
        (0..<amplitudes.columns).map { t in
            let column = amplitudes.column(t)
            return column.count == 1 ? column[0] : column.reduce(0) { $0 + $1 * $1 }.squareRoot()
        }
    }

    /// Sample at which the magnitude is largest.
    public var peakSample: Int {
        let course = timeCourse
        return course.indices.max { abs(course[$0]) < abs(course[$1]) } ?? 0
    }

    /// Largest magnitude over time, A·m, not negative.
    public var peakAmplitude: Double {
        abs(timeCourse[peakSample])
    }
}

/// Proof of how well the numerical problems behind an estimate were solved.
public struct EstimateCertificate: Sendable, Equatable {
    /// Largest duality gap, over ½‖Y‖², of the solves that the estimate rests on: the chosen λ and every reweighting.
    public let relativeGap: Double
    /// Gap that was asked for.
    public let tolerance: Double
    /// Sweeps of coordinate descent over all solves.
    public let epochs: Int
    /// Full passes over the gain over all solves.
    public let fullPasses: Int

    /// A certificate from its values.
    public init(relativeGap: Double, tolerance: Double, epochs: Int, fullPasses: Int) {
        self.relativeGap = relativeGap
        self.tolerance = tolerance
        self.epochs = epochs
        self.fullPasses = fullPasses
    }
}

/// Seconds spent in each stage.
public struct StageSeconds: Sendable, Equatable, Codable {
    /// Reading files; 0 when the caller gave values.
    public var load: Double
    /// Channels, whitening, orientation, depth.
    public var prepare: Double
    /// Path, selection, reweighting, debiasing.
    public var solve: Double
    /// Everything, writing included where there was any.
    public var total: Double

    /// Seconds from their values.
    public init(load: Double = 0, prepare: Double = 0, solve: Double = 0, total: Double = 0) {
        self.load = load
        self.prepare = prepare
        self.solve = solve
        self.total = total
    }
}

/// The result of a localization: the active sources, how they were chosen and how far to trust them.
public struct Estimate: Sendable {
    /// Name of the subject, from the forward; may be empty.
    public let subject: String
    /// Name of the condition, from the recording; may be empty.
    public let condition: String
    /// Frame of positions and axes.
    public let frame: CoordinateFrame
    /// Number of candidate sources in the forward.
    public let candidateCount: Int
    /// Active sources, the one that explains most field first.
    public let sources: [EstimatedSource]
    /// Time of each sample of the analysed window, s.
    public let times: [Double]
    /// Channels that were used, in the order of the recording.
    public let sensors: Sensors
    /// The recording in the window, projectors applied, sensors × samples, SI units.
    public let measured: Matrix
    /// What the active sources explain of it, same shape and units.
    public let explained: Matrix
    /// 1 − ‖Y − XB‖²/‖Y‖² of the whitened data in the window, for the final sources.
    public let goodnessOfFit: Double
    /// Every λ tried; its last refinement is the choice.
    public let selection: SelectionCurve
    /// What was found while preparing.
    public let preparation: PreparationReport
    /// How well the numerics were solved.
    public let certificate: EstimateCertificate
    /// Settings, by name, as the user would give them, in the order of the options.
    public let settings: [(name: String, value: String)]
    /// Things the user should know before trusting the result, one line each.
    public var warnings: [String]
    /// Time spent.
    public var seconds: StageSeconds
    /// How often each source is found again; nil unless asked for.
    public let stability: Stability?
    /// How the sources were refined; nil where they are those of a penalized solution.
    public let refinement: Refinement?

    /// An estimate from its values.
    public init(
        subject: String, condition: String, frame: CoordinateFrame, candidateCount: Int, sources: [EstimatedSource],
        times: [Double], sensors: Sensors, measured: Matrix, explained: Matrix, goodnessOfFit: Double,
        selection: SelectionCurve, preparation: PreparationReport, certificate: EstimateCertificate,
        settings: [(name: String, value: String)], warnings: [String], seconds: StageSeconds,
        stability: Stability? = nil, refinement: Refinement? = nil
    ) {
        self.subject = subject
        self.condition = condition
        self.frame = frame
        self.candidateCount = candidateCount
        self.sources = sources
        self.times = times
        self.sensors = sensors
        self.measured = measured
        self.explained = explained
        self.goodnessOfFit = goodnessOfFit
        self.selection = selection
        self.preparation = preparation
        self.certificate = certificate
        self.settings = settings
        self.warnings = warnings
        self.seconds = seconds
        self.stability = stability
        self.refinement = refinement
    }
}

extension Estimate {
    /// How far the choice of λ would move if the noise level were wrong by a fifth; nil where it is not by SURE over one λ.
    public var noiseSensitivity: NoiseSensitivity? {
        selection.noiseSensitivity(noiseVariance: preparation.noiseDeviation * preparation.noiseDeviation)
    }
}
