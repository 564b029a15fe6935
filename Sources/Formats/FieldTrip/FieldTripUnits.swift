import Foundation
import SourceImaging

/// How large the numbers of a structure are, channel by channel.
struct FieldTripSizes {
    /// Path of the numbers.
    let place: String
    /// Standard deviation of each channel of the structure in the unit as stored; zero or NaN where there is none.
    let deviations: [Double]

    /// The median of some channels; nil where none of them has a deviation.
    func median(_ rows: [Int]) -> Double? {
        let sorted = rows.map { deviations[$0] }.filter { $0 > 0 && $0.isFinite }.sorted()
        return sorted.isEmpty ? nil : sorted[sorted.count / 2]
    }
}

/// Decides on units that nothing states of the data, by the size of the numbers.
///
/// EEG in V and in µV, and magnetometers in T and fT, are decades apart. Planar gradiometers are told by their ratio to
/// the magnetometers beside them: 10 to 120 per metre in real data, so 0.1 to 1.2 per centimetre. What lies between is in
/// doubt. The unit in the description of a sensor array belongs to its geometry, which FieldTrip has in cm by default
/// where the data stay in T/m: it holds only as far as sizes do not contradict it.
struct FieldTripUnits {
    private let file: MATLABFile
    private let variable: String
    private let labels: [String]
    private let described: FieldTripDescriptions
    private let sizes: [FieldTripSizes]
    /// What was decided otherwise than a sensor array has it, or without one, one line each.
    private(set) var notes: [Message] = []

    init(
        _ file: MATLABFile, _ variable: String, labels: [String], _ described: FieldTripDescriptions,
        sizes: [FieldTripSizes]
    ) {
        self.file = file
        self.variable = variable
        self.labels = labels
        self.described = described
        self.sizes = sizes
    }

    /// Channels of one kind whose units are to be found, and what their sensor array says.
    private struct Group {
        let kind: SensorKind
        let rows: [Int]
        let hint: (unit: MATLABUnit, place: String)?
    }

    /// Units for all channels: those stated, and those decided.
    ///
    /// - Parameters:
    ///   - stated: one a kept channel; nil where nothing states it.
    ///   - rows: the kept channels.
    ///   - kinds: what each measures.
    /// - Throws: ``InputError`` where sizes leave a doubt, with what to add.
    mutating func completed(
        _ stated: [MATLABUnit?], rows: [Int], kinds: [SensorKind]
    ) throws(InputError) -> [MATLABUnit?] {
        var units = stated
        // Gradiometers last: they are compared with magnetometers.
        for kind in [SensorKind.eeg, .mag, .grad] {
            let open = rows.indices.filter { kinds[$0] == kind && stated[$0] == nil }
            // An array that describes gradiometers in T says what its coils measure, not what the data are in.
            let hints = open.map { k in described.hints[labels[rows[k]]].flatMap { $0.unit.kind == kind ? $0 : nil } }
            let names = Set(hints.compactMap { $0?.unit.name })
            let magnetometers = rows.indices.filter { kinds[$0] == .mag && units[$0] != nil }
            let factors = Dictionary(uniqueKeysWithValues: magnetometers.map { (rows[$0], units[$0]?.factor ?? 1) })
            // Channels that no array describes go with the others of their kind.
            let groups = Dictionary(grouping: open.indices) { k in
                hints[k]?.unit.name ?? (names.count == 1 ? names.first : nil) ?? ""
            }
            for (_, members) in groups.sorted(by: { $0.key < $1.key }) {
                let group = Group(
                    kind: kind, rows: members.map { rows[open[$0]] }, hint: members.lazy.compactMap { hints[$0] }.first)
                let unit = try decide(group, magnetometers: factors)
                for member in members { units[open[member]] = unit }
            }
        }
        return units
    }

    private mutating func decide(
        _ group: Group, magnetometers: [Int: Double]
    ) throws(InputError) -> MATLABUnit {
        let measured = sizes.compactMap { sizes -> Size? in
            guard let median = sizes.median(group.rows) else { return nil }
            let field = FieldTripSizes(
                place: sizes.place,
                deviations: sizes.deviations.enumerated().map { $1 * (magnetometers[$0] ?? 0) }
            ).median(Array(magnetometers.keys))
            return Size(median: median, magnetometers: field)
        }
        let clear = measured.compactMap { size in clearUnit(group.kind, size).map { (unit: $0, size: size) } }
        if let first = clear.first {
            guard clear.allSatisfy({ $0.unit.name == first.unit.name }) else { throw doubt(group, measured) }
            if group.hint?.unit.factor != first.unit.factor { note(group, first.unit, first.size) }
            return first.unit
        }
        guard let hint = group.hint?.unit, !measured.isEmpty, measured.allSatisfy({ hint.isConsistent(with: $0) })
        else {
            throw doubt(group, measured)
        }
        return hint
    }

