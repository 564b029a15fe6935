import Glibc
import LinearAlgebra

/// A measure on given places that is nearest to several others: their mean in the sense of transport.
///
/// Minimized over masses b ≥ 0 of the places, plans P_s, with weights w_s that add up to one,
///
///     Σ_s w_s [ ⟨P_s, C_s⟩ + ε KL(P_s | a_s ⊗ λ) + ρ KL(P_s1 | a_s) + ρ KL(P_sᵀ1 | b) ]
///
/// λ being even over the places (Chizat, Peyré, Schmitzer & Vialard 2018; balanced: Benamou et al. 2015), and as dense as
/// makes blur cost nothing on average: Σ_j λ exp(−C_ij/ε) has mean 1 over the members' masses. At the optimum b = Σ w_s P_sᵀ1.
///
/// The entropy blurs: a single source becomes a cloud of standard deviation √(ε/2) along each axis. Mass of a share w of the
/// members that no other has within the reach appears with w² of it, what all have near one place whole.
public struct TransportBarycenter: Sendable, Equatable {
    /// One of the measures.
    public struct Member: Sendable {
        /// Mass at each of its places, n, not negative.
        public let mass: [Double]
        /// Costs of moving a unit to each of the barycentre's places, n × m.
        public let costs: Matrix
        /// Its weight, positive; weights are divided by their sum.
        public let weight: Double

        /// A measure; ``TransportBarycenter`` checks it.
        public init(mass: [Double], costs: Matrix, weight: Double = 1) {
            self.mass = mass
            self.costs = costs
            self.weight = weight
        }
    }

    /// b, m values.
    public let mass: [Double]
    /// Mass that each member sends there, over its own.
    public let transported: [Double]
    /// Σ_s w_s Σ |P_s1 − a_s exp(−f_s/ρ)| over Σ_s w_s Σ a_s; the other marginals are exact.
    public let marginalError: Double
    /// Whether the error is within the tolerance.
    public let converged: Bool
    /// Evaluations of all plans.
    public let sweeps: Int
    /// Newton steps among them.
    public let newtonSteps: Int

    /// Finds the barycentre, by Sinkhorn's steps and Newton's on the members' potentials, those of the places and b being the
    /// best for them.
    ///
    /// - Throws: ``TransportProblem/Invalid`` without members or places, where sizes disagree, for masses, costs, weights or
    ///   settings without meaning, and where all mass is to be moved but masses differ.
    /// - Complexity: memory of two, a sweep of the time of one, Σ n × m matrix.
    public init(_ members: [Member], _ settings: TransportSettings) throws(TransportProblem.Invalid) {
        try settings.check()
        try Self.check(members, settings)
        let stacked = StackedPlans(members, settings)
        var (sweeps, newtonSteps) = (0, 0)
        var potential = [Double](repeating: 0, count: stacked.mass.count)
        var epsilon = max(settings.epsilon, stacked.largestCost / 8)
        var at: StackedPlans.Evaluation
        while true {
            let isLast = epsilon == settings.epsilon
            at = stacked.evaluate(potential, epsilon)
            sweeps += 1
            let goal = isLast ? settings.tolerance : 1e-2
            var steps = 0
            while at.error > goal, at.error.isFinite, sweeps < settings.maximumSweeps {
                if settings.usesNewton, steps >= 3, at.error < 0.3 {
                    if let next = stacked.newton(from: at, epsilon, &sweeps, to: goal) {
                        at = next
                        newtonSteps += 1
                        continue
                    }
                    at = stacked.evaluate(at.potential, epsilon)
                    steps = -5
                }
                at = stacked.evaluate(stacked.sinkhorn(at, epsilon), epsilon)
                (sweeps, steps) = (sweeps + 1, steps + 1)
            }
            if isLast { break }
            // Potentials are in units of ε.
            let next = epsilon > 6 * settings.epsilon ? epsilon / 4 : settings.epsilon
            potential = at.potential.map { $0 * (epsilon / next) }
            epsilon = next
        }
        mass = at.barycenter
        transported = stacked.transported
        marginalError = at.error
        converged = at.error <= settings.tolerance
        (self.sweeps, self.newtonSteps) = (sweeps, newtonSteps)
    }

