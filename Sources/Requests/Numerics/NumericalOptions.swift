extension SolveRequest: NamedRequest {
    /// What it is called.
    public static let function = "solve"

    /// What it can be asked, by the names of the command's options.
    public static var options: [RequestOption<SolveRequest>] {
        [
            .init(.lambda, "λ, positive") { (r, v, n) throws(InputError) in r.lambda = .value(try v.number(n)) },
            .init(.lambdaRatio, "λ as a fraction of λ_max, above 0 and at most 1; the smallest of a path") {
                (r, v, n) throws(InputError) in r.lambda = .ratio(try v.number(n))
            },
            .init(.count, "values of λ of a path") { (r, v, n) throws(InputError) in r.count = try v.count(n) },
            .init(.lambdas, "the values of λ of a path, descending") {
                (r, v, n) throws(InputError) in r.lambdas = try v.numbers(n)
            },
            .init(.method, "what is minimized: mixed-norm, or tf, sparse in time and frequency, too") {
                (r, v, n) throws(InputError) in r.method = try v.word(n)
            },
            .init(.rho, "of method tf: which part of the penalty is of single coefficients, 0 to 1; 0.3 unless given") {
                (r, v, n) throws(InputError) in r.rho = try v.number(n)
            },
            .init(.windows, "of method tf: lengths of windows, even numbers of samples; 16 unless given") {
                (r, v, n) throws(InputError) in r.windows = try v.counts(n)
            },
            .init(.steps, "of method tf: samples from one window to the next; a quarter of it unless given") {
                (r, v, n) throws(InputError) in r.steps = try v.counts(n)
            },
            .init(.penalty, "the penalty: \(PenaltyKind.all.map(\.name).joined(separator: ", "))") {
                (r, v, n) throws(InputError) in r.penalty = try v.kind(n, \.name)
            },
            .init(.ridge, "number of shape of a penalty that has a ridge") {
                (r, v, n) throws(InputError) in r.shapes[.ridge] = try v.number(n)
            },
            .init(.gamma, "number of shape of a penalty that has a γ") {
                (r, v, n) throws(InputError) in r.shapes[.gamma] = try v.number(n)
            },
            .init(.weights, "a weight a block, 0 (unpenalized) to infinity (left out)") {
                (r, v, n) throws(InputError) in r.weights = try v.numbers(n)
            },
            .init(.reweight, "rounds of reweighting, 0 to 100") {
                (r, v, n) throws(InputError) in r.reweighting.rounds = try v.count(n)
            },
            .init(
                .reweightScale,
                "which block keeps its λ in reweighting: strongest, median, or unit for the plain penalty λΣ√‖B_j‖"
            ) {
                (r, v, n) throws(InputError) in r.reweighting.scale = try v.word(n)
            },
            .init(.debias, "whether the shrinkage of each block is undone: true or false") {
                (r, v, n) throws(InputError) in r.isDebiased = try v.flag(n)
            },
            .init(.gap, "relative duality gap at which a solve is good enough; 1e-6 unless given") {
                (r, v, n) throws(InputError) in r.stop = try r.stop.at(gap: try v.number(n))
            },
            .init(.solver, "engine: auto, descent, dual or gradient") {
                (r, v, n) throws(InputError) in r.engine = try v.word(n)
            },
            .init(.maximumEpochs, "most sweeps of coordinate descent") {
                (r, v, n) throws(InputError) in r.stop.maximumEpochs = max(0, try v.count(n))
            },
            .init(.timeLimit, "longest time, s") {
                (r, v, n) throws(InputError) in r.stop.maximumSeconds = try v.number(n)
            },
            .init(.threads, "threads; no result depends on them") {
                (r, v, n) throws(InputError) in r.parallelism = try Requests.threads(v, n)
            },
        ]
    }
}

extension SelectRequest: NamedRequest {
    /// What it is called.
    public static let function = "select"

