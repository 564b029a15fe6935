/// One active source of an estimate, with what its refinement and repeats of the choice say of it.
public struct EstimatedSource: Sendable, Equatable {
    /// Position of the source in the forward model, from 0; of a refined one that lies between two, that of one of them.
    public let index: Int
    /// Where it is, m, in the frame of the estimate: where the forward model has it, or midway to a neighbour.
    public let position: SIMD3<Double>
    /// Hemisphere; nil when the forward does not say.
    public let hemisphere: Hemisphere?
    /// Vertex in the surface; nil when the forward does not say.
    public let vertex: Int?
    /// Dipole amplitude along each axis over time, A·m; axes × samples.
    public let amplitudes: Matrix
    /// Coefficients of the amplitudes in time and frequency, A·m, of ``Estimate/timeFrequency``: D × axes; nil elsewhere.
    public var coefficients: Matrix?
    /// Unit vectors of the axes in the frame of the estimate, one a row of `amplitudes`; nil when a fixed forward does
    /// not give the direction.
    public let axes: [SIMD3<Double>]?
    /// ‖X_jB_j‖: the norm of the whitened field that this source explains, of refined ones in the band of the response.
    public var field: Double
    /// ‖X_jB_j‖² / ‖Y‖², likewise: what part of the whitened data this source would explain alone. Fields overlap: the shares
    /// need not add up to the goodness of fit.
    public var share: Double
    /// Extent of the patch that it stands for, m, 0 for a point; nil where sources were not refined.
    public var extent: Double?
    /// How many times what noise makes a source explain this one explains beyond the others; nil where sources were not
    /// refined.
    public var timesNoise: Double?
    /// Where it may be; nil where sources were not refined.
    public var region: SourceRegion?
    /// Probability that it is a source at all, 0…1; nil where sources were not refined.
    public var probability: Double?
    /// 95 % interval of its largest magnitude over time, A·m; nil where sources were not refined.
    public var amplitudeInterval: ClosedRange<Double>?
    /// 95 % interval of the time of its peak, s; nil where sources were not refined.
    public var latencyInterval: ClosedRange<Double>?
    /// 95 % interval of ``extent``, m; nil where sources were not refined.
    public var extentInterval: ClosedRange<Double>?
    /// What became of it in repeats of the choice; nil where nothing was repeated.
    public var stability: Stability.Source?

    /// A source; its error bars are set afterwards. That `axes` are as many as the rows of `amplitudes` is checked where it
    /// matters: by ``Comparison`` and by the writers of files.
    public init(
        index: Int, position: SIMD3<Double>, hemisphere: Hemisphere?, vertex: Int?, amplitudes: Matrix,
        axes: [SIMD3<Double>]?, field: Double, share: Double, extent: Double? = nil, timesNoise: Double? = nil,
        stability: Stability.Source? = nil
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
        self.stability = stability
    }

    /// Magnitude of the dipole at each sample, A·m: with one axis signed, with more the length of the vector.
    public var timeCourse: [Double] {
        (0..<amplitudes.columns).map { t in
            let column = amplitudes.column(t)
            return column.count == 1 ? column[0] : column.reduce(0) { $0 + $1 * $1 }.squareRoot()
        }
    }

    /// Sample at which the magnitude is largest; 0 without samples.
    public var peakSample: Int {
        let course = timeCourse
        return course.indices.max { abs(course[$0]) < abs(course[$1]) } ?? 0
    }

    /// Largest magnitude over time, A·m, not negative; 0 without samples.
    public var peakAmplitude: Double {
        amplitudes.columns > 0 ? abs(timeCourse[peakSample]) : 0
    }

    /// Time of the peak among the times of the estimate, s; nil without samples, or where its sample has no time.
    public func peakTime(in times: [Double]) -> Double? {
        let sample = peakSample
        return amplitudes.columns > 0 && times.indices.contains(sample) ? times[sample] : nil
    }

    /// Unit vector of the dipole at its peak, in the frame of the estimate; nil without samples, where the axes are not
    /// known, and where the amplitude is zero.
    public var peakDirection: SIMD3<Double>? {
        guard amplitudes.columns > 0, let axes, axes.count == amplitudes.rows else { return nil }
        let sample = peakSample
        let moment = axes.indices.reduce(SIMD3<Double>.zero) { $0 + axes[$1] * amplitudes[$1, sample] }
        let length = moment.distance(to: .zero)
        return length > 0 && length.isFinite ? moment / length : nil
    }
}

extension SIMD3<Double> {
    /// The Euclidean distance.
    func distance(to other: SIMD3<Double>) -> Double {
        let difference = self - other
        return (difference * difference).sum().squareRoot()
    }
}
