/// Which kinds of sensors a localization uses.
public enum SensorSelection: String, Sendable, CaseIterable {
    /// Every kind there is.
    case all
    /// Magnetometers and gradiometers.
    case meg
    /// Electrodes.
    case eeg
    /// Magnetometers.
    case mag
    /// Gradiometers.
    case grad

    /// Whether a kind is among them.
    public func includes(_ kind: SensorKind) -> Bool {
        switch self {
        case .all: true
        case .meg: kind != .eeg
        case .eeg: kind == .eeg
        case .mag: kind == .mag
        case .grad: kind == .grad
        }
    }
}
