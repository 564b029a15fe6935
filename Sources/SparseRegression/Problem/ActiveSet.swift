/// The blocks of B that are not zero, with their coefficients: the one value that stands for a support.
public struct ActiveSet: Sendable, Equatable {
    /// Active blocks, ascending.
    public let blocks: [Int]
    /// First column of each active block in `coefficients`, and the number of columns at the end.
    public let offsets: [Int]
    /// Coefficients, samples × columns: Bᵀ restricted to the active blocks, so that a coefficient's time course is
    /// contiguous. Samples are those of ``RegressionProblem/response``.
    public let coefficients: Matrix

    /// Number of active blocks.
    public var count: Int { blocks.count }

    /// No active block.
    public static func empty(samples: Int) -> ActiveSet {
        ActiveSet(blocks: [], offsets: [0], coefficients: Matrix(rows: samples, columns: 0))
    }

    /// Active blocks whose coefficients were computed; other offsets than these are a programming error.
    ///
    /// That the blocks are those of a problem is not checked: solvers refuse a start that does not fit
    /// (``StopReason/notFinite``).
    ///
    /// - Parameters:
    ///   - blocks: ascending.
    ///   - offsets: first column of each in `coefficients`, `blocks.count + 1` entries, from 0 ascending to the number of
    ///     columns.
    ///   - coefficients: samples × columns.
    public init(blocks: [Int], offsets: [Int], coefficients: Matrix) {
        precondition(
            offsets.count == blocks.count + 1 && offsets[0] == 0 && offsets[blocks.count] == coefficients.columns
                && zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 },
            "the offsets of active blocks ascend from 0 to the number of columns")
        self.blocks = blocks
        self.offsets = offsets
        self.coefficients = coefficients
    }

    /// The blocks that are not zero.
    ///
    /// - Parameter dense: Bᵀ, samples × columns of all blocks.
    init(dense: Matrix, in all: BlockStructure) {
        let t = dense.rows
        blocks = (0..<all.count).filter { block in
            dense.elements[(all.offsets[block] * t)..<(all.offsets[block + 1] * t)].contains { $0 != 0 }
        }
        offsets = BlockStructure(sizes: blocks.map { all.columns(of: $0).count }).offsets
        coefficients = dense.columns(blocks.flatMap { Array(all.columns(of: $0)) })
    }

    /// Whether these can be coefficients of a problem: its blocks, ascending, with as many columns and samples.
    package func fits(_ problem: RegressionProblem, samples: Int) -> Bool {
        coefficients.rows == samples
            && blocks.indices.allSatisfy { i in
                let block = blocks[i]
                return (i == 0 ? block >= 0 : block > blocks[i - 1]) && block < problem.blocks.count
                    && offsets[i + 1] - offsets[i] == problem.blocks.columns(of: block).count
            }
    }

    /// The combination of norm 1 of its columns that active block i is most of; empty where it has but one column.
    package func direction(_ i: Int) -> [Double] {
        let own = coefficients.columns(offsets[i]..<offsets[i + 1])
        guard own.columns > 1, let eigen = try? SymmetricEigen(Matrix.product(own, transposed: true, own)) else {
            return []
        }
        return Array(eigen.vectors.column(own.columns - 1))
    }

    /// The norm ‖B_j‖ of each active block.
    public var norms: [Double] {
        coefficients.elements.withUnsafeBufferPointer { p in
            blocks.indices.map { i in
                let width = offsets[i + 1] - offsets[i]
                return p.baseAddress.map { BLAS.norm(width * coefficients.rows, $0 + offsets[i] * coefficients.rows) }
                    ?? 0
            }
        }
    }

    /// The columns of a design that belong to the active blocks, n × columns.
    public func designColumns(of problem: RegressionProblem) -> Matrix {
        problem.design.columns(blocks.flatMap { Array(problem.blocks.columns(of: $0)) })
    }

    /// The fit XB, n × samples.
    ///
    /// - Complexity: O(n · columns · samples).
    public func fit(in problem: RegressionProblem) -> Matrix {
        Matrix.product(designColumns(of: problem), transposed: false, coefficients, transposed: true)
    }

    /// Coefficients in the original samples of the response, samples × columns.
    public func coefficientsInOriginalSamples(of problem: RegressionProblem) -> Matrix {
        // A solution of separate samples (a penalty of entries) was never reduced.
        coefficients.rows == problem.sampleCount ? coefficients : problem.restoreSamples(coefficients)
    }
}
