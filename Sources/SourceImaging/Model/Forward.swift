/// A forward model: what each sensor measures of a unit current dipole at each source.
public struct Forward: Sendable {
    /// Name of the subject; may be empty.
    public let subject: String
    /// Sensors × (sources·orientations). V/(A·m), T/(A·m) or T/m/(A·m), by kind of sensor. With three orientations
    /// columns 3j…3j+2 are the x, y and z components of source j in the frame of `sources`.
    public let gain: Matrix
    /// Columns a source: 1 (fixed) or 3 (free).
    public let orientations: Int
    /// Rows of the gain.
    public let sensors: Sensors
    /// The candidate sources.
    public let sources: SourceSpace

    /// A forward model from its parts.
    ///
    /// NaN and infinity in rows of channels marked bad are set to zero: nothing reads them. Units are not checked here; see
    /// ``plausibilityWarnings()``.
    ///
    /// - Parameters:
    ///   - subject: name; may be empty.
    ///   - gain: sensors × (sources·orientations), SI units, see ``gain``.
    ///   - orientations: columns a source, 1 or 3.
    ///   - sensors: one a row of the gain.
    ///   - sources: one a block of columns.
    /// - Throws: ``InputError`` when shapes disagree or the gain holds NaN or infinity (the channel and source are named).
    public init(
        subject: String = "", gain: Matrix, orientations: Int, sensors: Sensors, sources: SourceSpace
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
        let gain = gain.silencing(sensors.bad)
        if let (row, column) = gain.firstNonFinite {
            throw InputError(
                "gain",
                found: "\(gain[row, column]) at channel '\(sensors.names[row])', source \(column / orientations)",
                expected: "finite values", advice: "drop that channel or source, or compute the forward again")
        }
        self.subject = subject
        self.gain = gain
        self.orientations = orientations
        self.sensors = sensors
        self.sources = sources
    }
}
