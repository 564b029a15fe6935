/// The data of a multitask regression with blocks: minimize ½‖Y − XB‖² + Σ_j φ_j(‖B_j‖) over B.
///
/// X is n × q, Y is n × T, B is q × T; block j of B is the rows of B that belong to block j of X.
public struct RegressionProblem: Sendable {
    /// X: n × q, dimensionless after whitening.
    public private(set) var design: Design
    /// Y: n × T, or an orthogonal reduction of it (see ``reduction``).
    public let response: Matrix
    /// Blocks of the columns of X.
    public private(set) var blocks: BlockStructure
    /// Number of samples of the original response, which the degrees of freedom count.
    public let sampleCount: Int
    /// Where T was larger than the rank of Y: Vᵀ (T′ × T), with `response` = Y·V. Nothing in the objective changes,
    /// since every row of an optimal B lies in the row space of Y. A penalty of single entries
    /// (``PenaltyScope/entry``) is posed with ``init(design:response:blocks:keepsSamples:)-(Design,_,_,_)``.
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
    ///   - response: n × T. Where its rank is less than T it is rotated to as many samples, which changes no optimum.
    ///   - blocks: blocks of the columns.
    ///   - keepsSamples: leaves the response as it is.
    /// - Throws: ``Invalid``.
    /// - Complexity: O(nq + nT²).
    public init(
        design: Design, response: Matrix, blocks: BlockStructure, keepsSamples: Bool = false
    ) throws(Invalid) {
        guard design.rows == response.rows else { throw .rows(design: design.rows, response: response.rows) }
        guard blocks.columnCount == design.columns else {
            throw .blocks(columns: design.columns, covered: blocks.columnCount)
        }
        guard design.rows > 0, design.columns > 0, response.columns > 0 else { throw .empty }
        if let (row, column) = design.firstNonFinite { throw .designNotFinite(row: row, column: column) }
        let squaredDesignNorm = design.squaredNorm
        // Squares must neither overflow nor vanish, also when they are multiplied with one another.
        guard squaredDesignNorm < 1e200 else { throw .overflow }
        guard squaredDesignNorm >= 1e-200 || design.isZero else { throw .underflow }
        try self.init(checked: design, response: response, blocks: blocks, keepsSamples: keepsSamples)
    }

    /// Poses a problem with a design in double precision; see the other initializer.
    ///
    /// - Throws: ``Invalid``.
    public init(
        design: Matrix, response: Matrix, blocks: BlockStructure, keepsSamples: Bool = false
    ) throws(Invalid) {
        try self.init(design: Design(design), response: response, blocks: blocks, keepsSamples: keepsSamples)
    }

    private init(
        checked design: Design, response: Matrix, blocks: BlockStructure, keepsSamples: Bool
    ) throws(Invalid) {
        guard response.rows == design.rows else { throw .rows(design: design.rows, response: response.rows) }
        guard response.columns > 0 else { throw .empty }
        if let (row, column) = response.firstNonFinite { throw .responseNotFinite(row: row, column: column) }
        let squaredNorm = response.squaredNorm
        guard squaredNorm < 1e200 else { throw .overflow }
        guard squaredNorm >= 1e-200 || response.elements.allSatisfy({ $0 == 0 }) else { throw .underflow }
        self.design = design
        self.blocks = blocks
        sampleCount = response.columns
        squaredResponseNorm = squaredNorm
        if !keepsSamples, let (rotated, rotation) = Self.reduced(response) {
            self.response = rotated
            reduction = rotation
        } else {
            self.response = response
            reduction = nil
        }
    }

    /// Another response of the same design, whose columns are not checked again.
    ///
    /// - Throws: ``Invalid`` where the response does not fit.
    /// - Complexity: O(nT²), independent of the number of columns.
    public func with(response: Matrix, keepsSamples: Bool = false) throws(Invalid) -> RegressionProblem {
        try RegressionProblem(checked: design, response: response, blocks: blocks, keepsSamples: keepsSamples)
    }

    /// The same design in other blocks, with another response.
    func with(response: Matrix, blocks: BlockStructure) throws(Invalid) -> RegressionProblem {
        try RegressionProblem(checked: design, response: response, blocks: blocks, keepsSamples: true)
    }

    /// Y·V and Vᵀ, with as many samples as Y has rank; nil where that saves nothing.
    private static func reduced(_ response: Matrix) -> (rotated: Matrix, rotation: Matrix)? {
        let isWide = response.columns > response.rows
        guard isWide || PivotedQR.rank(response, tolerance: rankTolerance) < response.columns,
            let svd = try? SingularValues(response)
        else { return nil }
        // What is left out is below the rounding of the data themselves.
        let smallest = rankTolerance * (svd.values.first ?? 0)
        let rank = max(1, svd.values.prefix { $0 > smallest }.count)
        guard rank < response.columns else { return nil }
        let rotated = Matrix(rows: response.rows, columns: rank) { svd.u[$0, $1] * svd.values[$1] }
        return (rotated, Matrix(rows: rank, columns: response.columns) { svd.vt[$0, $1] })
    }

    /// Singular values of the response below this part of the largest are rounding.
    private static let rankTolerance = 1e-14

    /// The same response with only some blocks of the design, in the given order; its samples stay as they are, reduced
    /// or not.
    ///
    /// - Parameter kept: blocks of this problem, none twice. A column of zeros, which never becomes active, stands for none.
    /// - Complexity: O(n · columns kept).
    public func restricted(to kept: [Int]) -> RegressionProblem {
        var other = self
        other.design =
            kept.isEmpty
            ? Design(Matrix(rows: rowCount, columns: 1)) : design.subset(kept.flatMap { Array(blocks.columns(of: $0)) })
        other.blocks = BlockStructure(sizes: kept.isEmpty ? [1] : kept.map { blocks.columns(of: $0).count })
        return other
    }

    /// The problem of some of its rows, for example without those held out to judge it.
    ///
    /// - Throws: ``Invalid`` when no row is left.
    /// - Complexity: O(nq).
    public func restricted(toRows rows: [Int]) throws(Invalid) -> RegressionProblem {
        try RegressionProblem(
            design: design.rows(rows), response: unreducedResponse.rows(rows), blocks: blocks)
    }

    /// Number of rows, n.
    public var rowCount: Int { design.rows }

    /// Coefficients in the original samples: B·Vᵀ where the samples were reduced.
    ///
    /// - Parameter coefficients: T′ × columns, transposed as in ``ActiveSet``.
    /// - Returns: T × columns.
    func restoreSamples(_ coefficients: Matrix) -> Matrix {
        guard let reduction else { return coefficients }
        return Matrix.product(reduction, transposed: true, coefficients)
    }

    /// The response in its original samples, n × T.
    ///
    /// - Complexity: O(nT′T) where the samples were reduced.
    public var unreducedResponse: Matrix {
        guard let reduction else { return response }
        return response * reduction
    }
}
