import Foundation

/// The data of a multitask regression with blocks: minimize ½‖Y − XB‖² + Σ_j φ_j(‖B_j‖) over B.
///
/// X is n × q, Y is n × T, B is q × T; block j of B is the rows of B that belong to block j of X.
public struct RegressionProblem: Sendable {
    /// X: n × q, dimensionless after whitening.
    public let design: Matrix
    /// Y: n × T, or an orthogonal reduction of it (see ``reduction``).
    public let response: Matrix
    /// Blocks of the columns of X.
    public let blocks: BlockStructure
    /// Number of samples of the original response, which the degrees of freedom count.
    public let sampleCount: Int
    /// Where T was larger than the rank of Y: Vᵀ (T′ × T), with `response` = Y·V. Nothing in the objective changes,
    /// since every row of an optimal B lies in the row space of Y.
    public let reduction: Matrix?
    /// ‖Y‖².
    public let squaredResponseNorm: Double

    /// What makes a problem impossible to pose.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        /// Design and response have different numbers of rows.
        case rows(design: Int, response: Int)
        /// The blocks do not cover the columns of the design.
        case blocks(columns: Int, covered: Int)
        /// An entry of the design is NaN or infinite.
        case designNotFinite(row: Int, column: Int)
        /// An entry of the response is NaN or infinite.
        case responseNotFinite(row: Int, column: Int)
        /// There are no rows, columns or samples.
        case empty
        /// The design's or response's numbers are so large that their squares overflow.
        case overflow
        /// The design's or response's numbers are so small that their squares vanish.
        case underflow

        /// One line in plain English.
        public var description: String {
            switch self {
            case .rows(let design, let response):
                "the gain has \(design) rows and the data \(response); expected as many"
            case .blocks(let columns, let covered):
                "the gain has \(columns) columns and the blocks cover \(covered); expected as many"
            case .designNotFinite(let row, let column): "the gain is not finite at row \(row), column \(column)"
            case .responseNotFinite(let row, let column): "the data are not finite at row \(row), sample \(column)"
            case .empty: "gain or data are empty"
            case .overflow: "gain or data are so large that their squares overflow; scale them"
            case .underflow: "gain or data are so small that their squares vanish; scale them"
            }
        }
    }

    /// Poses a problem.
    ///
    /// - Parameters:
    ///   - design: n × q.
    ///   - response: n × T. With T > n it is rotated to n samples, which changes no optimum.
    ///   - blocks: blocks of the columns.
    /// - Throws: ``Invalid``.
    /// - Complexity: O(nq + nT), and O(n²T) where T > n.
    public init(design: Matrix, response: Matrix, blocks: BlockStructure) throws(Invalid) {
        guard design.rows == response.rows else { throw .rows(design: design.rows, response: response.rows) }
        guard blocks.columnCount == design.columns else {
            throw .blocks(columns: design.columns, covered: blocks.columnCount)
        }
        guard design.rows > 0, design.columns > 0, response.columns > 0 else { throw .empty }
        if let (row, column) = design.firstNonFinite { throw .designNotFinite(row: row, column: column) }
        if let (row, column) = response.firstNonFinite { throw .responseNotFinite(row: row, column: column) }
        let squaredNorm = response.squaredNorm
        let squaredDesignNorm = design.squaredNorm
        // Squares must neither overflow nor vanish, also when they are multiplied with one another.
        guard squaredNorm < 1e200, squaredDesignNorm < 1e200 else { throw .overflow }
        let vanishes = { (squares: Double, matrix: Matrix) in
            squares < 1e-200 && matrix.elements.contains { $0 != 0 }
        }
        guard !vanishes(squaredNorm, response), !vanishes(squaredDesignNorm, design) else { throw .underflow }
        self.design = design
        self.blocks = blocks
        sampleCount = response.columns
        squaredResponseNorm = squaredNorm
        if response.columns > response.rows, let svd = try? SingularValues(response) {
            var rotated = svd.u
            for j in 0..<rotated.columns {
                for i in 0..<rotated.rows { rotated[i, j] *= svd.values[j] }
            }
            self.response = rotated
            reduction = svd.vt
        } else {
            self.response = response
            reduction = nil
        }
    }

    /// Number of rows, n.
    public var rowCount: Int { design.rows }

    /// ‖X_jᵀA‖ for every block j.
    ///
    /// - Parameter matrix: A, n × k.
    /// - Complexity: O(n·q·k), one full pass over the design.
    public func correlationNorms(_ matrix: Matrix, parallelism: Parallelism) -> [Double] {
        let pass = FullPass(problem: self, samples: matrix.columns, parallelism: parallelism)
        return pass.run(matrix)
    }

    /// The smallest λ at which B = 0 is optimal: max_j ‖X_jᵀY‖/w_j.
    ///
    /// - Parameter weights: one positive weight a block (infinite excludes a block); nil means all one.
    /// - Complexity: O(n·q·T).
    public func largestLambda(weights: [Double]? = nil, parallelism: Parallelism = .serial) -> Double {
        let norms = correlationNorms(response, parallelism: parallelism)
        return norms.enumerated().reduce(0) { max($0, $1.element / (weights?[$1.offset] ?? 1)) }
    }

    /// Coefficients in the original samples: B·Vᵀ where the samples were reduced.
    ///
    /// - Parameter coefficients: T′ × columns, transposed as in ``ActiveSet``.
    /// - Returns: T × columns.
    func restoreSamples(_ coefficients: Matrix) -> Matrix {
        guard let reduction else { return coefficients }
        return Matrix.product(reduction, transposed: true, coefficients)
    }
}
