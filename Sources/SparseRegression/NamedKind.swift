/// What options, help, errors and results know of one member of a family, for example of a penalty. A new member is one file
/// that states its kind, and one line in the list of its family. Kinds of one name are equal.
public protocol NamedKind: Sendable, Hashable {
    /// The list: all members that options know.
    static var all: [Self] { get }

    /// Name for options and results, different from all others of the family.
    var name: String { get }
}

extension NamedKind {
    /// The kind of a name; nil where the list has none.
    public static func named(_ name: String) -> Self? { all.first { $0.name == name } }

    /// Whether the two have one name.
    public static func == (a: Self, b: Self) -> Bool { a.name == b.name }

    /// The name.
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
