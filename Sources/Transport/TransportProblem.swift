import Glibc
import LinearAlgebra

/// What it costs to move a unit of mass from a source to a target.
public enum TransportCost: Sendable {
    /// The squared Euclidean distance between positions: n × d of the source, m × d of the target.
    case squaredDistance(Matrix, Matrix)
    /// Any cost, n × m, not negative.
    case matrix(Matrix)
}

/// Two non-negative measures and the cost of moving one to the other.
public struct TransportProblem: Sendable {
    /// Why arrays are no problem of transport.
    public enum Invalid: Error, Equatable, CustomStringConvertible {
        /// Sizes of masses and cost do not fit together.
        case sizes(String)
        /// A mass that is negative, NaN or infinite.
        case mass(String)
        /// A measure without any mass.
        case noMass(String)
        /// A position or cost that is NaN or infinite, or a negative cost.
        case cost(String)
        /// A setting without meaning.
        case setting(String)
        /// Masses that differ although all mass is to be moved.
        case unequalMasses(Double, Double)

        /// What was found and what was expected.
        public var description: String {
            switch self {
            case .sizes(let text), .mass(let text), .noMass(let text), .cost(let text), .setting(let text): text
            case .unequalMasses(let source, let target):
                "source and target have masses \(source) and \(target), expected equal ones where all mass is moved; "
                    + "scale them, or give a marginal penalty"
            }
        }
    }

    /// Mass at each of n sources, not negative.
    public let source: [Double]
    /// Mass at each of m targets, not negative.
    public let target: [Double]
    /// Cost of moving a unit of mass.
    public let cost: TransportCost

    /// Two measures; masses may be zero at places.
    ///
    /// - Throws: ``Invalid`` where sizes disagree, a mass is negative or not finite, a measure has no mass, a position or a
    ///   cost is not finite, or a cost is negative.
    /// - Complexity: O(n·d + m·d), or O(n·m) of a matrix.
    public init(source: [Double], target: [Double], cost: TransportCost) throws(Invalid) {
        try Self.check(source, "source")
        try Self.check(target, "target")
        switch cost {
        case .squaredDistance(let x, let y):
            guard x.rows == source.count, y.rows == target.count, x.columns == y.columns, x.columns > 0 else {
                throw .sizes(
                    "positions \(x.rows) × \(x.columns) and \(y.rows) × \(y.columns), expected \(source.count) and "
                        + "\(target.count) rows and the same columns")
            }
            guard x.firstNonFinite == nil, y.firstNonFinite == nil else {
                throw .cost("a position that is NaN or infinite")
            }
            guard Geometry(cost).largestCost.isFinite else {
                throw .cost("positions so far apart that the square of their distance is infinite")
            }
        case .matrix(let matrix):
            guard matrix.rows == source.count, matrix.columns == target.count else {
                throw .sizes("costs \(matrix.rows) × \(matrix.columns), expected \(source.count) × \(target.count)")
            }
            guard matrix.elements.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
                throw .cost("a cost that is negative, NaN or infinite")
            }
        }
        self.source = source
        self.target = target
        self.cost = cost
    }

    static func check(_ mass: [Double], _ name: String) throws(Invalid) {
        guard mass.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
            throw .mass("\(name): a mass that is negative, NaN or infinite")
        }
        let total = mass.reduce(0, +)
        guard total > 0, total.isFinite else { throw .noMass("\(name): no mass, expected some") }
    }
}

/// How entropic transport is solved.
public struct TransportSettings: Sendable, Equatable {
    /// ε: weight of the entropy, in units of the cost; √ε is the distance over which the plan blurs where costs are squared
    /// distances.
    public var epsilon: Double
    /// ρ: what it costs that marginals differ from the measures, a unit of Kullback-Leibler divergence, in units of the cost;
    /// infinite where all mass is to be moved (balanced transport).
    public var marginalPenalty: Double
    /// The sum of absolute errors of both marginals, over the mass of the source, at which to stop.
    public var tolerance: Double
    /// Sweeps over the kernel, of Sinkhorn steps and line searches, after which to give up.
    public var maximumSweeps: Int
    /// Whether Newton steps may follow Sinkhorn's.
    public var usesNewton: Bool
    /// Threads; they change no bit.
    public var parallelism: Parallelism

    /// Settings; a solve checks them.
    public init(
        epsilon: Double, marginalPenalty: Double = .infinity, tolerance: Double = 1e-9, maximumSweeps: Int = 10_000,
        usesNewton: Bool = true, parallelism: Parallelism = .serial
    ) {
        self.epsilon = epsilon
        self.marginalPenalty = marginalPenalty
        self.tolerance = tolerance
        self.maximumSweeps = maximumSweeps
        self.usesNewton = usesNewton
        self.parallelism = parallelism
    }

    func check() throws(TransportProblem.Invalid) {
        guard epsilon > 0, epsilon.isFinite else {
            throw .setting("epsilon \(epsilon), expected a positive number")
        }
        guard marginalPenalty > 0 else {
            throw .setting("marginal penalty \(marginalPenalty), expected a positive number or infinity")
        }
        guard tolerance > 0, tolerance < 1 else { throw .setting("tolerance \(tolerance), expected 0 to 1") }
        guard maximumSweeps > 0 else { throw .setting("\(maximumSweeps) sweeps, expected at least 1") }
    }
}
