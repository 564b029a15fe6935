import Glibc
import LinearAlgebra

/// Which effects there are in several responses at once, such as amplitudes at the places of a group: mixed models with known
/// errors, a test of every effect at every response, and the probability that a model has it.
///
/// Responses whose errors are correlated are modelled together, others apart. Tests are Wald's, in the model that has all
/// effects and all their variances between groups by restricted maximum likelihood, so that nothing was chosen before they are
/// made; p by Student's t with m − r degrees of freedom for m groups and the rank r of what is constant within every group, and
/// Holm's correction over all responses and effects. The choice is by averaging over models (``ModelAveraging``), each of which
/// is charged for the number of rows of all responses, as one model of them would be.
public struct ResponseModel: Sendable {
    /// Fixed effects that are in every model and are not tested: the intercept.
    public var keptFixed: Set<Int>
    /// Random effects that are in every model.
    public var keptRandom: Set<Int>
    /// For each random effect the fixed effect that it needs (``SelectionRules/parents``); an empty list asks for no hierarchy.
    ///
    /// With it an effect that differs between groups without being of one sign can only be chosen as one of both kinds: where that
    /// happens, what is told of the fixed one is wrong.
    public var parents: [Int?]
    /// Whether models are averaged at all.
    public var selects: Bool
    /// Sweeps of the sampler.
    public var sweeps: Int?
    /// Of the sampler.
    public var seed: UInt64

    /// Groups below which random effects are not chosen, but all kept (``SelectionRules/with(groups:randomCount:)``).
    public static let fewestGroups = SelectionRules.fewestGroups
    /// Mean absolute correlation of errors from which on responses are modelled together.
    static let leastCorrelation = 0.2
    /// Columns of a model of several responses at most.
    static let mostColumns = 48
    /// Columns beyond which effects are left out of the averaging that the model of all effects has no use for.
    var mostAveraged = 24

    /// See the properties.
    public init(
        keptFixed: Set<Int> = [], keptRandom: Set<Int> = [], parents: [Int?] = [], selects: Bool = true,
        sweeps: Int? = nil, seed: UInt64 = 1
    ) {
        self.keptFixed = keptFixed
        self.keptRandom = keptRandom
        self.parents = parents
        self.selects = selects
        self.sweeps = sweeps
        self.seed = seed
    }

    /// What is found of one effect at one response, in the response's unit.
    public struct Effect: Sendable, Equatable {
        /// The response.
        public let response: Int
        /// The column of X.
        public let column: Int
        /// In the model of all effects.
        public let estimate: Double
        /// Of the estimate.
        public let standardError: Double
        /// Of Student's t.
        public let degreesOfFreedom: Double
        /// That the effect is 0, the others being what they are; NaN for one that is not tested.
        public let p: Double
        /// The same, corrected for all responses and effects.
        public internal(set) var correctedP: Double
        /// Probability that a model has it; nil where models were not averaged.
        public let inclusion: Double?
    }

    /// How one effect differs between groups at one response.
    public struct Spread: Sendable, Equatable {
        /// The response.
        public let response: Int
        /// The column of Z.
        public let column: Int
        /// Standard deviation between groups, in the response's unit, by restricted maximum likelihood.
        public let deviation: Double
        /// Probability that a model has it; nil where that was not asked.
        public let inclusion: Double?
    }

    /// How one group differs from the others in one effect at one response.
    public struct Departure: Sendable, Equatable {
        /// The group.
        public let group: Int
        /// The response.
        public let response: Int
        /// The column of Z.
        public let column: Int
        /// The best prediction of its random effect, in the response's unit.
        public let prediction: Double
        /// s/√A, s = ZᵀΩ⁻¹(y − Xβ) and A = ZᵀΩ⁻¹Z of the group: standard normal where the model holds, also where the
        /// variance is 0.
        public let score: Double
    }

    /// What was found.
    public struct Result: Sendable {
        /// By response, then column.
        public let effects: [Effect]
        /// By response, then column.
        public let spreads: [Spread]
        /// By response, column, then group.
        public let departures: [Departure]
        /// Responses that could not be modelled, and why.
        public let failures: [(response: Int, reason: String)]
        /// Which responses were modelled together.
        public let blocks: [[Int]]
        /// Number of tests that p values were corrected for.
        public let tests: Int
        /// Whether random effects were chosen.
        public let choosesRandom: Bool
    }

