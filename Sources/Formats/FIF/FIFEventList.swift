import SourceImaging

/// The list of events in a FIF file: of its epochs, or for a raw recording.
struct FIFEventList: Sendable {
    /// Numbers of samples.
    let samples: [Double]
    /// Codes, one a sample.
    let codes: [Double]
    /// What codes mean, as far as the file says it.
    let names: [(name: String, code: Int)]

    /// Finds the list; nil where there is none.
    ///
    /// - Throws: ``InputError`` when it is damaged.
    init?(_ tree: FIFTree) throws(InputError) {
        guard let block = tree.blocks(FIFBlockKind.events).first else { return nil }
        var values: [Double] = []
        if let tag = tree.tag(FIFKind.eventList, in: block) {
            values = try tree.numbers(tag).read()
            guard values.count.isMultiple(of: 3) else {
                throw InputError(
                    tree.place(tag), found: "\(values.count) numbers", expected: "three an event: sample, before, code")
            }
        }
        samples = stride(from: 0, to: values.count, by: 3).map { values[$0] }
        codes = stride(from: 2, to: values.count, by: 3).map { values[$0] }
        names = Self.names(try tree.string(FIFKind.comment, in: block) ?? "")
    }

    /// Names and codes from `name:code;name:code`; a name may hold colons.
    private static func names(_ text: String) -> [(name: String, code: Int)] {
        text.split(separator: ";").compactMap { entry in
            guard let colon = entry.lastIndex(of: ":"), let code = Int(entry[entry.index(after: colon)...]) else {
                return nil
            }
            return (String(entry[..<colon]), code)
        }
    }
}
