extension DynamicsRequest: NamedRequest {
    /// What it is called.
    public static let function = "dynamics"

    /// What it can be asked, by the names of the command's options.
    public static var options: [RequestOption<DynamicsRequest>] {
        [
            .init(.model, "the kind of model: \(DynamicsKind.all.map(\.name).joined(separator: ", "))") {
                (r, v, n) throws(InputError) in r.model = try v.kind(n, \.name)
            },
            .init(.order, "lags of autoregression, or order of equations; auto chooses") {
                (r, v, n) throws(InputError) in r.settings.order = v == .text("auto") ? nil : try v.count(n)
            },
            .init(.falseDiscoveryRate, "accepted part of false connections among those found; 0.05 unless given") {
                (r, v, n) throws(InputError) in r.settings.falseDiscoveryRate = try v.number(n)
            },
            .init(.smallestInfluence, "influences below this part of the strongest are left out; 0.1 unless given") {
                (r, v, n) throws(InputError) in r.settings.smallestInfluence = try v.number(n)
            },
            .init(
                .penalty, "what keeps a network sparse: \(NetworkPenaltyKind.all.map(\.name).joined(separator: ", "))"
            ) {
                (r, v, n) throws(InputError) in r.penalty = try v.kind(n, \.name)
            },
            .init(.lambda, "λ of that, or auto") {
                (r, v, n) throws(InputError) in r.lambda = v == .text("auto") ? nil : try v.number(n)
            },
            .init(.resamples, "resamples of epochs that tell how steady connections are; 100 or 20 unless given") {
                (r, v, n) throws(InputError) in r.resamples = try v.count(n)
            },
            .init(.heldOut, "part of the epochs held out to judge forecasts; 0.2 unless given") {
                (r, v, n) throws(InputError) in r.heldOut = try v.number(n)
            },
            .init(.force, "whether one averaged response is worked with: true or false") {
                (r, v, n) throws(InputError) in r.isForced = try v.flag(n)
            },
            .init(.seed, "seed of what is drawn; 0 unless given") {
                (r, v, n) throws(InputError) in r.settings.seed = try v.seed(n)
            },
            .init(.threads, "threads; no result depends on them") {
                (r, v, n) throws(InputError) in r.settings.parallelism = try Requests.threads(v, n)
            },
        ]
    }
}
