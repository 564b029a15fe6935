/// Prediction of rows that were held out: ‖Y_v − X_vB‖²/(|v|T), B fitted to all other rows.
///
/// With several sets of rows it is the average over them, weighted by their size. λ is the λ of the training problems,
/// whose fewer rows share in less of it: the choice is a little smaller than it would be for all rows.
public struct HeldOutRows: Criterion {
    /// The sets of rows held out, one after another.
    public let folds: [[Int]]
    /// `held-out` for one set, else `K-fold`.
    public let name: String

    /// Holds out one set of rows.
    public init(_ rows: [Int]) {
        folds = [rows.sorted()]
        name = "held-out"
    }

    /// Cross-validation: holds out each fold of a split in turn.
    public init(crossValidating split: RowSplit) {
        folds = split.folds
        name = "\(split.folds.count)-fold"
    }

    /// The problem without the rows of each fold.
    ///
    /// - Throws: ``InvalidCriterion`` for rows that are none, that repeat, or that leave nothing to fit.
    public func problems(for problem: RegressionProblem) throws -> [RegressionProblem] {
        try folds.map { rows in
            let held = Set(rows)
            guard !rows.isEmpty, held.count == rows.count, rows.allSatisfy({ (0..<problem.rowCount).contains($0) }),
                held.count < problem.rowCount
            else {
                throw InvalidCriterion(
                    "\(rows.count) rows held out of \(problem.rowCount); expected different rows, at least one, and not all"
                )
            }
            return try problem.restricted(toRows: (0..<problem.rowCount).filter { !held.contains($0) })
        }
    }

    /// The mean squared error of an entry held out.
    ///
    /// - Complexity: O(|v|·|S|o·T) a fold.
    public func judge(_ fits: [Fit], of problem: RegressionProblem, wantsGradient: Bool) -> Judgement {
        guard fits.count == folds.count else { return .impossible }
        let entries = Double(folds.reduce(0) { $0 + $1.count }) * Double(problem.sampleCount)
        var value = 0.0
        var derivatives: [FitDerivative] = []
        for (rows, fit) in zip(folds, fits) {
            let reduced = problem.response.rows(rows)
            let held = problem.reduction.map { reduced * $0 } ?? reduced
            var derivative = FitDerivative(coefficients: [])
            for support in fit.supports {
                let columns = problem.design.columns(support.columnIndices).rows(rows)
                let own = held.columns(support.samples)
                let residual =
                    own - Matrix.product(columns, transposed: false, support.originalCoefficients, transposed: true)
                value += residual.squaredNorm / entries
                guard wantsGradient else { continue }
                derivative.coefficients.append(
                    support.pullBack(Matrix.product(residual, transposed: true, columns) * (-2 / entries)))
            }
            derivatives.append(derivative)
        }
        return Judgement(
            value: value, degreesOfFreedom: .nan, derivatives: wantsGradient ? derivatives : nil)
    }
}

extension CriterionKind {
    /// ``HeldOutRows``, one set of rows.
    public static let heldOut = CriterionKind(
        "held-out", help: "prediction of the first fold of sensors", holdsOut: .rows
    ) { request throws(InvalidCriterion) in HeldOutRows(try RowSplit(request).folds[0]) }

    /// ``HeldOutRows``, every row in turn.
    public static let kfold = CriterionKind(
        "kfold", help: "prediction of every fold of sensors by the others", holdsOut: .rows
    ) { request throws(InvalidCriterion) in HeldOutRows(crossValidating: try RowSplit(request)) }
}

extension RowSplit {
    /// The split that a criterion is asked to hold out.
    fileprivate init(_ request: CriterionKind.Request) throws(InvalidCriterion) {
        try self.init(
            rowCount: request.rowCount, folds: request.folds, labels: request.labels, seed: request.seed)
    }
}
