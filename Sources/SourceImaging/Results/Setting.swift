/// A setting as a user would give it: `orientation`, `loose`. Lists of them keep the order of the options.
public struct Setting: Sendable, Equatable {
    /// Name, as the option is called but with underscores.
    public let name: String
    /// Value as text.
    public let value: String

    /// A setting; nothing is checked.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}
