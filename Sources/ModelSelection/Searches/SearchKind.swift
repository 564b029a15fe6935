/// What is known of a search by its name, and how it is made.
public struct SearchKind: NamedKind {
    /// What a search is made of.
    public struct Request: Sendable {
        /// Points along each side of a grid, or in all of another search that looks everywhere; nil for its usual number.
        public let evaluations: Int?
        /// Number of hyperparameters.
        public let dimension: Int
        /// Of its draws.
        public let seed: UInt64
        /// Whether what is found is but a start.
        public var isRough = false
    }

    /// How many hyperparameters a search can do with.
    public enum Reach: Int, Sendable, Comparable {
        /// One λ.
        case one
        /// One or two.
        case few
        /// A λ_j for every source.
        case many

        /// Whether it is fewer.
        public static func < (a: Reach, b: Reach) -> Bool { a.rawValue < b.rawValue }
    }

    /// Where a search looks.
    public enum Route: Sendable {
        /// Where the criterion falls: only at a bound of its domain the minimum may lie beyond.
        case downhill
        /// From the upper bound down until the criterion has turned: the minimum may lie beyond the last point.
        case path
        /// Everywhere in its domain, as often as it is asked to. It would spend its time where solves are slow, at small λ.
        case everywhere
    }

    /// Name for options and results, that of the search.
    public let name: String
    /// One line of help.
    public let help: String
    /// How many hyperparameters it can do with.
    public let reach: Reach
    /// Where it looks.
    public let route: Route
    /// Makes the search.
    public let make: @Sendable (Request) -> any Search

    /// - Parameters:
    ///   - name: that of the search, different from all others.
    ///   - help: one line.
    ///   - reach: how many hyperparameters it can do with.
    ///   - route: where it looks.
    ///   - make: makes the search.
    public init(
        _ name: String, help: String, reach: Reach, route: Route = .downhill,
        make: @escaping @Sendable (Request) -> any Search
    ) {
        self.name = name
        self.help = help
        self.reach = reach
        self.route = route
        self.make = make
    }

    /// The searches that options know.
    ///
    /// A program with searches of its own binds the longer list around what reads options: `SearchKind.$all.withValue`.
    @TaskLocal public static var all: [SearchKind] = [
        .path, .brent, .grid, .random, .bayesian, .gradient, .lineSearch, .quasiNewton, .adam,
    ]

    /// The names of those that can do with so many hyperparameters, for messages.
    public static func names(reaching reach: Reach) -> String {
        all.filter { $0.reach >= reach }.map(\.name).joined(separator: ", ")
    }
}
