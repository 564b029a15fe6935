import SourceImaging

/// What a FieldTrip structure, its header and its sensor arrays say of channels, by their names.
struct FieldTripDescriptions {
    /// Units of the numbers themselves.
    private(set) var units: [String: String] = [:]
    /// Units in the description of a sensor array, and where they stand.
    private(set) var hints: [String: (unit: MATLABUnit, place: String)] = [:]
    /// Types in lower case.
    private(set) var types: [String: String] = [:]
    /// Channels of electrode arrays, and those of MEG sensor arrays.
    private var (electrodes, coils): (Set<String>, Set<String>) = ([], [])
    /// Whether positions of MEG sensors are in millimetres.
    private(set) var isInMillimetres = false

    /// Types of channels that say nothing about sources.
    private static let otherTypes: Set = [
        "eog", "ecg", "emg", "ref", "refmag", "refgrad", "trigger", "stimulus", "digital trigger", "analog trigger",
        "other trigger", "misc", "other", "audio", "clock", "headloc", "headloc_gof", "respiration", "adc", "dac",
    ]

    /// Reads what a structure says.
    ///
    /// - Parameters:
    ///   - file: the file.
    ///   - variable: path of the structure.
    ///   - sensorsStateUnits: whether units of sensor arrays are those of the numbers.
    /// - Throws: ``InputError`` when a list has another length than the labels.
    init(_ file: MATLABFile, _ variable: String, sensorsStateUnits: Bool) throws(InputError) {
        let data = ["", "/hdr", "/cfg/hdr"]
        let arrays = ["/grad", "/elec", "/cfg/grad", "/cfg/elec"]
        for part in sensorsStateUnits ? ["", "/grad", "/elec", "/hdr", "/cfg/grad", "/cfg/elec"] : data + arrays {
            let place = variable + part
            guard try file.contains(place), try file.contains("\(place)/label") else { continue }
            let names = try file.texts("\(place)/label")
            let isArray = arrays.contains(part)
            if part.hasSuffix("elec") { electrodes.formUnion(names) }
            if part.hasSuffix("grad") {
                coils.formUnion(names)
                if try file.textIfAny("\(place)/unit") == "mm" { isInMillimetres = true }
            }
            let (chantypes, chanunits) = (
                try Self.values("\(place)/chantype", names.count, file),
                try Self.values("\(place)/chanunit", names.count, file)
            )
            for (name, value) in zip(names, chantypes) where !value.isEmpty {
                types[name] = types[name] ?? value.lowercased()
            }
            for (name, value) in zip(names, chanunits) where !value.isEmpty {
                if !isArray || sensorsStateUnits {
                    units[name] = units[name] ?? value
                } else if hints[name] == nil, let unit = MATLABUnit(value) {
                    hints[name] = (unit, "\(place)/chanunit")
                }
            }
        }
    }

    /// A text for each label, empty where it is unknown; none where there is no such field.
    private static func values(_ place: String, _ count: Int, _ file: MATLABFile) throws(InputError) -> [String] {
        guard try !file.isEmpty(place) else { return [] }
        let values = try file.texts(place)
        guard values.count == count else {
            throw file.error(place, found: "\(values.count) entries", expected: "\(count), one a label")
        }
        return values.map { $0 == "unknown" ? "" : $0 }
    }

    /// Whether a channel is one of a sensor array.
    func isInArray(_ label: String) -> Bool { electrodes.contains(label) || coils.contains(label) }

    /// Whether a channel says nothing about sources.
    func isOther(_ label: String) -> Bool { Self.otherTypes.contains(types[label] ?? "") }

    /// The unit that is stated for a channel's numbers; nil where none is, or none of a sensor for what is none.
    ///
    /// - Throws: ``InputError`` when it is none that is known, or none of the channel's type.
    func statedUnit(_ label: String, _ file: MATLABFile, _ variable: String) throws(InputError) -> MATLABUnit? {
        guard let text = units[label] else { return nil }
        let type = types[label] ?? ""
        guard let unit = MATLABUnit(text) else {
            // Clocks and coils, which nobody takes for sensors, have units of their own.
            guard kind(label) != nil || isInArray(label) else { return nil }
            throw file.error(
                "\(variable)/chanunit", found: "'\(text)' for channel '\(label)'", expected: MATLABUnit.choices)
        }
        let fits =
            switch type {
            case "": true
            case "eeg": unit.kind == .eeg
            case "megplanar": unit.kind == .grad
            default: type.hasPrefix("meg") ? unit.kind != .eeg : unit.kind == .eeg || !type.contains("eeg")
            }
        guard fits else {
            throw file.error(
                "\(variable)/chanunit", found: "'\(text)' for channel '\(label)' of type '\(type)'",
                expected: type == "megplanar" ? "T/m, T/cm or fT/cm" : "a unit of that type",
                advice: "convert with ft_datatype_sens or correct it")
        }
        return unit
    }

    /// What a channel without a stated unit measures; nil where nothing tells.
    func kind(_ label: String) -> SensorKind? {
        switch types[label] ?? "" {
        case "eeg": .eeg
        case "megplanar": .grad
        // Axial gradiometers (CTF, 4D) measure a difference of fields, in T.
        case let type where type.hasPrefix("meg"): hints[label]?.unit.kind == .grad ? .grad : .mag
        default: hints[label]?.unit.kind ?? (electrodes.contains(label) ? .eeg : nil)
        }
    }
}
