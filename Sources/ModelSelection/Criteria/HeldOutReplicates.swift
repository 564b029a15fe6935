/// Prediction of replicates that were held out, for example epochs: ‖Ȳ_v − XB‖²/(nT), B fitted to the mean of all others.
///
/// The problem's response is the mean of all N replicates; its noise is smaller than that of a mean Ȳ_t of N_t < N by the
/// factor c = √(N_t/N). A λ holds back noise and therefore goes with its level: what λ is to the whole problem, λ/c is to
/// the training problem. Minimizing ½‖Ȳ_t − XB‖² + (λ/c)·Σ‖B_j‖ is the same as minimizing ½‖cȲ_t − XB′‖² + λ·Σ‖B′_j‖ with
/// B′ = cB: the training response is scaled by c, whose noise is then that of the whole problem, and XB′/c predicts Ȳ_v.
/// The noise of Ȳ_v adds a constant to the criterion that no λ changes.
public struct HeldOutReplicates: Criterion {
    /// What the problem's response is the mean of.
    public let replicates: Replicates
    /// The sets of replicates held out, one after another, by their places.
    public let folds: [[Int]]
    /// `held-out epochs` for one set, else `K-fold over epochs`.
    public let name: String

    /// Holds out each of several sets in turn; sets that hold no replicate that counts are left out.
    ///
    /// - Throws: ``InvalidCriterion`` where nothing is held out or nothing is left to fit.
    public init(_ replicates: Replicates, folds: [[Int]]) throws(InvalidCriterion) {
        let present = Set(replicates.present)
        let folds = folds.map { $0.filter(present.contains) }.filter { !$0.isEmpty }
        guard !folds.isEmpty, folds.allSatisfy({ $0.count < present.count }) else {
            throw InvalidCriterion("\(present.count) different epochs; expected some to hold out and some to fit")
        }
        self.replicates = replicates
        self.folds = folds
        name = folds.count == 1 ? "held-out epochs" : "\(folds.count)-fold over epochs"
    }

    /// The bits of the replicates, how often each counts, and the folds.
    public func identify(in fingerprint: inout Fingerprint) {
        fingerprint.absorb("\(name) \(replicates.counts) \(folds)")
        for response in replicates.responses { fingerprint.absorb(response.elements) }
    }

    private func training(_ fold: [Int]) -> [Int] {
        let held = Set(fold)
        return replicates.present.filter { !held.contains($0) }
    }

    /// c = √(N_t/N).
    private func scale(_ fold: [Int]) -> Double {
        (replicates.noiseVariance(of: replicates.present) / replicates.noiseVariance(of: training(fold))).squareRoot()
    }

    /// The problem with c times the mean of all but each fold.
    ///
    /// - Throws: ``InvalidCriterion`` for replicates of another shape than the problem's response.
    public func problems(for problem: RegressionProblem) throws -> [RegressionProblem] {
        try folds.map { fold in
            guard let mean = replicates.mean(of: training(fold)), mean.rows == problem.rowCount,
                mean.columns == problem.sampleCount
            else { throw InvalidCriterion("epochs of another shape than the data; expected the same") }
            return try problem.with(response: mean * scale(fold))
        }
    }

    /// The mean squared error of an entry of the means held out.
    ///
    /// - Complexity: O(n·|S|o·T) a fold.
    public func judge(_ fits: [Fit], of problem: RegressionProblem, wantsGradient: Bool) -> Judgement {
        guard fits.count == folds.count else { return .impossible }
        let entries = Double(problem.rowCount) * Double(problem.sampleCount) * Double(folds.count)
        var value = 0.0
        var derivatives: [FitDerivative] = []
        for (fold, fit) in zip(folds, fits) {
            guard let held = replicates.mean(of: fold) else { return .impossible }
            let inverse = 1 / scale(fold)
            var derivative = FitDerivative(coefficients: [])
            for support in fit.supports {
                let prediction = Matrix.product(
                    support.columns, transposed: false, support.originalCoefficients, transposed: true,
                    parallelism: support.parallelism)
                let residual = held.columns(support.samples) - prediction * inverse
                value += residual.squaredNorm / entries
                guard wantsGradient else { continue }
                derivative.coefficients.append(
                    support.pullBack(
                        Matrix.product(residual, transposed: true, support.columns, parallelism: support.parallelism)
                            * (-2 * inverse / entries)))
            }
            derivatives.append(derivative)
        }
        return Judgement(value: value, degreesOfFreedom: .nan, derivatives: wantsGradient ? derivatives : nil)
    }
}

extension CriterionKind {
    /// ``HeldOutReplicates``, one set of epochs.
    public static let heldOutEpochs = CriterionKind(
        "held-out-epochs", help: "prediction of the first fold of epochs", holdsOut: .replicates
    ) { request throws(InvalidCriterion) in
        let (replicates, folds) = try replicateFolds(request)
        // Of a bootstrap the first fold may be empty.
        let present = Set(replicates.present)
        return try HeldOutReplicates(
            replicates, folds: folds.first { !present.isDisjoint(with: $0) }.map { [$0] } ?? [])
    }

    /// ``HeldOutReplicates``, every epoch in turn.
    public static let kfoldEpochs = CriterionKind(
        "kfold-epochs", help: "prediction of every fold of epochs by the others", holdsOut: .replicates
    ) { request throws(InvalidCriterion) in
        let (replicates, folds) = try replicateFolds(request)
        return try HeldOutReplicates(replicates, folds: folds)
    }

    private static func replicateFolds(
        _ request: Request
    ) throws(InvalidCriterion) -> (replicates: Replicates, folds: [[Int]]) {
        guard let replicates = request.replicates, replicates.responses.count > 1 else {
            throw InvalidCriterion("no single epochs to hold out; expected a recording of epochs")
        }
        let count = replicates.responses.count
        guard request.folds >= 2, request.folds <= count else {
            throw InvalidCriterion("\(request.folds) folds of \(count) epochs; expected from 2 to as many as epochs")
        }
        return (replicates, try RowSplit(rowCount: count, folds: request.folds, seed: request.seed).folds)
    }
}
