import SourceImaging

/// The channels of a FieldTrip structure that can be used, with their units.
struct FieldTripChannels {
    /// Number of channels in the structure.
    let total: Int
    /// Which of them are kept: those whose unit is one of a sensor.
    let rows: [Int]
    /// Factor to SI units of each that is kept.
    let factors: [Double]
    /// Those that are kept.
    let sensors: Sensors

    /// Types of channels that say nothing about sources.
    private static let otherTypes: Set = [
        "eog", "ecg", "emg", "ref", "refmag", "refgrad", "trigger", "stimulus", "digital trigger", "analog trigger",
        "misc", "other", "audio", "clock", "headloc", "headloc_gof", "respiration", "adc", "dac",
    ]

    /// The channels of a structure.
    ///
    /// - Parameters:
    ///   - file: the file.
    ///   - variable: path of the structure.
    ///   - geometric: whether units follow from positions in metres, so that a prefix of `chanunit` means nothing.
    /// - Throws: ``InputError`` when a channel's unit is not known, with what to add.
    init(_ file: MATLABFile, _ variable: String, geometric: Bool = false) throws(InputError) {
        let labels = try file.texts("\(variable)/label")
        guard !labels.isEmpty else { throw file.error("\(variable)/label", found: "no channels", expected: "names") }
        let (units, types) = try Self.descriptions(file, variable)
        var (rows, factors, kinds) = ([Int](), [Double](), [SensorKind]())
        var unknown: [String] = []
        for (row, label) in labels.enumerated() {
            let type = types[label] ?? ""
            if Self.otherTypes.contains(type) { continue }
            guard let text = units[label] else {
                unknown.append(label)
                continue
            }
            guard let unit = MATLABUnit(text) else {
                throw file.error(
                    "\(variable)/chanunit", found: "'\(text)' for channel '\(label)'", expected: MATLABUnit.choices)
            }
            guard Self.fits(unit, type) else {
                throw file.error(
                    "\(variable)/chanunit", found: "'\(text)' for channel '\(label)' of type '\(type)'",
                    expected: type == "megplanar" ? "T/m, T/cm or fT/cm" : "a unit of that type",
                    advice: "convert with ft_datatype_sens or correct it")
            }
            rows.append(row)
            factors.append(geometric ? 1 : unit.factor)
            kinds.append(unit.kind)
        }
        // Channels that no sensor description knows are no sensors, as long as it knows others.
        if let first = unknown.first(where: { types[$0] != nil }) ?? (rows.isEmpty ? unknown.first : nil) {
            throw file.error(
                variable, found: "no unit for channel '\(first)'" + (unknown.count > 1 ? " and others" : ""),
                expected: "a field 'chanunit' with \(MATLABUnit.choices) for each label",
                advice: "for example \(variable).chanunit = repmat({'V'}, numel(\(variable).label), 1); save again")
        }
        guard !rows.isEmpty else {
            throw file.error(
                "\(variable)/label", found: "\(labels.count) channels, none of EEG or MEG", expected: "sensors")
        }
        total = labels.count
        self.rows = rows
        self.factors = factors
        sensors = try within(file.path) { () throws(InputError) in
            try Sensors(names: rows.map { labels[$0] }, kinds: kinds)
        }
    }

    /// Units and types by the names of channels: of the structure, else of the sensors that it describes.
    private static func descriptions(
        _ file: MATLABFile, _ variable: String
    ) throws(InputError) -> (units: [String: String], types: [String: String]) {
        var units: [String: String] = [:]
        var types: [String: String] = [:]
        for part in ["", "/grad", "/elec", "/hdr", "/cfg/grad", "/cfg/elec"] {
            let place = variable + part
            guard try file.contains(place), try file.contains("\(place)/label") else { continue }
            let names = try file.texts("\(place)/label")
            for (field, isUnit) in [("chanunit", true), ("chantype", false)] {
                guard try !file.isEmpty("\(place)/\(field)") else { continue }
                let values = try file.texts("\(place)/\(field)")
                guard values.count == names.count else {
                    throw file.error(
                        "\(place)/\(field)", found: "\(values.count) entries", expected: "\(names.count), one a label")
                }
                for (name, value) in zip(names, values) where value != "unknown" && !value.isEmpty {
                    if isUnit {
                        units[name] = units[name] ?? value
                    } else {
                        types[name] = types[name] ?? value.lowercased()
                    }
                }
            }
        }
        return (units, types)
    }

    /// Whether channels of a type may have a unit.
    private static func fits(_ unit: MATLABUnit, _ type: String) -> Bool {
        switch type {
        case "": true
        case "eeg": unit.kind == .eeg
        case "megplanar": unit.kind == .grad
        default: type.hasPrefix("meg") ? unit.kind != .eeg : unit.kind == .eeg || !type.contains("eeg")
        }
    }

    /// The rows that are kept, in SI units.
    func scaled(_ data: Matrix) -> Matrix {
        Matrix(rows: rows.count, columns: data.columns) { data[rows[$0], $1] * factors[$0] }
    }
}
