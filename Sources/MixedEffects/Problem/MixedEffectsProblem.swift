import Glibc
import LinearAlgebra

/// The data of a linear mixed-effects model: y_i = X_iβ + Z_iu_i + ε_i in group i, u_i ~ N(0, Γ), ε_i ~ N(0, Λ_i).
///
/// β is what all groups share, u_i how group i departs from it. Λ is diagonal: rows whose errors are correlated are
/// whitened first.
public struct MixedEffectsProblem: Sendable {
    /// X: N × p, the rows of a group together.
    public let fixed: Matrix
    /// Z: N × q.
    public let random: Matrix
    /// y: N values.
    public let response: [Double]
    /// The diagonal of Λ: N positive values, in the square of the response's unit; where a factor σ² on it is estimated, up to
    /// that factor.
    public let noiseVariance: [Double]
    /// The first row of each group, then N: m + 1 values.
    public let offsets: [Int]

    /// What makes a problem impossible to pose.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// X, Z, y or Λ have different numbers of rows.
        case rows(fixed: Int, random: Int, response: Int, noise: Int)
        /// There are no rows, or no column at all.
        case empty
        /// The offsets do not ascend from 0 to the number of rows.
        case groups
        /// A number is NaN or infinite.
        case notFinite(part: String, row: Int, column: Int)
        /// A variance of the noise is not positive.
        case noise(row: Int)
        /// Squares overflow, or vanish.
        case scale(part: String)
        /// Columns of X depend on each other: there are more than their rank.
        case rank(found: Int, columns: Int)
        /// There are no more rows than unknowns, where the variance of the noise is to be estimated as well.
        case rowsTooFew(rows: Int, needed: Int)
        /// The fixed effects explain the response without error, so that there is no noise to estimate.
        case noNoise
        /// The random effects explain all that the fixed ones leave: the likelihood has no maximum.
        case noNoiseLeft

        /// One line in plain English.
        public var description: String {
            switch self {
            case .rows(let fixed, let random, let response, let noise):
                "fixed effects have \(fixed) rows, random effects \(random), the response \(response) and the noise \(noise); "
                    + "expected as many"
            case .empty: "there are no rows, or no columns"
            case .groups: "the groups' first rows do not ascend from 0 to the number of rows"
            case .notFinite(let part, let row, let column):
                "\(part) is not finite at row \(row + 1), column \(column + 1)"
            case .noise(let row): "the variance of the noise is not a positive number at row \(row + 1)"
            case .scale(let part): "\(part) is so large or small that squares overflow or vanish; scale it"
            case .rank(let found, let columns):
                "the columns of the fixed effects depend on each other: \(columns) of rank \(found); leave some out"
            case .rowsTooFew(let rows, let needed):
                "there are \(rows) rows; expected \(needed) at least, or a known variance of the noise"
            case .noNoiseLeft:
                "the random effects explain every row: too few rows a group to estimate the noise beside them; leave some "
                    + "out, or give the variance of the noise"
            case .noNoise:
                "the fixed effects explain the response without error: there is no noise to estimate; give its variance"
            }
        }
    }

    /// Poses a problem.
    ///
    /// - Parameters:
    ///   - fixed: X, N × p; p may be 0 where q is not.
    ///   - random: Z, N × q; q may be 0.
    ///   - response: y.
    ///   - offsets: the first row of each group, then N; groups may be as small as one row.
    ///   - noiseVariance: the diagonal of Λ; nil: all one.
    /// - Throws: ``Invalid``.
    /// - Complexity: O(N(p + q)).
    public init(
        fixed: Matrix, random: Matrix, response: [Double], offsets: [Int], noiseVariance: [Double]? = nil
    ) throws(Invalid) {
        let count = response.count
        let noise = noiseVariance ?? [Double](repeating: 1, count: count)
        guard fixed.rows == count, random.rows == count, noise.count == count else {
            throw .rows(fixed: fixed.rows, random: random.rows, response: count, noise: noise.count)
        }
        guard count > 0, fixed.columns + random.columns > 0 else { throw .empty }
        guard offsets.first == 0, offsets.last == count, zip(offsets, offsets.dropFirst()).allSatisfy(<) else {
            throw .groups
        }
        for (part, matrix) in [("the fixed effects' design", fixed), ("the random effects' design", random)] {
            if let (row, column) = matrix.firstNonFinite { throw .notFinite(part: part, row: row, column: column) }
            guard matrix.elements.allSatisfy({ abs($0) < 1e100 }) else { throw .scale(part: part) }
        }
        if let row = response.firstIndex(where: { !$0.isFinite }) {
            throw .notFinite(part: "the response", row: row, column: 0)
        }
        guard response.allSatisfy({ abs($0) < 1e100 }) else { throw .scale(part: "the response") }
        if let row = noise.firstIndex(where: { !($0 > 0 && $0.isFinite) }) { throw .noise(row: row) }
        guard noise.allSatisfy({ $0 > 1e-200 && $0 < 1e200 }) else { throw .scale(part: "the variance of the noise") }
        self.init(unchecked: fixed, random, response, noise, offsets)
    }

    init(unchecked fixed: Matrix, _ random: Matrix, _ response: [Double], _ noise: [Double], _ offsets: [Int]) {
        self.fixed = fixed
        self.random = random
        self.response = response
        noiseVariance = noise
        self.offsets = offsets
    }

    /// N.
    public var rowCount: Int { response.count }
    /// m.
    public var groupCount: Int { offsets.count - 1 }
    /// p.
    public var fixedCount: Int { fixed.columns }
    /// q.
    public var randomCount: Int { random.columns }

    /// The same rows with some of the columns.
    ///
    /// - Complexity: O(N · columns kept).
    public func restricted(fixed columns: [Int], random: [Int]) -> MixedEffectsProblem {
        MixedEffectsProblem(
            unchecked: fixed.columns(columns), self.random.columns(random), response, noiseVariance, offsets)
    }

    /// The same columns with another response.
    ///
    /// - Parameter response: N finite values.
    public func with(response: [Double]) -> MixedEffectsProblem {
        precondition(response.count == rowCount)
        return MixedEffectsProblem(unchecked: fixed, random, response, noiseVariance, offsets)
    }

    /// Throws unless the columns of X are independent.
    ///
    /// - Throws: ``Invalid/rank(found:columns:)``.
    /// - Complexity: O(Np²).
    public func requireIndependentColumns() throws(Invalid) {
        guard fixedCount > 0 else { return }
        var scaled = fixed
        for column in 0..<fixedCount {
            let norm = sqrt((0..<rowCount).reduce(0) { $0 + fixed[$1, column] * fixed[$1, column] })
            guard norm > 0 else { continue }
            for row in 0..<rowCount { scaled[row, column] /= norm }
        }
        let rank = PivotedQR.rank(scaled, tolerance: 1e-10)
        guard rank == fixedCount, scaled.elements.contains(where: { $0 != 0 }) else {
            throw .rank(found: scaled.elements.allSatisfy { $0 == 0 } ? 0 : rank, columns: fixedCount)
        }
    }
}

/// What a model of diagonal Γ says: the fixed effects and the variances of the random ones.
public struct Effects: Sendable, Equatable {
    /// β: p values.
    public var fixed: [Double]
    /// γ: q values, not negative, in squares of the unit of β.
    public var variances: [Double]

    /// See the properties.
    public init(fixed: [Double], variances: [Double]) {
        self.fixed = fixed
        self.variances = variances
    }
}