    private static func check(
        _ members: [Member], _ settings: TransportSettings
    ) throws(TransportProblem.Invalid) {
        guard let first = members.first, first.costs.columns > 0 else {
            throw .sizes("no members or no places, expected at least one of each")
        }
        let total = first.mass.reduce(0, +)
        for (number, member) in members.enumerated() {
            try TransportProblem.check(member.mass, "member \(number)")
            guard member.costs.rows == member.mass.count, member.costs.columns == first.costs.columns else {
                throw .sizes(
                    "member \(number): costs \(member.costs.rows) × \(member.costs.columns), expected "
                        + "\(member.mass.count) × \(first.costs.columns)")
            }
            guard member.costs.elements.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
                throw .cost("member \(number): a cost that is negative, NaN or infinite")
            }
            guard member.weight > 0, member.weight.isFinite else {
                throw .setting("member \(number): weight \(member.weight), expected a positive number")
            }
            let own = member.mass.reduce(0, +)
            guard settings.marginalPenalty < .infinity || abs(own - total) <= 1e-10 * total else {
                throw .unequalMasses(total, own)
            }
        }
    }
}

/// The plans of all members to the places of their barycentre, one below the other.
private final class StackedPlans: @unchecked Sendable {
    struct Evaluation: DualPoint {
        var potential: [Double]
        var barycenter: [Double]
        /// The dual objective over ε, without constants.
        var value: Double
        /// Of each row: what its marginal should be less what it is, times the weight of its member.
        var gradient: [Double]
        var error: Double
    }

    /// Of all rows that have mass.
    let mass: [Double]
    let largestCost: Double
    private let rows: [Range<Int>]
    private let weights: [Double]
    private let weightOf: [Double]
    private let costs: Matrix
    private let settings: TransportSettings
    /// At the latest evaluation: plans, their marginals at the places (a row a member) and at the rows.
    private var plans: Matrix
    private var marginals: Matrix
    private var rowMass: [Double]
    private let logMass: [Double]
    /// log λ.
    private let logDensity: Double

    init(_ members: [TransportBarycenter.Member], _ settings: TransportSettings) {
        let total = members.reduce(0) { $0 + $1.weight }
        var (mass, rows, weightOf) = ([Double](), [Range<Int>](), [Double]())
        var kept: [(member: Int, row: Int)] = []
        for (number, member) in members.enumerated() {
            let places = member.mass.indices.filter { member.mass[$0] > 0 }
            rows.append(mass.count..<(mass.count + places.count))
            for place in places {
                mass.append(member.mass[place])
                weightOf.append(member.weight / total)
                kept.append((number, place))
            }
        }
        let places = members[0].costs.columns
        costs = Matrix(rows: mass.count, columns: places) { members[kept[$0].member].costs[kept[$0].row, $1] }
        plans = Matrix(rows: mass.count, columns: places)
        marginals = Matrix(rows: members.count, columns: places)
        rowMass = mass
        logMass = mass.map { log($0) }
        largestCost = costs.elements.reduce(0) { max($0, $1) }
        weights = members.map { $0.weight / total }
        (self.mass, self.rows, self.weightOf, self.settings) = (mass, rows, weightOf, settings)
        // The mean over rows of Σ_j exp(−C_ij/ε), its largest term taken out.
        let (least, epsilon) = (costs.elements.reduce(.infinity) { min($0, $1) }, settings.epsilon)
        var (sum, all) = (0.0, 0.0)
        for i in mass.indices {
            let share = weightOf[i] * mass[i]
            all += share
            for j in 0..<places { sum += share * exp((least - costs[i, j]) / epsilon) }
        }
        logDensity = least / epsilon - log(sum / all)
    }

    private var scale: Double { zip(weightOf, mass).reduce(0) { $0 + $1.0 * $1.1 } }

