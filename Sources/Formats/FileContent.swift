/// What a file can hold.
public enum FileContent: String, Sendable, CaseIterable {
    /// A forward model: ``SourceImaging/Forward``.
    case forward
    /// A recording: ``SourceImaging/Recording``.
    case recording
    /// A noise covariance: ``SourceImaging/NoiseCovariance``.
    case covariance
    /// A whitened problem: ``ProblemContents``.
    case problem
    /// A result: ``Estimate``.
    case estimate
    /// Known sources of a simulation: ``SourceImaging/Truth``.
    case truth

    /// A file of it, as a sentence has it.
    var phrase: String { "\(self == .estimate ? "an" : "a") \(rawValue) file" }
}
