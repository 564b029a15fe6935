import Foundation

/// A JSON value with its type as it stands in the text: `true` is no number.
enum JSON: Decodable, Equatable {
    case null
    case boolean(Bool)
    case number(Double)
    case text(String)
    case list([JSON])
    case object([String: JSON])

    /// A value from its text.
    ///
    /// - Throws: `DecodingError` when the text is no JSON.
    init(parsing text: String) throws {
        self = try JSONDecoder().decode(JSON.self, from: Data(text.utf8))
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    /// The member of an object; null where there is none.
    subscript(key: String) -> JSON { object[key] ?? .null }

    /// Members; none unless this is an object.
    var object: [String: JSON] { if case .object(let value) = self { value } else { [:] } }
    /// Elements; none unless this is a list.
    var list: [JSON] { if case .list(let value) = self { value } else { [] } }
    /// The number, or nil.
    var number: Double? { if case .number(let value) = self { value } else { nil } }
    /// The whole number, or nil.
    var integer: Int? { number.flatMap { Int(exactly: $0) } }
    /// The text, or nil.
    var text: String? { if case .text(let value) = self { value } else { nil } }
    /// The truth value, or nil.
    var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }

    /// The same object without a member.
    func removing(_ key: String) -> JSON {
        var members = object
        members[key] = nil
        return .object(members)
    }
}