    /// Fits.
    ///
    /// - Parameters:
    ///   - table: the rows.
    ///   - parallelism: models are fitted at the same time; no result depends on it.
    ///   - isCancelled: asked before every model.
    /// - Throws: `CancellationError`.
    /// - Complexity: for b responses together, some evaluations of the likelihood and O(sweeps · b(p + q)) fits at most; memory of
    ///   the table and of one model a thread.
    public func fit(
        _ table: ResponseTable, parallelism: Parallelism = .serial, isCancelled: @Sendable () -> Bool = { false }
    ) throws -> Result {
        let blocks = table.blocks(correlatedBy: Self.leastCorrelation, columns: Self.mostColumns)
        let between = Self.rankBetween(table)
        let charged = table.responses.elements.count(where: \.isFinite)
        var outcomes = [Outcome?](repeating: nil, count: blocks.count)
        outcomes.withUnsafeMutableBufferPointer { outcomes in
            // Each piece writes to a place of its own.
            nonisolated(unsafe) let outcomes = outcomes
            parallelism.forEachPiece(of: blocks.count, piece: 1) { number, _ in
                if isCancelled() { return }
                outcomes[number] = fit(table, blocks[number], rankBetween: between, charged: charged)
            }
        }
        if isCancelled() || outcomes.contains(where: { $0 == nil }) { throw CancellationError() }
        let found = outcomes.compactMap(\.self)
        var effects = found.flatMap(\.effects).sorted { ($0.response, $0.column) < ($1.response, $1.column) }
        let corrected = HolmCorrection.adjusted(effects.map(\.p))
        for k in effects.indices { effects[k].correctedP = corrected[k] }
        return Result(
            effects: effects,
            spreads: found.flatMap(\.spreads).sorted { ($0.response, $0.column) < ($1.response, $1.column) },
            departures: found.flatMap(\.departures).sorted {
                ($0.response, $0.column, $0.group) < ($1.response, $1.column, $1.group)
            },
            failures: found.flatMap(\.failures).sorted { $0.response < $1.response }, blocks: blocks,
            tests: effects.count { !$0.p.isNaN },
            choosesRandom: selects && table.groupCount >= SelectionRules.fewestGroups)
    }

    /// What one model found.
    private struct Outcome {
        var effects: [Effect] = []
        var spreads: [Spread] = []
        var departures: [Departure] = []
        var failures: [(response: Int, reason: String)] = []
    }

    /// The rank of the columns of X that are constant within every group, at least one: what groups tell between them.
    private static func rankBetween(_ table: ResponseTable) -> Int {
        let constant = (0..<table.fixed.columns).filter { column in
            (0..<table.groupCount).allSatisfy { group in
                let first = table.fixed[table.offsets[group], column]
                return (table.offsets[group]..<table.offsets[group + 1]).allSatisfy { table.fixed[$0, column] == first }
            }
        }
        guard !constant.isEmpty else { return 1 }
        let rows = table.offsets.dropLast()
        return max(1, PivotedQR.rank(table.fixed.rows(Array(rows)).columns(constant), tolerance: 1e-9))
    }

    private func fit(_ table: ResponseTable, _ members: [Int], rankBetween: Int, charged: Int) -> Outcome {
        var outcome = Outcome()
        do {
            guard let block = try table.block(members) else {
                outcome.failures = members.map { ($0, "no group has it") }
                return outcome
            }
            let model = try VarianceScoring().fit(block.problem, kind: .reml)
            let inclusions = selects ? average(block, model, table, charged) : nil
            let (p, q) = (table.fixed.columns, table.random.columns)
            let errors = model.fixed.indices.map { model.fixedCovariance[$0, $0].squareRoot() }
            for (k, response) in members.enumerated() {
                let groups = block.groups.count { group in
                    (table.offsets[group]..<table.offsets[group + 1]).contains {
                        table.responses[$0, response].isFinite
                    }
                }
                let freedom = Double(max(1, groups - rankBetween))
                for column in 0..<p {
                    let own = k * p + column
                    let isTested = !keptFixed.contains(column)
                    let value =
                        isTested
                        ? StudentDistribution.twoSided(model.fixed[own] / errors[own], freedom: freedom) : .nan
                    outcome.effects.append(
                        Effect(
                            response: response, column: column, estimate: model.fixed[own] * block.scales[k],
                            standardError: errors[own] * block.scales[k], degreesOfFreedom: freedom, p: value,
                            correctedP: value, inclusion: inclusions?.fixed[own]))
                }
                for column in 0..<q {
                    let own = k * q + column
                    outcome.spreads.append(
                        Spread(
                            response: response, column: column,
                            deviation: model.variances[own].squareRoot() * block.scales[k],
                            inclusion: inclusions?.random?[own]))
                }
            }
            outcome.departures = departures(block, model, members, table)
        } catch {
            outcome.failures = members.map { ($0, "\(error)") }
        }
        return outcome
    }

