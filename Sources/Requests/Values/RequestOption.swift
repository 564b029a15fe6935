/// An option of a request by name: what it means, and how a value of it becomes part of the request.
public struct RequestOption<Request>: Sendable {
    /// Its name.
    public let name: SettingName
    /// What it is, a phrase.
    public let help: String
    let set: @Sendable (inout Request, OptionValue, SettingName) throws(InputError) -> Void

    init(
        _ name: SettingName, _ help: String,
        _ set: @escaping @Sendable (inout Request, OptionValue, SettingName) throws(InputError) -> Void
    ) {
        self.name = name
        self.help = help
        self.set = set
    }
}

/// A request whose options callers give by name.
public protocol NamedRequest: Sendable {
    /// The function of it, for messages.
    static var function: String { get }
    /// All that it can be asked.
    static var options: [RequestOption<Self>] { get }
    /// A request with all defaults.
    init()
}

extension NamedRequest {
    /// A request from values by name.
    ///
    /// - Throws: ``InputError`` for a name that it does not have, or a value that its option cannot have.
    public init(_ values: [String: OptionValue]) throws(InputError) {
        self.init()
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            guard let option = Self.options.first(where: { $0.name.rawValue == name }) else {
                throw InputError(
                    "'\(name)'", found: "no option of \(Self.function)",
                    expected: "one of \(Self.options.map(\.name.rawValue).joined(separator: ", "))")
            }
            try option.set(&self, value, option.name)
        }
    }
}

/// Threads to use.
///
/// - Throws: ``InputError`` for a number below one.
func threads(_ value: OptionValue, _ name: SettingName) throws(InputError) -> Parallelism {
    let count = try value.count(name)
    guard (1...1024).contains(count) else { throw InputError(name, found: "\(count)", expected: "1 to 1024") }
    return Parallelism(threads: count)
}

extension StopRule {
    /// The same at another gap, or, without convexity, violation.
    ///
    /// - Throws: ``InputError`` for a gap out of its range.
    public func at(gap: Double) throws(InputError) -> StopRule {
        guard gap.isFinite, gap >= 1e-14, gap < 1 else {
            throw InputError(.gap, found: "\(gap)", expected: "a number from 1e-14 to below 1")
        }
        var rule = self
        (rule.relativeGap, rule.relativeViolation) = (gap, gap)
        return rule
    }
}
