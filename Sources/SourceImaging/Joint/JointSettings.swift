/// How the subjects of a joint localization are coupled.
public struct JointSettings: Sendable, Equatable {
    /// ρ, from 0, each subject alone, to below 1: how much what the others show counts against a subject's own data.
    public var coupling = 0.7
    /// σ of the Gaussian over which places of subjects count as one, m; nil chooses it, or that there is none, by the data.
    public var kernelWidth: Double?
    /// Rounds of coupling at most where sources are reweighted, 1 to 100; refined ones need none.
    public var rounds = 6
    /// What reweighted sources start from; refined ones need no start.
    public var start = Start.alone
    /// Threads; no result depends on it.
    public var parallelism = Parallelism.allCores

    /// The default settings.
    public init() {}

    /// What reweighted sources start from.
    public enum Start: String, Sendable, CaseIterable {
        /// Those of each subject alone.
        case alone
        /// Those that all subjects have or none has: multi-subject MxNE.
        case together
    }

    /// log 20: what a place has to gain on sources of the same subjects anywhere.
    static let leastGain = 3.0
    /// Width at which places are sought where none is given, m; where candidates are further apart, their spacing.
    static let searchWidth = 0.004
    /// Widths that are tried where none is given, m, as far as candidates tell them apart.
    static let widths = [0.003, 0.005, 0.007, 0.010, 0.015]

    /// - Throws: ``InputError`` for a setting out of its range.
    func check() throws(InputError) {
        guard coupling >= 0, coupling < 1 else {
            throw InputError("coupling", found: "\(coupling)", expected: "a number from 0 (none) to below 1")
        }
        if let kernelWidth, !(kernelWidth >= 0.001 && kernelWidth <= 0.05) {
            throw InputError("kernel", found: "\(kernelWidth * 1000) mm", expected: "auto, or 1 to 50 mm")
        }
        guard (1...100).contains(rounds) else {
            throw InputError("rounds of coupling", found: "\(rounds)", expected: "1 to 100")
        }
    }
}