    /// What it can be asked, by the names of the command's options.
    public static var options: [RequestOption<SelectRequest>] {
        [
            .init(.criterion, "what makes a choice good: \(CriterionKind.all.map(\.name).joined(separator: ", "))") {
                (r, v, n) throws(InputError) in r.criterion = try v.kind(n, \.name)
            },
            .init(.search, "how it is searched for: \(SearchKind.all.map(\.name).joined(separator: ", "))") {
                (r, v, n) throws(InputError) in r.search = try v.kind(n, \.name)
            },
            .init(
                .hypergradient,
                "how gradients are computed: \(GradientSource.all.map(\.name).joined(separator: ", "))"
            ) { (r, v, n) throws(InputError) in r.hypergradient = try v.kind(n, \.name) },
            .init(.penalty, "the penalty: \(PenaltyKind.all.map(\.name).joined(separator: ", "))") {
                (r, v, n) throws(InputError) in r.penalty = try v.kind(n, \.name)
            },
            .init(.ridge, "number of shape of a penalty that has a ridge; searched for unless given") {
                (r, v, n) throws(InputError) in r.shapes[.ridge] = try v.number(n)
            },
            .init(.gamma, "number of shape of a penalty that has a γ") {
                (r, v, n) throws(InputError) in r.shapes[.gamma] = try v.number(n)
            },
            .init(.weights, "one λ for all blocks (shared) or one for each (learned)") {
                (r, v, n) throws(InputError) in r.weights = try v.word(n)
            },
            .init(.sigma, "standard deviation of an entry of the noise; 1 unless given") {
                (r, v, n) throws(InputError) in r.sigma = try v.number(n)
            },
            .init(.start, "where to begin, as a fraction of λ_max") {
                (r, v, n) throws(InputError) in r.start = try v.number(n)
            },
            .init(.evaluations, "most evaluations; points of a grid along each side") {
                (r, v, n) throws(InputError) in r.evaluations = try v.count(n)
            },
            .init(.folds, "folds of cross-validation; 5 unless given") {
                (r, v, n) throws(InputError) in r.folds = try v.count(n)
            },
            .init(.draws, "random directions of sure-mc, 1 unless given; draws of noise of noise-quantile, 40") {
                (r, v, n) throws(InputError) in r.draws = try v.count(n)
            },
            .init(.seed, "seed of folds, directions and draws; 0 unless given") {
                (r, v, n) throws(InputError) in r.seed = try v.seed(n)
            },
            .init(.gap, "relative duality gap at which a solve is good enough; 1e-6 unless given") {
                (r, v, n) throws(InputError) in r.stop = try r.stop.at(gap: try v.number(n))
            },
            .init(.threads, "threads; no result depends on them") {
                (r, v, n) throws(InputError) in r.parallelism = try Requests.threads(v, n)
            },
        ]
    }
}

extension RefineRequest: NamedRequest {
    /// What it is called.
    public static let function = "refine"

    /// What it can be asked, by the names of the command's options.
    public static var options: [RequestOption<RefineRequest>] {
        [
            .init(.charge, "what a block must explain of ‖Y‖²; measured on white noise unless given") {
                (r, v, n) throws(InputError) in r.charge = try v.number(n)
            },
            .init(.sigma, "standard deviation of an entry of that noise; 1 unless given") {
                (r, v, n) throws(InputError) in r.sigma = try v.number(n)
            },
            .init(.falsePositiveRate, "how likely noise alone may make a block; 0.05 unless given") {
                (r, v, n) throws(InputError) in r.falsePositiveRate = try v.number(n)
            },
            .init(.maximumCount, "most blocks; 30 unless given") {
                (r, v, n) throws(InputError) in r.maximumCount = try v.count(n)
            },
            .init(.ridge, "part that a ridge takes of each block; 1e-6 unless given") {
                (r, v, n) throws(InputError) in r.ridge = try v.number(n)
            },
            .init(.start, "blocks to start with, beside none") { (r, v, n) throws(InputError) in
                r.start = try v.numbers(n).map { (number) throws(InputError) in
                    guard let block = Int(exactly: number) else {
                        throw InputError(n, found: "block \(number)", expected: "whole numbers")
                    }
                    return block
                }
            },
            .init(.seed, "seed of the draws of noise; 0 unless given") {
                (r, v, n) throws(InputError) in r.seed = try v.seed(n)
            },
            .init(.threads, "threads; no result depends on them") {
                (r, v, n) throws(InputError) in r.parallelism = try Requests.threads(v, n)
            },
        ]
    }
}
