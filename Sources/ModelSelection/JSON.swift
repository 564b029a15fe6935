import FoundationEssentials

/// JSON as all of the program writes it: keys sorted, numbers that are not finite as text (`inf`, `-inf`, `nan`).
package enum JSON {
    /// A value as text without a final newline.
    ///
    /// - Parameters:
    ///   - value: what to write.
    ///   - isIndented: whether every key has a line of its own, for people; else all is one line, for programs.
    ///   - keys: how names of properties become keys.
    /// - Throws: `EncodingError`.
    package static func text(
        _ value: some Encodable, isIndented: Bool, keys: JSONEncoder.KeyEncodingStrategy = .useDefaultKeys
    ) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            isIndented ? [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes] : [.sortedKeys]
        encoder.keyEncodingStrategy = keys
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// A value from its text.
    ///
    /// - Throws: `DecodingError`.
    package static func value<Value: Decodable>(_ type: Value.Type, from text: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try decoder.decode(type, from: text)
    }
}
