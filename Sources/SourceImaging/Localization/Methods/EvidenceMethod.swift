import Glibc

/// A variance for every source, by sparse Bayesian learning.
struct EvidenceMethod: SourceMethod {
    let choice: SourceChoice

    func run(
        _ session: some SolverSession, _ origin: SourceChoice.Origin, monitor: Monitor
    ) throws -> SourceChoice.Outcome {
        let problem = session.problem
        let learning = SparseBayesianLearning(noiseVariance: choice.method.noiseVariance)
        let found = try learning.run(problem, parallelism: choice.parallelism, monitor: monitor)
        if found.end == .cancelled { throw CancellationError() }
        let largest = problem.largestLambda(parallelism: choice.parallelism)
        let seen = found.weights.filter { $0 > 0 && $0.isFinite }
        let mean = seen.isEmpty ? .nan : exp(seen.reduce(0) { $0 + log($1) } / Double(seen.count))
        let last = found.history.count - 1
        guard last >= 0 else {
            throw InputError(
                .criterion, found: "an evidence that cannot be computed", expected: "a recording that it suits",
                advice: "use another criterion")
        }
        let squaredResidual = (problem.response - found.active.fit(in: problem)).squaredNorm
        let points = found.history.indices.map { k in
            SelectionPoint(
                lambda: k == last ? mean : .nan, ratio: k == last && largest > 0 ? mean / largest : .nan,
                criterion: found.history[k], degreesOfFreedom: .nan,
                squaredResidual: k == last ? squaredResidual : .nan, activeCount: found.counts[k], relativeGap: .nan,
                seconds: .nan)
        }
        let limit = found.end == .evaluationLimit ? ["the evidence was still rising after \(last) updates"] : []
        return SourceChoice.Outcome(
            atoms: ActiveAtoms(found.active),
            curve: SelectionCurve(
                origin: .updates, criterion: CriterionKind.evidence.name, points: points, chosenIndex: last,
                atGridEdge: false), relativeGap: .nan, epochs: 0, fullPasses: 0, warnings: limit)
    }
}

extension MethodKind {
    /// ``EvidenceMethod``.
    public static let evidence = MethodKind(
        "evidence", help: "a variance for every source, learned (sparse Bayesian learning)", weights: [.evidence]
    ) { EvidenceMethod(choice: $0) }
}
