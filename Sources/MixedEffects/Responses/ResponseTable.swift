import LinearAlgebra

/// Rows with several responses each, such as the amplitudes of one recording at several places: one design for all, errors
/// that are known, and that may be correlated between the responses of a row.
public struct ResponseTable: Sendable {
    /// How far responses may err.
    public enum Errors: Sendable {
        /// Variances, N × P: no response errs with another.
        case independent(Matrix)
        /// Of each row, the covariance of its responses, P × P.
        case correlated([Matrix])
    }

    /// X of one response: N × p, the rows of a group together.
    public let fixed: Matrix
    /// Z of one response: N × q.
    public let random: Matrix
    /// The first row of each group, then N.
    public let offsets: [Int]
    /// N × P; NaN where a response is missing.
    public let responses: Matrix
    /// Of the responses.
    public let errors: Errors

    /// What makes a table impossible.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// Design, responses and errors have different numbers of rows or responses.
        case shapes(String)
        /// The groups' first rows do not ascend from 0 to the number of rows.
        case groups
        /// An error that is none, of a response that is there.
        case error(row: Int, response: Int)

        /// One line in plain English.
        public var description: String {
            switch self {
            case .shapes(let text): text
            case .groups: "the groups' first rows do not ascend from 0 to the number of rows"
            case .error(let row, let response):
                "the error of response \(response + 1) in row \(row + 1) is not a positive, finite variance"
            }
        }
    }

    /// A table.
    ///
    /// - Throws: ``Invalid``.
    /// - Complexity: O(N·P).
    public init(
        fixed: Matrix, random: Matrix, offsets: [Int], responses: Matrix, errors: Errors
    ) throws(Invalid) {
        let (rows, count) = (responses.rows, responses.columns)
        guard fixed.rows == rows, random.rows == rows else {
            throw .shapes("the designs have \(fixed.rows) and \(random.rows) rows, the responses \(rows)")
        }
        guard rows > 0, count > 0 else { throw .shapes("there are no rows or no responses") }
        switch errors {
        case .independent(let variances):
            guard variances.rows == rows, variances.columns == count else {
                throw .shapes(
                    "the errors are \(variances.rows) × \(variances.columns), the responses \(rows) × \(count)")
            }
        case .correlated(let matrices):
            guard matrices.count == rows, matrices.allSatisfy({ $0.rows == count && $0.columns == count }) else {
                throw .shapes("the errors are not of \(rows) rows with \(count) × \(count) numbers each")
            }
        }
        guard offsets.first == 0, offsets.last == rows, zip(offsets, offsets.dropFirst()).allSatisfy(<) else {
            throw .groups
        }
        (self.fixed, self.random, self.offsets) = (fixed, random, offsets)
        (self.responses, self.errors) = (responses, errors)
        for response in 0..<count {
            for row in 0..<rows where responses[row, response].isFinite {
                let variance = variance(row, response)
                guard variance > 0, variance.isFinite else { throw .error(row: row, response: response) }
            }
        }
    }

    /// P.
    public var responseCount: Int { responses.columns }
    /// m.
    public var groupCount: Int { offsets.count - 1 }

    func variance(_ row: Int, _ response: Int) -> Double {
        switch errors {
        case .independent(let variances): variances[row, response]
        case .correlated(let matrices): matrices[row][response, response]
        }
    }

    /// Responses whose errors are correlated, together: those with the largest mean correlations first, while a model of
    /// them has at most so many columns.
    ///
    /// - Parameters:
    ///   - least: mean absolute correlation over rows from which on they belong together.
    ///   - columns: of X and Z at most.
    /// - Returns: all responses, in sets that ascend.
    /// - Complexity: O(N·P² + P² log P).
    func blocks(correlatedBy least: Double, columns: Int) -> [[Int]] {
        let count = responseCount
        guard case .correlated(let matrices) = errors else { return (0..<count).map { [$0] } }
        var pairs: [(mean: Double, first: Int, second: Int)] = []
        for second in 0..<count {
            for first in 0..<second {
                var (sum, rows) = (0.0, 0.0)
                for (row, matrix) in matrices.enumerated()
                where responses[row, first].isFinite && responses[row, second].isFinite {
                    let scale = (matrix[first, first] * matrix[second, second]).squareRoot()
                    sum += abs(matrix[first, second]) / scale
                    rows += 1
                }
                if rows > 0, sum / rows >= least { pairs.append((sum / rows, first, second)) }
            }
        }
        pairs.sort { $0.mean > $1.mean || ($0.mean == $1.mean && ($0.second, $0.first) < ($1.second, $1.first)) }
        var sets = (0..<count).map { [$0] }
        var setOf = Array(0..<count)
        let each = fixed.columns + random.columns
        for pair in pairs where setOf[pair.first] != setOf[pair.second] {
            let (kept, gone) = (min(setOf[pair.first], setOf[pair.second]), max(setOf[pair.first], setOf[pair.second]))
            guard (sets[kept].count + sets[gone].count) * each <= columns else { continue }
            for response in sets[gone] { setOf[response] = kept }
            sets[kept] += sets[gone]
            sets[gone] = []
        }
        return sets.filter { !$0.isEmpty }.map { $0.sorted() }
    }

    /// A model of some responses.
    struct Block {
        let problem: MixedEffectsProblem
        /// The group of the table that each of the problem's groups is.
        let groups: [Int]
        /// Root mean square of each response, the unit that the problem has it in.
        let scales: [Double]
    }

    /// The model of some responses: a row for each response of each row that is there, whitened by the Cholesky factor of its
    /// errors, so that the noise variance is one; columns response by response, those of `fixed` and `random` each.
    ///
    /// - Returns: nil where none of the responses is there in any row.
    /// - Complexity: O(N·b²·(p + q)) for b responses.
    func block(_ members: [Int]) throws -> Block? {
        let (p, q, b) = (fixed.columns, random.columns, members.count)
        let scales = members.map { response in
            var (sum, count) = (0.0, 0.0)
            for row in 0..<responses.rows where responses[row, response].isFinite {
                sum += responses[row, response] * responses[row, response]
                count += 1
            }
            return sum > 0 ? (sum / count).squareRoot() : 1
        }
        let total = members.reduce(0) { sum, response in
            sum + (0..<responses.rows).count { responses[$0, response].isFinite }
        }
        guard total > 0 else { return nil }
        var (x, z) = (Matrix(rows: total, columns: b * p), Matrix(rows: total, columns: b * q))
        var y = [Double](repeating: 0, count: total)
        var (offsets, groups): ([Int], [Int]) = ([0], [])
        var next = 0
        for group in 0..<groupCount {
            for row in self.offsets[group]..<self.offsets[group + 1] {
                let there = members.indices.filter { responses[row, members[$0]].isFinite }
                guard let inverse = try whitener(row, there.map { members[$0] }, there.map { scales[$0] }) else {
                    continue
                }
                for i in there.indices {
                    for j in 0...i where inverse[i, j] != 0 {
                        let (weight, k) = (inverse[i, j], there[j])
                        y[next + i] += weight * responses[row, members[k]] / scales[k]
                        for c in 0..<p { x[next + i, k * p + c] = weight * fixed[row, c] }
                        for c in 0..<q { z[next + i, k * q + c] = weight * random[row, c] }
                    }
                }
                next += there.count
            }
            if next > offsets[offsets.count - 1] {
                offsets.append(next)
                groups.append(group)
            }
        }
        return Block(
            problem: try MixedEffectsProblem(fixed: x, random: z, response: y, offsets: offsets), groups: groups,
            scales: scales)
    }

    /// L⁻¹ of the errors LLᵀ of some responses in a row, each over its scale; nil without any.
    private func whitener(_ row: Int, _ members: [Int], _ scales: [Double]) throws -> Matrix? {
        guard !members.isEmpty else { return nil }
        guard case .correlated(let matrices) = errors, members.count > 1 else {
            return .diagonal(zip(members, scales).map { $1 / variance(row, $0).squareRoot() })
        }
        let n = members.count
        var factor = Matrix(rows: n, columns: n) {
            matrices[row][members[$0], members[$1]] / (scales[$0] * scales[$1])
        }
        guard SmallKernels.cholesky(n, &factor.elements) else { throw Invalid.error(row: row, response: members[0]) }
        var upper = Matrix.identity(n)
        SmallKernels.solve(n, n, factor.elements, &upper.elements)
        return upper.transposed
    }
}