    /// Calls `body` with pieces of the places, each with sums of its own over the rows, and adds these up in order.
    private func sums(
        _ body: @Sendable (_ columns: Range<Int>, _ sums: UnsafeMutablePointer<Double>) -> Void
    ) -> [Double] {
        let count = costs.columns
        let piece = max(1, (count + 15) / 16)
        let pieces = (count + piece - 1) / piece
        var all = Matrix(rows: mass.count, columns: pieces)
        let threads = costs.elements.count > 20_000 ? settings.parallelism : .serial
        all.elements.withUnsafeMutableBufferPointer { elements in
            guard let base = elements.baseAddress else { return }
            nonisolated(unsafe) let sums = base
            threads.forEachPiece(of: count, piece: piece) { number, columns in
                body(columns, sums + number * mass.count)
            }
        }
        var result = all.column(0)
        for number in 1..<max(1, pieces) {
            for i in result.indices { result[i] += all[i, number] }
        }
        return result
    }

    /// Evaluates plans at some potentials of the rows, in units of ε.
    func evaluate(_ potential: [Double], _ epsilon: Double) -> Evaluation {
        let kappa = settings.marginalPenalty / epsilon
        let relaxation = kappa.isInfinite ? 0 : 1 / kappa
        let exponents = zip(logMass, potential).map { $0 + $1 }
        let inverse = 1 / epsilon
        let (n, members) = (mass.count, rows.count)
        var barycenter = [Double](repeating: 0, count: costs.columns)
        let (rows, weights, costs, logDensity) = (rows, weights, costs, logDensity)
        barycenter.withUnsafeMutableBufferPointer { result in
            plans.elements.withUnsafeMutableBufferPointer { plans in
                marginals.elements.withUnsafeMutableBufferPointer { marginals in
                    guard let plans = plans.baseAddress, let marginals = marginals.baseAddress else { return }
                    nonisolated(unsafe) let (result, allPlans, allMarginals) = (result, plans, marginals)
                    rowMass = sums { columns, sums in
                        for j in columns {
                            let (plan, marginal) = (allPlans + j * n, allMarginals + j * members)
                            for i in 0..<n { plan[i] = exponents[i] - costs.elements[j * n + i] * inverse }
                            result[j] = Self.place(plan, marginal, rows, weights, logDensity, relaxation)
                            for i in 0..<n { sums[i] += plan[i] }
                        }
                    }
                }
            }
        }
        return assembled(potential, barycenter, relaxation)
    }

    /// Turns exponents of a column of plans into the plans, and gives the barycentre there.
    ///
    /// With T_s = λ Σ_i a_i exp(φ_i − c_i/ε) the marginals are q_s = T_s^x b^(1−x) and b = (Σ w_s T_s^x)^(1/x), x = 1/(1 + ρ/ε); a
    /// geometric mean where x is zero.
    private static func place(
        _ plan: UnsafeMutablePointer<Double>, _ marginals: UnsafeMutablePointer<Double>, _ rows: [Range<Int>],
        _ weights: [Double], _ logDensity: Double, _ relaxation: Double
    ) -> Double {
        let x = relaxation / (1 + relaxation)
        var largest = -Double.infinity
        for (s, range) in rows.enumerated() {
            var top = -Double.infinity
            for i in range { top = max(top, plan[i]) }
            for i in range { plan[i] -= top }
            Exponential.replace(plan + range.lowerBound, range.count)
            var sum = 0.0
            for i in range { sum += plan[i] }
            for i in range { plan[i] /= sum }
            marginals[s] = logDensity + top + log(sum)
            largest = max(largest, marginals[s])
        }
        var mean = 0.0
        for s in rows.indices {
            mean += weights[s] * (x > 0 ? exp(x * (marginals[s] - largest)) : marginals[s] - largest)
        }
        let logarithm = largest + (x > 0 ? log(mean) / x : mean)
        for (s, range) in rows.enumerated() {
            marginals[s] = exp(x * marginals[s] + (1 - x) * logarithm)
            for i in range { plan[i] *= marginals[s] }
        }
        return exp(logarithm)
    }