    /// The unit that numbers of a size must be in; nil where there is a doubt.
    private func clearUnit(_ kind: SensorKind, _ size: Size) -> MATLABUnit? {
        let median = size.median
        switch kind {
        case .eeg:
            if (1e-8...1e-3).contains(median) { return MATLABUnit("V") }
            return (0.03...1e3).contains(median) ? MATLABUnit("uV") : nil
        case .mag:
            if (1e-16...1e-9).contains(median) { return MATLABUnit("T") }
            return (1...1e6).contains(median) ? MATLABUnit("fT") : nil
        case .grad:
            guard let ratio = size.ratio, let prefix = size.gradientPrefix else { return nil }
            var length: String?
            if (10...1000).contains(ratio) { length = "m" }
            if described.isInMillimetres {
                if (0.003...0.1).contains(ratio) { length = "mm" }
            } else if (0.02...1).contains(ratio) {
                length = "cm"
            }
            guard let length, let unit = MATLABUnit("\(prefix)T/\(length)") else { return nil }
            // Interference from far away has small ratios, too, but is large itself.
            return (1e-14...3e-10).contains(median * unit.factor) ? unit : nil
        }
    }

    // MARK: What is said

    private mutating func note(_ group: Group, _ unit: MATLABUnit, _ size: Size) {
        var line = "\(variable): \(group.kind.plural) are taken to be in \(unit.name)"
        if let hint = group.hint {
            line += ", not in \(hint.unit.name) as \(readable(hint.place)) has it, which is that of the geometry"
        } else {
            line += ", which nothing in the file states"
        }
        notes.append(Message("\(line): \(size.text)"))
    }

    private func doubt(_ group: Group, _ sizes: [Size]) -> InputError {
        var found = "no unit for channel '\(labels[group.rows[0]])'" + (group.rows.count > 1 ? " and others" : "")
        if let hint = group.hint {
            found += ": '\(hint.unit.name)' in \(readable(hint.place)) is that of the geometry"
        }
        found += sizes.isEmpty ? ", and there are no numbers to tell it by" : ", and sizes leave it in doubt"
        if !sizes.isEmpty { found += " (" + sizes.map(\.text).joined(separator: "; ") + ")" }
        // Not the hint: it is what may be wrong.
        let unit = group.kind.unit
        return file.error(
            variable, found: found, expected: "a field 'chanunit' with \(MATLABUnit.choices) for each label",
            advice: "\(variable).chanunit = repmat({'\(unit)'}, numel(\(variable).label), 1) if all are in \(unit), "
                + "else each with its own unit ('unknown' for channels that are not in doubt); save again")
    }

    private func readable(_ place: String) -> String { place.split(separator: "/").joined(separator: ".") }
}

/// How large the numbers of some channels are.
private struct Size {
    /// Median of their standard deviations, in the unit as stored.
    let median: Double
    /// The same of the magnetometers beside them, T; nil where there are none.
    let magnetometers: Double?

    /// Prefix of the unit of planar gradiometers: none or `f`; nil where it is in doubt.
    var gradientPrefix: String? { median <= 1e-6 ? "" : median >= 1e-2 ? "f" : nil }

    /// Size of planar gradiometers per length, over that of magnetometers: in 1/m when they are in T/m.
    var ratio: Double? {
        guard let magnetometers, let gradientPrefix else { return nil }
        return median * (gradientPrefix.isEmpty ? 1 : 1e-15) / magnetometers
    }

    var text: String {
        let size = String(format: "their deviations are %.2g in the median", median)
        return size + (ratio.map { String(format: ", %.2g times those of magnetometers", $0) } ?? "")
    }
}

extension MATLABUnit {
    /// Whether the unit of a sensor array may be that of numbers whose size does not tell it.
    fileprivate func isConsistent(with size: Size) -> Bool {
        switch name {
        case "mV": (1e-7...1e-3).contains(size.median * factor)
        case "pT": (1e-15...1e-9).contains(size.median * factor)
        // T/m is no sign of a geometry in another unit; a prefix was given to the data on purpose.
        case "T/m": size.gradientPrefix == ""
        case "fT/m": size.gradientPrefix == "f"
        case "fT/cm", "fT/mm": size.gradientPrefix == "f" && size.magnetometers == nil
        default: false
        }
    }
}
