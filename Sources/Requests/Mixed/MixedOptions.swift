extension MixedRequest: NamedRequest {
    /// What it is called.
    public static let function = "mixed"

    /// What it can be asked, by the names of the command's options.
    public static var options: [RequestOption<MixedRequest>] { describing + choosing }

    /// What the model is of; of a table alone, arrays say it themselves.
    private static var describing: [RequestOption<MixedRequest>] {
        [
            .init(.response, "column that is explained") {
                (r, v, n) throws(InputError) in r.response = try v.text(n)
            },
            .init(.group, "column that tells the groups") { (r, v, n) throws(InputError) in r.group = try v.text(n) },
            .init(.fixed, "fixed effects: columns, or terms such as a*b; 0 for no intercept") {
                (r, v, n) throws(InputError) in r.fixed = try v.texts(n)
            },
            .init(.random, "random effects, likewise") { (r, v, n) throws(InputError) in r.random = try v.texts(n) },
            .init(.formula, "all in one: y ~ a*b + (1 + a | subject); || for random effects without correlations") {
                (r, v, n) throws(InputError) in r.formula = try v.text(n)
            },
            .init(.correlated, "whether random effects given by name may be correlated: true or false") {
                (r, v, n) throws(InputError) in r.isCorrelated = try v.flag(n)
            },
            .init(
                .noiseVariance, "variance of the noise where it is known: a number, or a column; estimated unless given"
            ) {
                (r, v, n) throws(InputError) in
                switch v {
                case .number(let variance): r.noise = .variance(variance)
                default:
                    let text = try v.text(n)
                    r.noise = Double(text).map { .variance($0) } ?? .column(text)
                }
            },
        ]
    }

    private static var choosing: [RequestOption<MixedRequest>] {
        [
            .init(.select, "how effects are chosen: \(Selection.allCases.map(\.rawValue).joined(separator: ", "))") {
                (r, v, n) throws(InputError) in r.selection = try v.word(n)
            },
            .init(.penalty, "the penalty of newton, pgd, msr3 and msr3-fast: \(EffectPenaltyKind.names)") {
                (r, v, n) throws(InputError) in r.penalty = try v.kind(n, \.name)
            },
            .init(.lambda, "λ of the penalty, or auto") {
                (r, v, n) throws(InputError) in r.lambda = v == .text("auto") ? nil : try v.number(n)
            },
            .init(.eta, "strength of the relaxation, or auto") {
                (r, v, n) throws(InputError) in r.eta = v == .text("auto") ? nil : try v.number(n)
            },
            .init(.hierarchy, "whether a random effect is in only with its fixed effect: true or false") {
                (r, v, n) throws(InputError) in r.hasHierarchy = try v.flag(n)
            },
            .init(.keep, "fixed effects that are always in; (Intercept) unless given") {
                (r, v, n) throws(InputError) in r.keep = try v.texts(n)
            },
            .init(.standardize, "whether effects are chosen in standard deviations of their columns: true or false") {
                (r, v, n) throws(InputError) in r.isStandardized = try v.flag(n)
            },
            .init(.estimation, "which likelihood gives the variances that are reported: ml or reml") {
                (r, v, n) throws(InputError) in r.estimation = try v.word(n)
            },
            .init(.confidence, "what intervals hold; 0.95 unless given") {
                (r, v, n) throws(InputError) in r.confidence = try v.number(n)
            },
            .init(.seed, "seed of the averaging; 0 unless given") {
                (r, v, n) throws(InputError) in r.seed = try v.seed(n)
            },
        ]
    }
}

extension EffectPenaltyKind: NamedKind {
    /// All names.
    static var names: String { all.map(\.name).joined(separator: ", ") }
}
