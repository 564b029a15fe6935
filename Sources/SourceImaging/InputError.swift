/// Something given to the program that it cannot work with, told in one line: where, what was found, what was
/// expected, what to do.
public struct InputError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where something is wrong.
    public enum Place: Sendable, Equatable {
        /// A setting that the caller made.
        case setting(SettingName)
        /// What the caller gave to work on.
        case input(InputName)
        /// A file, a dataset or a channel, by name.
        case named(String)
    }

    /// What a localization works on.
    public enum InputName: String, Sendable {
        case forward, recording, covariance
        /// Of the numerics alone.
        case problem
        /// Rows of named columns.
        case table
    }

    /// Where.
    public var place: Place
    /// What was found there.
    public let found: String
    /// What was expected; may be empty when `found` says it all.
    public let expected: String
    /// What the user can do; may be empty.
    public let advice: Message

    /// - Parameters:
    ///   - place: where.
    ///   - found: what is there, a clause without a full stop; so are the others.
    ///   - expected: what should be there; may be empty when `found` says it all.
    ///   - advice: what the user can do; may be empty.
    public init(at place: Place, found: String, expected: String = "", advice: Message = "") {
        self.place = place
        self.found = found
        self.expected = expected
        self.advice = advice
    }

    /// An error in a file, a dataset or a channel; see ``init(at:found:expected:advice:)``.
    public init(_ place: String, found: String, expected: String = "", advice: Message = "") {
        self.init(at: .named(place), found: found, expected: expected, advice: advice)
    }

    /// An error in a setting; see ``init(at:found:expected:advice:)``.
    public init(_ setting: SettingName, found: String, expected: String = "", advice: Message = "") {
        self.init(at: .setting(setting), found: found, expected: expected, advice: advice)
    }

    /// The same error with the name of a file put before its place.
    public func within(_ outer: String) -> InputError {
        let inner = place.text { $0.rawValue }
        return InputError(
            inner.isEmpty ? outer : "\(outer): \(inner)", found: found, expected: expected, advice: advice)
    }

    /// The whole error on one line.
    public var description: String { text { $0.rawValue } }

    /// The whole error on one line.
    ///
    /// - Parameter name: how the caller's user knows a setting, for example as an option of a command line.
    public func text(naming name: (SettingName) -> String) -> String {
        var line = "\(place.text(naming: name)): \(found)"
        if !expected.isEmpty { line += "; expected \(expected)" }
        let advice = advice.text(naming: name)
        if !advice.isEmpty { line += "; \(advice)" }
        return line.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}

extension InputError.Place {
    /// The place in words, settings as `name` says.
    public func text(naming name: (SettingName) -> String) -> String {
        switch self {
        case .setting(let setting): name(setting)
        case .input(let input): input.rawValue
        case .named(let text): text
        }
    }
}

/// The settings that errors speak of, words joined by hyphens. Whoever asks the user for them knows how the user gives them
/// (``InputError/text(naming:)``): a command line puts `--` before them.
public enum SettingName: String, Sendable, CaseIterable {
    case sensors, orientation, depth, window, sigma
    case lambda, gap, penalty, ridge, gamma, reweight
    case criterion, search, weights, folds, draws
    case gainError = "gain-error"
    case falsePositiveRate = "false-positive-rate"
    case stability
    case stabilityBy = "stability-by"
    case rank, averages, baseline, noise
    case matchNames = "match-names"
    case condition, channels, force
    case events, epoch, reject
    case forward, recording, covariance
    case lambdaRatio = "lambda-ratio"
    case path, start, evaluations, hypergradient, solver, threads, seed, debias, charge
    case timeLimit = "time-limit"
    case count, lambdas, naming
    case reweightScale = "reweight-scale"
    case maximumEpochs = "maximum-epochs"
    case keepPreparation = "keep-preparation"
    case maximumCount = "maximum-count"
    case response, group, fixed, random, formula, correlated, select, eta, hierarchy, keep, standardize, estimation,
        confidence
    case noiseVariance = "noise-variance"
    case model, order, resamples, table
    case falseDiscoveryRate = "false-discovery-rate"
    case smallestInfluence = "smallest-influence"
    case heldOut = "held-out"
    case evoked, method, windows, rho, steps
}
