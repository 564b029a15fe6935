import SourceImaging

/// The result of a localization in numbers, as `--json` prints it.
///
/// A value that is unknown or not finite is null: JSON has no NaN. What is made of several numbers (the shape of the curve,
/// the sensitivity to noise, places of repeats) is written as it is, what is not finite as text.
public struct Summary: Codable, Sendable, Equatable {
    /// One active source.
    public struct Source: Codable, Sendable, Equatable {
        /// Position in the forward model, from 0.
        public let index: Int
        /// x, y, z in mm, to 1 µm.
        public let positionInMillimetres: [Double?]
        /// Frame of the position: `head`, `mri` or `ctf`.
        public let frame: String
        /// `left`, `right` or `volume`; nil when the forward does not say.
        public let hemisphere: String?
        /// Vertex in the surface; nil when the forward does not say.
        public let vertex: Int?
        /// Candidates that hold the source with 95 %, by their index in the forward model; nil where it has no region.
        public let regionVertices: [Int]?
        /// The numbers of ``SourceColumn/all`` by their names in the summary; nil where unknown or not finite.
        private let numbers: [String: Double]
        /// Half-axes of the region, mm, and the bounds of ``SourceInterval/all`` by their names in the summary.
        private let lists: [String: [Double?]]

        private struct Key: CodingKey, ExpressibleByStringLiteral {
            let stringValue: String
            var intValue: Int? { nil }

            init(stringValue: String) { self.stringValue = stringValue }
            init(stringLiteral name: String) { stringValue = name }
            init?(intValue: Int) { nil }
        }

        private static let labels = SourceColumn.all.compactMap(\.summary?.name)

        private static let listNames = ["half_axes_mm"] + SourceInterval.all.map(\.summaryName)

        /// A number by its name in the summary, such as `peak_nAm`; nil where it is unknown or not finite.
        public subscript(name: String) -> Double? { numbers[name] }

        /// A list by its name in the summary, such as `half_axes_mm` or `peak_interval_nAm`; nil where it is unknown, and in
        /// it what is not finite.
        public subscript(list name: String) -> [Double?]? { lists[name] }

        init(_ source: EstimatedSource, in estimate: Estimate) {
            index = source.index
            positionInMillimetres = [source.position.x, source.position.y, source.position.z].map {
                ($0 * 1000 * 1000).rounded().finite.map { $0 / 1000 }
            }
            frame = estimate.frame.rawValue
            hemisphere = source.hemisphere?.name
            vertex = source.vertex
            var numbers: [String: Double] = [:]
            for column in SourceColumn.all {
                guard let label = column.summary else { continue }
                numbers[label.name] = column.value(source, estimate.times).flatMap { ($0 * label.factor).finite }
            }
            self.numbers = numbers
            regionVertices = source.region?.vertices
            let values = [source.region?.halfAxes.map { $0 * 1000 }] + SourceInterval.all.map { $0.bounds(of: source) }
            lists = Dictionary(uniqueKeysWithValues: zip(Self.listNames, values)).compactMapValues { $0?.map(\.finite) }
        }

        /// A source that ``encode(to:)`` wrote.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            index = try container.decode(Int.self, forKey: "index")
            positionInMillimetres = try container.decode([Double?].self, forKey: "position_mm")
            frame = try container.decode(String.self, forKey: "frame")
            hemisphere = try container.decodeIfPresent(String.self, forKey: "hemisphere")
            vertex = try container.decodeIfPresent(Int.self, forKey: "vertex")
            var numbers: [String: Double] = [:]
            for label in Self.labels {
                numbers[label] = try container.decodeIfPresent(Double.self, forKey: Key(stringValue: label))
            }
            self.numbers = numbers
            regionVertices = try container.decodeIfPresent([Int].self, forKey: "region_vertices")
            var lists: [String: [Double?]] = [:]
            for name in Self.listNames {
                lists[name] = try container.decodeIfPresent([Double?].self, forKey: Key(stringValue: name))
            }
            self.lists = lists
        }

