/// What a channel measures; each kind has an SI unit of its own.
public enum SensorKind: String, Sendable, CaseIterable, Codable {
    /// Magnetometer, T.
    case mag
    /// Planar or axial gradiometer, T/m.
    case grad
    /// Scalp electrode, V.
    case eeg

    /// Unit of a recording.
    public var unit: String {
        switch self {
        case .mag: "T"
        case .grad: "T/m"
        case .eeg: "V"
        }
    }

    /// Unit that people read, and the factor from the SI unit to it.
    public var display: (unit: String, factor: Double) {
        switch self {
        case .mag: ("fT", 1e15)
        case .grad: ("fT/cm", 1e13)
        case .eeg: ("µV", 1e6)
        }
    }

    /// The kind in plain English, plural.
    public var plural: String {
        switch self {
        case .mag: "magnetometers"
        case .grad: "gradiometers"
        case .eeg: "EEG electrodes"
        }
    }
}

/// The channels of a gain, a recording or a covariance, in the order of its rows.
public struct Sensors: Sendable, Equatable {
    /// Names, unique.
    public let names: [String]
    /// Kinds, one a channel.
    public let kinds: [SensorKind]
    /// Whether a channel is marked bad.
    public let bad: [Bool]
    /// Position (m) and three axes of each channel, sensor × 12; nil when unknown.
    public let locations: Matrix?
    /// Software gradient compensation that each channel's values have: `none`, `grade 3`, or as a program calls it; nil when
    /// unknown. It is part of what a channel measures: a gain for another one does not fit.
    public let compensations: [String]?

    /// Number of channels.
    public var count: Int { names.count }

    /// Channels from their columns.
    ///
    /// - Parameters:
    ///   - names: unique, none empty, at least one.
    ///   - kinds: one a name.
    ///   - bad: one a name; nil where none is marked.
    ///   - locations: channels × 12, position (m) and three axes; nil when unknown. Their values are not checked.
    ///   - compensations: one a name; nil when unknown.
    /// - Throws: ``InputError`` when lengths disagree, a name stands twice or is empty, or there is no channel.
    public init(
        names: [String], kinds: [SensorKind], bad: [Bool]? = nil, locations: Matrix? = nil,
        compensations: [String]? = nil
    ) throws(InputError) {
        guard !names.isEmpty else {
            throw InputError("sensors/name", found: "no channels", expected: "at least one")
        }
        guard kinds.count == names.count else {
            throw InputError("sensors/kind", found: "\(kinds.count) entries", expected: "\(names.count), one a name")
        }
        if let bad, bad.count != names.count {
            throw InputError("sensors/bad", found: "\(bad.count) entries", expected: "\(names.count), one a name")
        }
        if let locations, locations.rows != names.count || locations.columns != 12 {
            throw InputError(
                "sensors/location", found: "\(locations.rows) × \(locations.columns)", expected: "\(names.count) × 12")
        }
        if let compensations, compensations.count != names.count {
            throw InputError(
                "sensors/compensation", found: "\(compensations.count) entries", expected: "\(names.count), one a name")
        }
        var seen = Set<String>()
        for (i, name) in names.enumerated() {
            guard !name.isEmpty else {
                throw InputError("sensors/name", found: "an empty name at position \(i)", expected: "a name a channel")
            }
            guard seen.insert(name).inserted else {
                throw InputError(
                    "sensors/name", found: "channel '\(name)' stands twice", expected: "unique names",
                    advice: "rename or drop one of them")
            }
        }
        self.names = names
        self.kinds = kinds
        self.bad = bad ?? [Bool](repeating: false, count: names.count)
        self.locations = locations
        self.compensations = compensations
    }

    /// Some of the channels, in the order asked for.
    func rows(_ rows: [Int]) throws(InputError) -> Sensors {
        try Sensors(
            names: rows.map { names[$0] }, kinds: rows.map { kinds[$0] }, bad: rows.map { bad[$0] },
            locations: locations.map { $0.rows(rows) }, compensations: compensations.map { all in rows.map { all[$0] } }
        )
    }

    /// Number of channels of each kind that occurs.
    public var countByKind: [SensorKind: Int] {
        kinds.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
}

extension Matrix {
    /// The matrix with zeros for rows that hold NaN or infinity, and the first such value of each.
    func silencingNonFiniteRows() -> (Matrix, places: [Int: (column: Int, value: Double)]) {
        guard firstNonFinite != nil else { return (self, [:]) }
        var places: [Int: (column: Int, value: Double)] = [:]
        for j in 0..<columns {
            for i in 0..<rows where !self[i, j].isFinite && places[i] == nil { places[i] = (j, self[i, j]) }
        }
        var result = self
        for i in places.keys {
            for j in 0..<columns { result[i, j] = 0 }
        }
        return (result, places)
    }
}
