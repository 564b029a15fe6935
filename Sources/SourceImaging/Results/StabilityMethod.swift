/// What the repeats of a choice differ in.
public enum StabilityMethod: String, Sendable, CaseIterable, Codable {
    /// Epochs drawn with replacement (Efron 1979).
    case epochs
    /// A random part of the whitened sensor rows left out, a fold at a time.
    case sensors
    /// The fitted field with fresh noise of the level that the choice counts with.
    case noise
}