    private func assembled(_ potential: [Double], _ barycenter: [Double], _ relaxation: Double) -> Evaluation {
        var result = Evaluation(
            potential: potential, barycenter: barycenter, value: -barycenter.reduce(0, +),
            gradient: [Double](repeating: 0, count: mass.count), error: 0)
        for i in mass.indices {
            let relaxed = mass[i] * exp(-potential[i] * relaxation)
            result.gradient[i] = weightOf[i] * (relaxed - rowMass[i])
            result.value += weightOf[i] * (relaxation == 0 ? mass[i] * potential[i] : (mass[i] - relaxed) / relaxation)
            result.error += abs(result.gradient[i])
        }
        result.error /= scale
        return result
    }

    /// The Sinkhorn step from an evaluation, the latest.
    func sinkhorn(_ at: Evaluation, _ epsilon: Double) -> [Double] {
        let kappa = settings.marginalPenalty / epsilon
        let (share, relaxation) = kappa.isInfinite ? (1, 0) : (kappa / (1 + kappa), 1 / kappa)
        return mass.indices.map { i in
            let old = at.potential[i]
            guard rowMass[i] > 0 else { return old }
            return old + share * (logMass[i] - old * relaxation - log(rowMass[i]))
        }
    }

    /// A Newton step that climbs, from the latest evaluation; nil where none is found.
    func newton(from at: Evaluation, _ epsilon: Double, _ sweeps: inout Int, to tolerance: Double) -> Evaluation? {
        let kappa = settings.marginalPenalty / epsilon
        let direction = direction(
            at, kappa.isInfinite ? 0 : 1 / kappa, NewtonSteps.accuracy(at.error, to: tolerance))
        return NewtonSteps.climb(from: at, along: direction, mass: scale) { potential in
            sweeps += 1
            return evaluate(potential, epsilon)
        }?.point
    }

    /// Solves −H·d = gradient. With R_s the diagonal of rows' marginals and what relaxed ones add,
    /// (−H·d)_s = w_s [R_s d_s − P_s (1−x)(P_sᵀd_s / q_s − Σ_t w_t P_tᵀd_t / b)].
    private func direction(_ at: Evaluation, _ relaxation: Double, _ accuracy: Double) -> [Double] {
        let (n, members, share) = (mass.count, rows.count, 1 / (1 + relaxation))
        let (rows, weights, barycenter) = (rows, weights, at.barycenter)
        let diagonal = mass.indices.map { i in
            weightOf[i] * rowMass[i] + relaxation * (at.gradient[i] + weightOf[i] * rowMass[i])
        }
        return NewtonSteps.solve(at.gradient, diagonal: diagonal, accuracy: accuracy) { step, product in
            plans.elements.withUnsafeBufferPointer { plans in
                marginals.elements.withUnsafeBufferPointer { marginals in
                    guard let plans = plans.baseAddress, let marginals = marginals.baseAddress else { return }
                    nonisolated(unsafe) let (allPlans, allMarginals) = (plans, marginals)
                    let coupled = sums { columns, sums in
                        withUnsafeTemporaryAllocation(of: Double.self, capacity: members) { slopes in
                            for j in columns where barycenter[j] > 0 {
                                let (plan, marginal) = (allPlans + j * n, allMarginals + j * members)
                                var mean = 0.0
                                for (s, range) in rows.enumerated() {
                                    var sum = 0.0
                                    for i in range { sum += plan[i] * step[i] }
                                    slopes[s] = marginal[s] > 0 ? sum / marginal[s] : 0
                                    mean += weights[s] * sum / barycenter[j]
                                }
                                for (s, range) in rows.enumerated() {
                                    let factor = share * (slopes[s] - mean)
                                    for i in range { sums[i] += plan[i] * factor }
                                }
                            }
                        }
                    }
                    for i in 0..<n { product[i] = diagonal[i] * step[i] - weightOf[i] * coupled[i] }
                }
            }
        }
    }

    /// What each member sends, over its own mass.
    var transported: [Double] {
        rows.map { range in
            range.reduce(0) { $0 + rowMass[$1] } / range.reduce(0) { $0 + mass[$1] }
        }
    }
}
