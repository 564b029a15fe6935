import SourceImaging

/// Rejection of epochs in which a good channel varies too much, from its lowest to its highest value after projection.
struct FIFRejection {
    /// Epochs judged so far, and rejected.
    private(set) var (count, rejectedCount) = (0, 0)

    private let names: [String]
    /// Largest range of each channel; infinite for bad channels and kinds without a limit.
    private let limits: [Double]
    /// Orthonormal directions that projectors remove, channels × k; zero for bad channels.
    private let removed: Matrix
    /// Epochs in which each channel varied too much.
    private var offences: [Int]

    /// Rejection by limits.
    ///
    /// - Parameter limits: of each kind, V, T or T/m.
    /// - Throws: ``InputError`` when a limit is none, there is no channel of a kind or projectors are not finite.
    init(_ limits: [SensorKind: Double], _ measurement: FIFMeasurement) throws(InputError) {
        let sensors = measurement.channels.sensors
        for (kind, limit) in limits {
            guard limit > 0 else {
                throw InputError(
                    "rejection", found: "\(limit) for \(kind)", expected: "a positive limit", advice: "see \(.reject)")
            }
            guard sensors.kinds.contains(kind) else {
                throw InputError(
                    "rejection", found: "a limit for \(kind)", expected: "kinds of channels that the file has",
                    advice: "see \(.reject)")
            }
        }
        names = sensors.names
        offences = [Int](repeating: 0, count: names.count)
        self.limits = names.indices.map { sensors.bad[$0] ? .infinity : limits[sensors.kinds[$0]] ?? .infinity }
        removed =
            limits.isEmpty
            ? Matrix(rows: names.count, columns: 0) : try Self.removed(measurement.projectors.matrix, sensors.bad)
    }

    /// Whether an epoch is rejected.
    ///
    /// - Parameter epoch: channels × samples.
    mutating func rejects(_ epoch: Matrix) -> Bool {
        count += 1
        guard limits.contains(where: { $0 < .infinity }) else { return false }
        let data =
            removed.columns > 0 ? epoch - removed * Matrix.product(removed, transposed: true, epoch) : epoch
        var isRejected = false
        for i in names.indices where limits[i] < .infinity {
            var (low, high) = (Double.infinity, -Double.infinity)
            for t in 0..<data.columns { (low, high) = (min(low, data[i, t]), max(high, data[i, t])) }
            if high - low > limits[i] {
                offences[i] += 1
                isRejected = true
            }
        }
        if isRejected { rejectedCount += 1 }
        return isRejected
    }

    /// What was rejected, and the channel that most epochs were rejected for.
    var note: String {
        let worst = offences.indices.max { offences[$0] < offences[$1] } ?? 0
        return "\(rejectedCount) of \(count) epochs rejected, \(offences[worst]) by channel '\(names[worst])'"
    }

    /// An orthonormal basis of projectors over good channels, without directions that depend on the others, as
    /// MNE-Python has it.
    private static func removed(_ projectors: Matrix, _ bad: [Bool]) throws(InputError) -> Matrix {
        var vectors = Matrix(rows: bad.count, columns: projectors.rows) { bad[$0] ? 0 : projectors[$1, $0] }
        for k in 0..<vectors.columns {
            let length = (0..<vectors.rows).reduce(0) { $0 + vectors[$1, k] * vectors[$1, k] }.squareRoot()
            if length > 0 { for i in 0..<vectors.rows { vectors[i, k] /= length } }
        }
        do {
            let parts = try SingularValues(vectors)
            let rank = parts.values.count { $0 > 1e-2 * (parts.values.first ?? 0) }
            return Matrix(rows: vectors.rows, columns: rank) { parts.u[$0, $1] }
        } catch {
            throw InputError("projectors", found: "NaN or infinity", expected: "finite values")
        }
    }
}
