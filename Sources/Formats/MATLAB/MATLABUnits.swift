import SourceImaging

/// A unit that a sensor's values are given in, as MATLAB toolboxes write it.
struct MATLABUnit {
    /// What a channel of this unit measures.
    let kind: SensorKind
    /// Factor to the SI unit of the kind.
    let factor: Double
    /// The unit as it was written.
    let name: String

    /// The units that are understood, for messages.
    static let choices = "T, fT, T/m, T/cm, fT/cm, V, mV or uV"

    /// The unit of a text; nil when it is none that is known.
    init?(_ text: String) {
        name = text.trimmed
        switch name {
        case "T": (kind, factor) = (.mag, 1)
        case "fT": (kind, factor) = (.mag, 1e-15)
        case "pT": (kind, factor) = (.mag, 1e-12)
        case "T/m": (kind, factor) = (.grad, 1)
        case "T/cm": (kind, factor) = (.grad, 100)
        case "T/mm": (kind, factor) = (.grad, 1000)
        case "fT/m": (kind, factor) = (.grad, 1e-15)
        case "fT/cm": (kind, factor) = (.grad, 1e-13)
        case "fT/mm": (kind, factor) = (.grad, 1e-12)
        case "V": (kind, factor) = (.eeg, 1)
        case "mV": (kind, factor) = (.eeg, 1e-3)
        case "uV", "µV", "μV", "microvolt": (kind, factor) = (.eeg, 1e-6)
        default: return nil
        }
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