    /// How groups depart from what the model says of all.
    private func departures(
        _ block: ResponseTable.Block, _ model: FittedModel, _ members: [Int], _ table: ResponseTable
    ) -> [Departure] {
        let (p, q) = (table.fixed.columns, table.random.columns)
        let (side, count) = (block.problem.fixedCount + block.problem.randomCount + 1, block.problem.randomCount)
        var departures: [Departure] = []
        var group = 0
        _ = Likelihood(block.problem).forEachProducts(at: Effects(fixed: model.fixed, variances: model.variances)) {
            products, _ in
            for own in 0..<count {
                let column = members.count * p + own
                let (s, a) = (products[side - 1 + column * side], products[column + column * side])
                // A group that has nothing of an effect does not depart in it.
                guard a > 0 else { continue }
                departures.append(
                    Departure(
                        group: block.groups[group], response: members[own / q], column: own % q,
                        prediction: model.variances[own] * s * block.scales[own / q], score: s / a.squareRoot()))
            }
            group += 1
        }
        return departures
    }

    // MARK: - Which effects models have

    private func average(
        _ block: ResponseTable.Block, _ model: FittedModel, _ table: ResponseTable, _ charged: Int
    ) -> (fixed: [Double], random: [Double]?) {
        let (p, q) = (table.fixed.columns, table.random.columns)
        let (fixedCount, randomCount) = (block.problem.fixedCount, block.problem.randomCount)
        let isKept = (0..<fixedCount).map { keptFixed.contains($0 % p) }
        let candidates =
            fixedCount > mostAveraged
            ? survivors(block.problem, model, isKept, charged: charged) : Array(0..<fixedCount)
        let places = Dictionary(uniqueKeysWithValues: candidates.enumerated().map { ($0.element, $0.offset) })
        let choosesRandom = table.groupCount >= SelectionRules.fewestGroups
        let needed =
            parents.isEmpty
            ? [] : (0..<randomCount).map { own in parents[own % q].flatMap { places[own / q * p + $0] } }
        let rules = SelectionRules(
            keptFixed: Set(candidates.indices.filter { isKept[candidates[$0]] }),
            keptRandom: Set((0..<randomCount).filter { keptRandom.contains($0 % q) }), parents: needed
        ).with(groups: table.groupCount, randomCount: randomCount)
        let problem = block.problem.restricted(fixed: candidates, random: Array(0..<randomCount))
        // Criteria need no more digits than their differences do.
        let fits = SupportFits(problem, noise: .known, newton: BoundedNewton(tolerance: 1e-7), charged: charged)
        // What the model of all effects has a use for is a better start than all of them.
        let start = Support(
            fixed: candidates.map { isKept[$0] || model.worth(of: $0) > log(Double(charged)) },
            random: [Bool](repeating: true, count: randomCount))
        let best = SubsetSearch(rules: rules, swaps: false).run(fits, from: start)
        let average = ModelAveraging(rules: rules, sweeps: sweeps, seed: seed).run(fits, from: best)
        var fixed = [Double](repeating: 0, count: fixedCount)
        for (place, column) in candidates.enumerated() { fixed[column] = average.fixed[place] }
        return (fixed, choosesRandom ? average.random : nil)
    }

    /// The effects that are worth to be averaged over where there are many: backward elimination with Γ as the model of all
    /// effects has it, in which the least lowers the likelihood; those stay that lower it by a quarter of what an effect is charged.
    ///
    /// - Complexity: O(fixed effects³).
    private func survivors(
        _ problem: MixedEffectsProblem, _ model: FittedModel, _ isKept: [Bool], charged: Int
    ) -> [Int] {
        // (ΣK)⁻¹ of the effects left, from which one more is taken by a step of Gauss and Jordan.
        var covariance = model.fixedCovariance
        var fixed = model.fixed
        var left = Array(fixed.indices)
        let least = log(Double(charged)) / 4
        while true {
            func worth(_ k: Int) -> Double { isKept[k] ? .infinity : fixed[k] * fixed[k] / covariance[k, k] }
            guard let weakest = left.min(by: { worth($0) < worth($1) }), worth(weakest) < least else { return left }
            left.removeAll { $0 == weakest }
            let column = left.map { covariance[$0, weakest] / covariance[weakest, weakest] }
            for (i, row) in left.enumerated() {
                fixed[row] -= column[i] * fixed[weakest]
                for other in left { covariance[row, other] -= column[i] * covariance[weakest, other] }
            }
        }
    }
}
