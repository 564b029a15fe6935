/// A forward model: what each sensor measures of a unit current dipole at each source.
public struct Forward: Sendable {
    /// Name of the subject; may be empty.
    public let subject: String
    /// Sensors × (sources·orientations). V/(A·m), T/(A·m) or T/m/(A·m), by kind of sensor. With three orientations
    /// columns 3j…3j+2 are the x, y and z components of source j in the frame of `sources`.
    ///
    /// - Complexity: a copy of the whole gain, each time, where it is lent.
    public var gain: Matrix { stored.matrix }
    /// The gain where it lies.
    let stored: StoredGain
    /// Columns a source: 1 (fixed) or 3 (free).
    public let orientations: Int
    /// Rows of the gain.
    public let sensors: Sensors
    /// The candidate sources.
    public let sources: SourceSpace
    /// How the model came about, as far as the file says it.
    public var acquisition = Acquisition()
    /// Rows that held NaN or infinity, zero now, and what was found in each.
    let defects: [Int: String]

    /// The gain with NaN in the rows that held it, or infinity: for files, in which a zero would pass for a value.
    package var gainWithDefects: Matrix {
        defects.isEmpty
            ? gain : Matrix(rows: gain.rows, columns: gain.columns) { defects[$0] == nil ? gain[$0, $1] : .nan }
    }

    /// A forward model from its parts.
    ///
    /// Rows with NaN or infinity are set to zero and remembered: a localization refuses to use them. Units are not checked
    /// here; see ``plausibilityWarnings()``.
    ///
    /// - Parameters:
    ///   - subject: name; may be empty.
    ///   - gain: sensors × (sources·orientations), SI units, see ``gain``.
    ///   - orientations: columns a source, 1 or 3.
    ///   - sensors: one a row of the gain.
    ///   - sources: one a block of columns.
    /// - Throws: ``InputError`` when shapes disagree, or every row holds NaN or infinity.
    public init(
        subject: String = "", gain: Matrix, orientations: Int, sensors: Sensors, sources: SourceSpace
    ) throws(InputError) {
        try self.init(subject, StoredGain(gain), orientations, sensors, sources)
    }

    /// A forward model whose gain is not copied, unless it holds NaN or infinity; see the other initializer.
    ///
    /// - Throws: ``InputError``.
    public init(
        subject: String = "", lent gain: LentMatrix<Double>, orientations: Int, sensors: Sensors, sources: SourceSpace
    ) throws(InputError) {
        try self.init(subject, StoredGain(lent: gain), orientations, sensors, sources)
    }

    /// A forward model whose gain is in single precision and not copied; see the other initializers.
    ///
    /// - Throws: ``InputError``.
    public init(
        subject: String = "", lent gain: LentMatrix<Float>, orientations: Int, sensors: Sensors, sources: SourceSpace
    ) throws(InputError) {
        try self.init(subject, StoredGain(lent: gain), orientations, sensors, sources)
    }

    private init(
        _ subject: String, _ gain: StoredGain, _ orientations: Int, _ sensors: Sensors, _ sources: SourceSpace
    ) throws(InputError) {
        guard orientations == 1 || orientations == 3 else {
            throw InputError("gain", found: "\(orientations) orientations", expected: "1 (fixed) or 3 (free)")
        }
        guard gain.rows == sensors.count else {
            throw InputError(
                "gain", found: "\(gain.rows) rows", expected: "\(sensors.count), one a channel of sensors/name")
        }
        guard gain.columns == sources.count * orientations else {
            throw InputError(
                "gain", found: "\(gain.columns) columns",
                expected: "\(sources.count * orientations) (\(sources.count) sources × \(orientations) orientations)")
        }
        let (finite, places) = gain.isFinite ? (gain, [:]) : Self.silenced(gain)
        defects = places.mapValues { "\($0.value) at source \($0.column / orientations)" }
        if let first = defects[0], defects.count == sensors.count {
            throw InputError(
                "gain", found: "\(first) of channel '\(sensors.names[0])', and the like in all channels",
                expected: "finite values", advice: "compute the forward again")
        }
        self.subject = subject
        stored = finite
        self.orientations = orientations
        self.sensors = sensors
        self.sources = sources
    }

    private static func silenced(
        _ gain: StoredGain
    ) -> (StoredGain, places: [Int: (column: Int, value: Double)]) {
        let (matrix, places) = gain.matrix.silencingNonFiniteRows()
        return (StoredGain(matrix), places)
    }
}
