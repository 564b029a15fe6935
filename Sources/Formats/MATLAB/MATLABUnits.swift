import SourceImaging

/// A unit that a sensor's values are given in, as MATLAB toolboxes write it.
struct MATLABUnit {
    /// What a channel of this unit measures.
    let kind: SensorKind
    /// Factor to the SI unit of the kind.
    let factor: Double

    /// The units that are understood, for messages.
    static let choices = "T, fT, T/m, T/cm, fT/cm, V, mV or uV"

    /// The unit of a text; nil when it is none that is known.
    init?(_ text: String) {
        switch text.trimmed {
        case "T": self.init(kind: .mag, factor: 1)
        case "fT": self.init(kind: .mag, factor: 1e-15)
        case "pT": self.init(kind: .mag, factor: 1e-12)
        case "T/m": self.init(kind: .grad, factor: 1)
        case "T/cm": self.init(kind: .grad, factor: 100)
        case "fT/cm": self.init(kind: .grad, factor: 1e-13)
        case "fT/m": self.init(kind: .grad, factor: 1e-15)
        case "V": self.init(kind: .eeg, factor: 1)
        case "mV": self.init(kind: .eeg, factor: 1e-3)
        case "uV", "µV", "μV", "microvolt": self.init(kind: .eeg, factor: 1e-6)
        default: return nil
        }
    }

    private init(kind: SensorKind, factor: Double) {
        self.kind = kind
        self.factor = factor
    }

    /// Factor from a unit of length to metres; nil when it is none that is known.
    static func length(_ text: String) -> Double? {
        switch text.trimmed {
        case "m": 1
        case "dm": 0.1
        case "cm": 0.01
        case "mm": 0.001
        default: nil
        }
    }

    /// Factor from a unit of dipole moment to A·m; nil when it is none that is known.
    static func moment(_ text: String) -> Double? {
        switch text.trimmed {
        case "A*m", "Am", "A·m": 1
        case "mA*m", "mAm": 1e-3
        case "uA*m", "uAm": 1e-6
        case "nA*m", "nAm", "nA·m": 1e-9
        default: nil
        }
    }
}

extension String {
    /// Without blanks at either end.
    var trimmed: String {
        var text = self[...]
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
