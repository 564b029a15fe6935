/// What a user should know or can do, in plain English; settings stand in it by themselves, so that each caller names them
/// as its users do: `"use \(.orientation) free"`.
public struct Message: Sendable, Equatable, ExpressibleByStringInterpolation {
    fileprivate enum Part: Sendable, Equatable {
        case text(String)
        case setting(SettingName)
    }

    private var parts: [Part]

    /// Text without a setting.
    public init(stringLiteral text: String) { parts = text.isEmpty ? [] : [.text(text)] }

    /// Text without a setting.
    public init(_ text: String) { self.init(stringLiteral: text) }

    /// Text with settings.
    public init(stringInterpolation: StringInterpolation) { parts = stringInterpolation.parts }

    /// The text in words, settings as `name` says.
    public func text(naming name: (SettingName) -> String) -> String {
        parts.reduce(into: "") { text, part in
            switch part {
            case .text(let piece): text += piece
            case .setting(let setting): text += name(setting)
            }
        }
    }

    /// Whether there is no text.
    public var isEmpty: Bool { parts.isEmpty }

    /// One after the other.
    public static func + (first: Message, second: Message) -> Message {
        var both = first
        both.parts += second.parts
        return both
    }

    /// Gathers text and settings.
    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var parts: [Part] = []

        /// Nothing yet.
        public init(literalCapacity: Int, interpolationCount: Int) {}

        /// Adds text.
        public mutating func appendLiteral(_ literal: String) { parts.append(.text(literal)) }

        /// Adds a setting.
        public mutating func appendInterpolation(_ setting: SettingName) { parts.append(.setting(setting)) }

        /// Adds a value as text.
        public mutating func appendInterpolation(_ value: some CustomStringConvertible) {
            parts.append(.text(value.description))
        }
    }
}
