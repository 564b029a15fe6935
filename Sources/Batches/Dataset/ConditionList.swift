import Foci

/// The conditions of a recording as entries of a batch.
struct ConditionList {
    let shared: SharedInputs

    /// An entry a condition that is wanted.
    ///
    /// - Parameters:
    ///   - recording: path of the recording.
    ///   - fallback: what the condition is called where the recording holds one alone without a name.
    /// - Throws: ``InputError`` when the recording cannot be opened, or holds none of the conditions wanted.
    func entries(of recording: String, fallback: String = "evoked") throws(InputError) -> [BatchEntry] {
        let reader = try FileFormats.open(recording)
        guard reader.contents.contains(.recording) else {
            throw InputError(recording, found: "no recording in it", expected: "an average, epochs or a raw recording")
        }
        let names = reader.conditions.map(\.name)
        // Conditions of raw recordings come from events: one entry, told apart by the options of the batch.
        guard !names.isEmpty, shared.reading.epochs.events == nil else {
            return [BatchEntry(label: fallback, condition: "", recording: recording)]
        }
        let chosen = shared.conditions.isEmpty ? Array(names.indices) : Self.chosen(shared.conditions, of: names)
        guard !chosen.isEmpty else {
            throw InputError(
                recording, found: "none of the conditions \(shared.conditions.joined(separator: ", "))",
                expected: "one of " + names.prefix(12).map { "'\($0)'" }.joined(separator: ", "))
        }
        var used = Set<String>()
        return chosen.map { index in
            let name = names[index]
            let title = ConditionTitle.of(name)
            var label = title.isEmpty ? fallback : BIDSName.label(title)
            if !used.insert(label).inserted {
                label += "Condition\(index)"
                used.insert(label)
            }
            let isUnique = !name.isEmpty && names.count { $0 == name } == 1
            return BatchEntry(
                label: label, condition: title, recording: recording,
                selector: names.count == 1 ? nil : isUnique ? name : String(index))
        }
    }

    /// The conditions that names, parts of names between slashes or indices choose.
    static func chosen(_ wanted: [String], of names: [String]) -> [Int] {
        var chosen = Set<Int>()
        for text in wanted {
            let matching = names.indices.filter {
                matches(text, names[$0]) || matches(text, ConditionTitle.of(names[$0]))
            }
            if !matching.isEmpty {
                chosen.formUnion(matching)
            } else if let index = Int(text), names.indices.contains(index) {
                chosen.insert(index)
            }
        }
        return chosen.sorted()
    }

    /// Whether a condition is meant by its name, or by parts of it between slashes.
    static func matches(_ wanted: String, _ name: String) -> Bool {
        if wanted == name { return true }
        let tags = wanted.split(separator: "/")
        let own = Set(name.split(separator: "/"))
        return !tags.isEmpty && tags.allSatisfy { own.contains($0) }
    }

    /// `meg` or `eeg`, by what a recording measures.
    ///
    /// - Throws: ``InputError`` when its channels cannot be read.
    static func datatype(of recording: String) throws(InputError) -> String {
        try FileFormats.open(recording).lookUpSensors().kinds.contains { $0 != .eeg } ? "meg" : "eeg"
    }
}