        /// Writes every key, missing values as null.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(index, forKey: "index")
            try container.encode(positionInMillimetres, forKey: "position_mm")
            try container.encode(frame, forKey: "frame")
            try container.encode(hemisphere, forKey: "hemisphere")
            try container.encode(vertex, forKey: "vertex")
            for label in Self.labels { try container.encode(numbers[label], forKey: Key(stringValue: label)) }
            try container.encode(regionVertices, forKey: "region_vertices")
            for name in Self.listNames { try container.encode(lists[name], forKey: Key(stringValue: name)) }
        }
    }

    /// What repeats of the choice found.
    public struct StabilitySummary: Codable, Sendable, Equatable {
        /// A place where repeats find a source that the estimate does not have.
        public struct Other: Codable, Sendable, Equatable {
            /// Position in the forward model, from 0.
            public let index: Int
            /// x, y, z in mm.
            public let positionInMillimetres: [Double]
            /// Part of the repeats that find a source there.
            public let foundFraction: Double

            enum CodingKeys: String, CodingKey {
                case index
                case positionInMillimetres = "position_mm"
                case foundFraction = "found_fraction"
            }
        }

        /// Number of repeats.
        public let repeats: Int
        /// What they differ in: `epochs`, `sensors` or `noise`.
        public let method: String
        /// Distance within which a source counts as found again, mm.
        public let radius: Double
        /// Number of sources of each repeat.
        public let counts: [Int]
        /// λ over λ_max that each repeat chose; nil where it has none.
        public let ratios: [Double?]
        /// Where repeats often find a source that the estimate does not have.
        public let others: [Other]

        enum CodingKeys: String, CodingKey {
            case repeats
            case method = "by"
            case radius = "radius_mm"
            case counts = "source_counts"
            case ratios = "lambda_ratios"
            case others = "other_sources"
        }

        init(_ stability: Stability) {
            repeats = stability.repeats
            method = stability.method.rawValue
            radius = stability.radius * 1000
            counts = stability.counts
            ratios = stability.ratios.map(\.finite)
            others = stability.others.map {
                let p = $0.position
                return Other(
                    index: $0.index, positionInMillimetres: [p.x, p.y, p.z].map { ($0 * 1e6).rounded() / 1000 },
                    foundFraction: $0.found)
            }
        }
    }

    /// One thing on which the trust in the result rests.
    public struct Check: Codable, Sendable, Equatable {
        /// What was looked at.
        public let name: String
        /// `ok`, `look` or `wrong`.
        public let mark: HealthCheck.Mark
        /// What was found.
        public let finding: String
        /// What to do about it; empty where there is nothing to do.
        public let advice: String

        /// The check in the form that is printed.
        public init(_ check: HealthCheck) {
            name = check.name
            mark = check.mark
            finding = check.finding
            advice = check.advice
        }
    }

    /// How sources were sparse in time and frequency.
    public struct TimeFrequencySummary: Codable, Sendable, Equatable {
        /// Which part of the penalty was of single coefficients.
        public let rho: Double
        /// Lengths of windows, and from one to the next, samples.
        public let lengths, steps: [Int]

        init(_ record: TimeFrequencyRecord) {
            rho = record.rho
            lengths = record.frame.windows.map(\.length)
            steps = record.frame.windows.map(\.step)
        }
    }

    /// How the sources were refined to the few that are worth more than noise.
    public struct RefinementSummary: Codable, Sendable, Equatable {
        /// What a source has to explain, squared whitened units.
        public let charge: Double?
        /// Stretches of noise that it was measured on; 0 where it comes from white noise alone.
        public let stretches: Int
        /// Length of a stretch, samples.
        public let length: Int
        /// Where the descent from each start ended: squared residual and the charges of all sources.
        public let objectives: [Double?]
        /// Whether no exchange, drop or addition of one source lowers the objective.
        public let isSettled: Bool
        /// Looks at all candidates.
        public let looks: Int
        /// Relative error of the gain that was reckoned with; absent where none was.
        public let gainError: Double?
        /// How likely noise alone is to make a source somewhere in the window; absent where it is not known.
        public let falsePositiveRate: Double?
        /// Standard error of the charge; absent where it is not known.
        public let chargeUncertainty: Double?
        /// How well each sensor is predicted by the others through the sources; absent where it is not known.
        public let heldOut: Double?

        enum CodingKeys: String, CodingKey {
            case charge
            case stretches = "noise_stretches"
            case length = "stretch_samples"
            case objectives
            case isSettled = "settled"
            case looks
            case gainError = "gain_error"
            case falsePositiveRate = "false_positive_rate"
            case chargeUncertainty = "charge_uncertainty"
            case heldOut = "held_out_sensors"
        }

        init(_ refinement: Refinement) {
            charge = refinement.charge.value.finite
            stretches = refinement.charge.stretches
            length = refinement.charge.length
            objectives = refinement.objectives.map(\.finite)
            isSettled = refinement.isSettled
            looks = refinement.looks
            gainError = refinement.gainError?.finite
            falsePositiveRate = refinement.falsePositiveRate?.finite
            chargeUncertainty = refinement.chargeUncertainty?.finite
            heldOut = refinement.heldOut?.finite
        }
    }

    /// The chosen λ, in units of the whitened, weighted problem; where every source has one, their geometric mean.
    public let lambda: Double?
    /// λ over the smallest λ at which no source is active.
    public let lambdaRatio: Double?
    /// Name of the selection criterion, for example `SURE`; `fixed` where λ was given.
    public let criterion: String
    /// Value of the selection criterion at the choice.
    public let criterionValue: Double?
    /// Name of the search, for example `path`; `none` where λ was given.
    public let search: String
    /// How sharply the curve singles out its choice; nil where there is no curve over one λ.
    public let shape: CurveShape?
    /// How far the choice would move if σ were wrong by a fifth; nil where it is not by SURE over one λ.
    public let noiseSensitivity: NoiseSensitivity?
    /// What λ follows from where it is the quantile of noise.
    public let noiseQuantile: QuantileRecord?
    /// Standard deviation of the whitened noise that the selection counted with.
    public let sigma: Double?
    /// Standard deviation of the whitened baseline, 1 when the covariance is right; nil without a baseline.
    public let noiseDeviation: Double?
    /// Rank of the whitened data.
    public let rank: Int
    /// The rank of each block of sensors and who says it; empty when unknown.
    public let rankSource: String
    /// Trials in the average, by which noise was divided; nil when unknown and not needed.
    public let averages: Double?
    /// What was looked at before anything was computed.
    public let checks: [Check]
    /// Largest duality gap over ½‖Y‖² behind the estimate.
    public let relativeGap: Double?
    /// Degrees of freedom at the choice.
    public let degreesOfFreedom: Double?
    /// Part of the whitened data's power that all sources explain together.
    public let goodnessOfFit: Double?
    /// Whether the choice is the largest or smallest λ tried.
    public let atGridEdge: Bool
    /// How sources were sparse in time and frequency; nil where they were not.
    public let timeFrequency: TimeFrequencySummary?
    /// How the sources were refined; nil where they were not.
    public let refinement: RefinementSummary?
    /// What repeats of the choice found; nil where it was not repeated.
    public let stability: StabilitySummary?
    /// Active sources, the one that explains most field first.
    public let sources: [Source]
    /// Seconds a stage.
    public let seconds: StageSeconds
    /// What the user should know, one line each.
    public let warnings: [String]

    enum CodingKeys: String, CodingKey {
        case lambda
        case lambdaRatio = "lambda_ratio"
        case criterion
        case criterionValue = "criterion_value"
        case search
        case shape = "selection_shape"
        case noiseSensitivity = "noise_sensitivity"
        case noiseQuantile = "noise_quantile"
        case sigma
        case noiseDeviation = "noise_deviation"
        case rank
        case rankSource = "rank_source"
        case averages, checks
        case relativeGap = "relative_gap"
        case degreesOfFreedom = "degrees_of_freedom"
        case goodnessOfFit = "goodness_of_fit"
        case atGridEdge = "at_grid_edge"
        case timeFrequency = "time_frequency"
        case refinement, stability, sources, seconds, warnings
    }

    /// The summary of an estimate.
    public init(_ estimate: Estimate) {
        let chosen = estimate.selection.chosen
        lambda = chosen.lambda.finite
        lambdaRatio = chosen.ratio.finite
        criterion = estimate.selection.criterion
        criterionValue = chosen.criterion.finite
        search = estimate.selection.search
        shape = estimate.selection.shape()
        noiseSensitivity = estimate.noiseSensitivity
        noiseQuantile = estimate.selection.quantile
        sigma = estimate.preparation.noiseDeviation.finite
        noiseDeviation = estimate.preparation.baselineDeviation?.finite
        rank = estimate.preparation.rank
        rankSource = estimate.preparation.rankSource
        averages = estimate.preparation.averages?.finite
        checks = estimate.preparation.checks.map { Check($0) }
        relativeGap = estimate.certificate.relativeGap.finite
        degreesOfFreedom = chosen.degreesOfFreedom.finite
        goodnessOfFit = estimate.goodnessOfFit.finite
        atGridEdge = estimate.selection.atGridEdge
        timeFrequency = estimate.timeFrequency.map { TimeFrequencySummary($0) }
        refinement = estimate.refinement.map { RefinementSummary($0) }
        stability = estimate.stability.map { StabilitySummary($0) }
        sources = estimate.sources.map { Source($0, in: estimate) }
        let spent = estimate.seconds
        seconds = StageSeconds(
            load: spent.load.finite ?? 0, prepare: spent.prepare.finite ?? 0, solve: spent.solve.finite ?? 0,
            total: spent.total.finite ?? 0)
        warnings = estimate.warnings
    }

    /// Writes every key, missing values as null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(lambda, forKey: .lambda)
        try container.encode(lambdaRatio, forKey: .lambdaRatio)
        try container.encode(criterion, forKey: .criterion)
        try container.encode(criterionValue, forKey: .criterionValue)
        try container.encode(search, forKey: .search)
        try container.encode(shape, forKey: .shape)
        try container.encode(noiseSensitivity, forKey: .noiseSensitivity)
        try container.encode(noiseQuantile, forKey: .noiseQuantile)
        try container.encode(sigma, forKey: .sigma)
        try container.encode(noiseDeviation, forKey: .noiseDeviation)
        try container.encode(rank, forKey: .rank)
        try container.encode(rankSource, forKey: .rankSource)
        try container.encode(averages, forKey: .averages)
        try container.encode(checks, forKey: .checks)
        try container.encode(relativeGap, forKey: .relativeGap)
        try container.encode(degreesOfFreedom, forKey: .degreesOfFreedom)
        try container.encode(goodnessOfFit, forKey: .goodnessOfFit)
        try container.encode(atGridEdge, forKey: .atGridEdge)
        try container.encode(timeFrequency, forKey: .timeFrequency)
        try container.encode(refinement, forKey: .refinement)
        try container.encode(stability, forKey: .stability)
        try container.encode(sources, forKey: .sources)
        try container.encode(seconds, forKey: .seconds)
        try container.encode(warnings, forKey: .warnings)
    }

    /// The summary as indented JSON with sorted keys, without a final newline.
    ///
    /// - Throws: `EncodingError`, which no summary made from an estimate can cause.
    public func json() throws -> String { try JSON.text(self, isIndented: true) }
}
