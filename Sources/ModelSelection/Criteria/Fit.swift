/// A solved problem as a criterion sees it: its supports, on which the solution is a smooth function of the
/// hyperparameters.
///
/// Not for use by several threads at once.
public final class Fit {
    /// What was solved.
    public let problem: RegressionProblem
    /// What was found.
    public let solution: Solution
    /// One support; under a penalty of entries one a sample.
    public let supports: [SmoothSupport]
    /// Number of blocks that could be active, or of entries under a penalty of entries.
    public let candidateCount: Int

    /// A fit of a problem.
    ///
    /// - Parameters:
    ///   - solution: of `problem` under `penalty`.
    ///   - parallelism: threads for the larger products; they change no bit.
    public init(
        _ solution: Solution, of problem: RegressionProblem, under penalty: some BlockPenalty,
        parallelism: Parallelism = .serial
    ) {
        self.problem = problem
        self.solution = solution
        switch penalty.scope {
        case .block:
            candidateCount = problem.blocks.count
            supports = [
                SmoothSupport(
                    solution.active,
                    columnIndices: solution.active.blocks.flatMap { Array(problem.blocks.columns(of: $0)) },
                    design: problem.design, response: problem.response,
                    reduction: problem.reduction, samples: 0..<problem.sampleCount, penalty: penalty,
                    parallelism: parallelism)
            ]
        case .entry:
            candidateCount = problem.design.columns * problem.sampleCount
            let response = problem.unreducedResponse
            supports = (0..<response.columns).map { sample in
                let active = solution.active.singleSample(sample, of: problem)
                return SmoothSupport(
                    active, columnIndices: active.blocks, design: problem.design,
                    response: response.columns([sample]), reduction: nil, samples: sample..<(sample + 1),
                    penalty: penalty, parallelism: parallelism)
            }
        }
    }

    /// Number of active blocks, or of active entries under a penalty of entries.
    public var activeCount: Int { supports.reduce(0) { $0 + $1.active.count } }

    /// Number of active columns of the design.
    public var activeColumns: Int { solution.active.coefficients.columns }

    /// Entries of the data, n·T.
    public var entryCount: Double { Double(problem.rowCount) * Double(problem.sampleCount) }

    /// The exact degrees of freedom; nil where the curvature on a support is singular beyond repair.
    public func degreesOfFreedom() -> Double? {
        var sum = 0.0
        for support in supports where support.active.count > 0 {
            guard let hessian = support.hessian else { return nil }
            sum += hessian.degreesOfFreedom(samples: support.samples.count)
        }
        return sum
    }
}

/// The active blocks of a solution with all that its derivatives are made of.
///
/// Not for use by several threads at once.
public final class SmoothSupport {
    /// The active blocks, numbered as the penalty numbers them.
    public let active: ActiveSet
    /// Which columns of the design are in ``columns``.
    public let columnIndices: [Int]
    /// X_S, n × |S|o.
    public let columns: Matrix
    /// Y, n × T′, in the samples of the coefficients.
    public let response: Matrix
    /// φ_j′ and φ_j″ at ‖B_j‖.
    public let slopes: [(first: Double, second: Double)]
    /// φ_j‴ at ‖B_j‖.
    public let thirdDerivatives: [Double]
    /// ‖B_j‖.
    public let norms: [Double]
    /// The samples of the original response that it stands for.
    public let samples: Range<Int>
    /// Threads for the larger products.
    public let parallelism: Parallelism
    private let reduction: Matrix?

    init(
        _ active: ActiveSet, columnIndices: [Int], design: Design, response: Matrix, reduction: Matrix?,
        samples: Range<Int>,
        penalty: some BlockPenalty, parallelism: Parallelism
    ) {
        self.active = active
        self.columnIndices = columnIndices
        columns = design.columns(columnIndices)
        self.response = response
        self.reduction = reduction
        self.samples = samples
        self.parallelism = parallelism
        let norms = active.norms
        self.norms = norms
        slopes = zip(active.blocks, norms).map { penalty.derivatives(norm: $1, block: $0) }
        thirdDerivatives = zip(active.blocks, norms).map { penalty.thirdDerivative(norm: $1, block: $0) }
    }

    /// X_SᵀX_S.
    public private(set) lazy var gram = Matrix.product(columns, transposed: true, columns, parallelism: parallelism)

    /// Y − XB, n × T′.
    public private(set) lazy var residual =
        active.count == 0
        ? response
        : response
            - Matrix.product(
                columns, transposed: false, active.coefficients, transposed: true, parallelism: parallelism)

    /// The curvature; nil where it is singular beyond repair.
    public private(set) lazy var hessian: SupportHessian? = SupportHessian(
        gram: gram, coefficients: active.coefficients, offsets: active.offsets, slopes: slopes,
        parallelism: parallelism)

    /// Bᵀ in the original samples, T × |S|o.
    public var originalCoefficients: Matrix {
        guard let reduction else { return active.coefficients }
        return Matrix.product(reduction, transposed: true, active.coefficients)
    }

    /// A derivative with respect to Bᵀ in the original samples as one with respect to ``active``'s coefficients.
    public func pullBack(_ derivative: Matrix) -> Matrix {
        guard let reduction else { return derivative }
        return reduction * derivative
    }

    /// The derivative of ‖Y − XB‖² with respect to Bᵀ, T′ × |S|o.
    public var residualDerivative: Matrix {
        Matrix.product(residual, transposed: true, columns, parallelism: parallelism) * -2
    }
}
