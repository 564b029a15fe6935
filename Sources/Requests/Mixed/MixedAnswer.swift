/// A model of mixed effects that was chosen and fitted.
public struct MixedAnswer: Sendable {
    /// What is printed of it.
    public var summary: MixedSummary
    /// What it is of.
    public let design: MixedDesign
    /// How each group departs from the fixed effects: random effects × groups, in the caller's units; 0 for what is not in.
    public let deviations: Matrix
    /// Covariance of the random effects, in the caller's units.
    public let covariance: Matrix
    /// What the model says of each row of the design, groups' departures included.
    public let fitted: [Double]
    /// Estimates along a path of λ; nil where there was none.
    public let path: Path?

    /// Estimates along λ, in the caller's units.
    public struct Path: Sendable {
        /// λ, in the units of the search.
        public let lambdas: [Double]
        /// Fixed effects × λ.
        public let fixed: Matrix
        /// Variances × λ.
        public let random: Matrix
        /// The λ of the choice; nil where it came from elsewhere.
        public let chosen: Double?
    }
}

/// An optional that is written as null, where others are left out.
@propertyWrapper
public struct Nullable<Value: Encodable & Sendable>: Encodable, Sendable {
    /// The value.
    public let wrappedValue: Value?

    /// Of a value.
    public init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

    /// Writes it, or null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
    }
}

/// What is printed of a model of mixed effects.
public struct MixedSummary: Encodable, Sendable {
    /// An effect that is shared by all groups.
    public struct Fixed: Encodable, Sendable {
        /// As R names it.
        public let name: String
        /// In the response's unit over the column's; 0 where it is not selected.
        public let estimate: Double
        /// Of the estimate, the variances taken as they are; nil where it is not selected.
        @Nullable public var standardError: Double?
        /// The lower end of the interval that holds ``MixedSummary/confidence``.
        @Nullable public var lower: Double?
        /// Its upper end.
        @Nullable public var upper: Double?
        /// Estimate over standard error.
        @Nullable public var statistic: Double?
        /// Two-sided, by Wald's test against Student's t.
        @Nullable public var p: Double?
        /// The same over all effects but the intercept and those that are not selected (Holm 1979).
        @Nullable public var pHolm: Double?
        /// Whether it is part of the model.
        public let selected: Bool
        /// Probability that it is, where models were averaged.
        @Nullable public var inclusion: Double?
        /// What a penalty leaves of it, before it is fitted again without one.
        @Nullable public var penalized: Double?
    }

    /// What differs between groups.
    public struct Random: Encodable, Sendable {
        /// As R names it.
        public let name: String
        /// The variance, in squares of the effect's unit; 0 where it is not selected.
        public let estimate: Double
        /// Its root.
        public let deviation: Double
        /// Whether it is part of the model.
        public let selected: Bool
        /// Probability that it is, where models were averaged.
        @Nullable public var inclusion: Double?
        /// The lower end of the profile-likelihood interval of the deviation; nil where that was not asked, or effects are correlated.
        @Nullable public var lower: Double?
        /// Its upper end; nil likewise, and where nothing is rejected.
        @Nullable public var upper: Double?
        /// Of the likelihood-ratio test against the model without it, on the boundary; nil where it is not selected.
        @Nullable public var p: Double?
        /// What a penalty leaves of the variance, before it is fitted again without one.
        @Nullable public var penalized: Double?
    }

    /// A λ that was tried.
    public struct Trial: Encodable, Sendable {
        /// λ.
        public let lambda: Double
        /// η; nil without a relaxation.
        public let eta: Double?
        /// BIC of the model on what is left, fitted again without the penalty.
        public let criterion: Double
        /// Fixed effects that are left.
        public let fixedCount: Int
        /// Random effects that are left.
        public let randomCount: Int
    }

    /// A correlation of two random effects.
    public struct Correlation: Encodable, Sendable {
        /// Names.
        public let first, second: String
        /// From −1 to 1.
        public let correlation: Double
    }

    /// What is explained, and what tells the groups.
    public let response, group: String
    /// Rows used, groups, and rows left out since a cell was missing.
    public let rows, groups, missingRows: Int
    /// How effects were chosen.
    public let select: String
    /// The penalty; nil where there was none.
    public let penalty: String?
    /// `ml` or `reml`: what the variances are the best of.
    public let estimation: String
    /// Of Wald's tests: groups less the effects in the model that are the same in all rows of each.
    public let degreesOfFreedom: Double
    /// Whether a random effect is only in with its fixed effect.
    public let hierarchy: Bool
    /// Fixed effects, in the order of the formula.
    public let fixed: [Fixed]
    /// Random effects, likewise.
    public let random: [Random]
    /// Where random effects are correlated.
    public let correlations: [Correlation]?
    /// σ², the variance of the noise; nil where rows have their own.
    public let noiseVariance: Double?
    /// Whether it was estimated.
    public let noiseIsEstimated: Bool
    /// What was minimized: −log likelihood and penalty; without a penalty that of the model reported (by ML), constants left out.
    public let objective: Double
    /// −2 log likelihood by ML, constants included, of the model reported.
    public let minusTwiceLogLikelihood: Double
    /// The same by REML; nil where variances are by ML.
    public let minusTwiceRestrictedLogLikelihood: Double?
    /// 2L + k log N of the model reported, L being −log likelihood by ML without constants and k the effects that are in.
    public let bic: Double
    /// All criteria by their names.
    public let criteria: [String: Double]
    /// λ, where there was a penalty, of standardized columns where they were standardized.
    @Nullable public var lambda: Double?
    /// η, where there was a relaxation.
    @Nullable public var eta: Double?
    /// Whether columns and response were.
    public let standardized: Bool
    /// Iterations of the last fit, and models that were fitted in all.
    public let iterations: Int
    package let models: Int
    /// Whether the last fit came to rest.
    public let converged: Bool
    /// What intervals hold.
    public let confidence: Double
    /// Levels that categories are compared with.
    public let references: [MixedDesign.Reference]
    /// All λ that were tried.
    public let trials: [Trial]?
    /// Time taken in all; of it until effects were chosen; and until these were fitted without a penalty, before any tests.
    package var seconds = 0.0
    package var selectionSeconds = 0.0
    package var fitSeconds = 0.0

    /// As JSON, with underscores in names.
    ///
    /// - Throws: `EncodingError`.
    public func json(isIndented: Bool) throws -> String {
        try JSON.text(self, isIndented: isIndented, keys: .convertToSnakeCase)
    }
}
