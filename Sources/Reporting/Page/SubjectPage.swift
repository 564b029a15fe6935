import SourceImaging
public enum SubjectPage {
    public struct Entry { public init(name: String, estimate: Estimate, links: [(title: String, target: String)]) {} }
    public struct Options { public var failures: [(condition: String, reason: String)] = []; public init() {} }
    public static func html(_ entries: [Entry], heading: String, options: Options = .init()) throws -> String { "" }
}
