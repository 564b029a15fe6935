import SourceImaging

/// The channels of a FieldTrip structure that can be used, with their units.
struct FieldTripChannels {
    /// Number of channels in the structure.
    let total: Int
    /// Which of them are kept: those that are sensors of the brain.
    let rows: [Int]
    /// Factor to SI units of each that is kept.
    let factors: [Double]
    /// Those that are kept.
    let sensors: Sensors
    /// What had to be decided, one line each.
    let notes: [Message]

    /// Where units of a structure come from.
    enum UnitRule {
        /// Of data: what is stated of the data themselves, then what their sizes leave no doubt about. What is stated of
        /// sensors, whose geometry may have been converted since, is a hint.
        case sizes((_ channels: Int) throws(InputError) -> [FieldTripSizes])
        /// Of lead fields: whatever states them, also of the geometry that they were computed for.
        case stated
        /// Of lead fields of positions in metres: SI units; what is stated tells kinds alone.
        case metres
    }

    /// The channels of a structure.
    ///
    /// - Parameters:
    ///   - file: the file.
    ///   - variable: path of the structure.
    ///   - rule: where units come from.
    /// - Throws: ``InputError`` when a channel's unit is not known, with what to add.
    init(_ file: MATLABFile, _ variable: String, _ rule: UnitRule) throws(InputError) {
        let labels = try file.texts("\(variable)/label")
        guard !labels.isEmpty else { throw file.error("\(variable)/label", found: "no channels", expected: "names") }
        var isLeadField = true
        if case .sizes = rule { isLeadField = false }
        let described = try FieldTripDescriptions(file, variable, sensorsStateUnits: isLeadField)
        var (rows, kinds, units) = ([Int](), [SensorKind](), [MATLABUnit?]())
        var unknown: [String] = []
        for (row, label) in labels.enumerated() where !described.isOther(label) {
            let unit = try described.statedUnit(label, file, variable)
            guard let kind = unit?.kind ?? (isLeadField ? nil : described.kind(label)) else {
                unknown.append(label)
                continue
            }
            rows.append(row)
            kinds.append(kind)
            units.append(unit)
        }
        // Channels that no description knows are no sensors, as long as it knows others.
        let sensor = unknown.first { isLeadField ? described.types[$0] != nil : described.isInArray($0) }
        if let first = sensor ?? (rows.isEmpty ? unknown.first : nil) {
            throw file.error(
                variable, found: "no unit for channel '\(first)'" + (unknown.count > 1 ? " and others" : ""),
                expected: "a field 'chanunit' with \(MATLABUnit.choices) for each label",
                advice: "for example \(variable).chanunit = repmat({'V'}, numel(\(variable).label), 1); save again")
        }
        guard !rows.isEmpty else {
            throw file.error(
                "\(variable)/label", found: "\(labels.count) channels, none of EEG or MEG", expected: "sensors")
        }
        var notes: [Message] = []
        if case .sizes(let sizes) = rule, units.contains(where: { $0 == nil }) {
            var decision = FieldTripUnits(file, variable, labels: labels, described, sizes: try sizes(labels.count))
            units = try decision.completed(units, rows: rows, kinds: kinds)
            notes = decision.notes
        }
        total = labels.count
        self.rows = rows
        self.notes = notes
        if case .metres = rule { factors = rows.map { _ in 1 } } else { factors = units.map { $0?.factor ?? 1 } }
        let compensation = try Self.compensation(file, variable)
        let names = rows.map { labels[$0] }
        let parts = isLeadField ? ["cfg/elec", "cfg/grad", "elec", "grad"] : ["elec", "grad"]
        let locations = Self.locations(file, parts.map { "\(variable)/\($0)" }, names)
        sensors = try within(file.path) { () throws(InputError) in
            try Sensors(
                names: names, kinds: kinds, locations: locations,
                compensations: compensation.map { name in kinds.map { $0 == .eeg ? "none" : name } })
        }
    }

    /// The gradient compensation of MEG, as the description of the sensors has it, whatever components were removed from it;
    /// nil where it says nothing.
    private static func compensation(_ file: MATLABFile, _ variable: String) throws(InputError) -> String? {
        for part in ["grad", "cfg/grad", "hdr/grad"] {
            let place = "\(variable)/\(part)/balance/current"
            guard try file.contains(place), try !file.isStruct(place) else { continue }
            guard try ["char", "cell"].contains(file.className(of: place)) else { continue }
            var names = try file.texts(place)
            // Removed components stand on top of what was done before.
            let before = "\(variable)/\(part)/balance/previous"
            if try file.contains(before), try ["char", "cell"].contains(file.className(of: before)) {
                names += try file.texts(before)
            }
            if names.contains("planar") { return "planar" }
            let grades = ["G1BR": "grade 1", "G2BR": "grade 2", "G3BR": "grade 3"]
            return names.lazy.compactMap { grades[$0] }.first ?? "none"
        }
        return nil
    }

    /// Positions of channels in m as sensor arrays have them, NaN where none has one; nil where none has any.
    private static func locations(_ file: MATLABFile, _ arrays: [String], _ names: [String]) -> Matrix? {
        var places: [String: SIMD3<Double>] = [:]
        for array in arrays {
            guard let unit = try? file.text("\(array)/unit"), let factor = MATLABUnit.length(unit),
                let labels = try? file.texts("\(array)/label")
            else { continue }
            for field in ["chanpos", "elecpos"] {
                guard let found = try? file.vectors("\(array)/\(field)"), found.count == labels.count else { continue }
                for (label, place) in zip(labels, found) { places[label] = places[label] ?? place * factor }
                break
            }
        }
        guard names.contains(where: { places[$0] != nil }) else { return nil }
        return Matrix(rows: names.count, columns: 12) { i, k in k < 3 ? places[names[i]]?[k] ?? .nan : 0 }
    }

    /// The rows that are kept, in SI units.
    func scaled(_ data: Matrix) -> Matrix {
        Matrix(rows: rows.count, columns: data.columns) { data[rows[$0], $1] * factors[$0] }
    }
}
