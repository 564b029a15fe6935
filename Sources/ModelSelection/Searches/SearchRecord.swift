import FoundationEssentials

/// The whole history of a search: what it found, and all that is needed to take it up again.
public struct SearchRecord: Sendable, Equatable, Codable {
    /// Name of the search.
    public let search: String
    /// What is minimized: criterion, penalty and problem, told apart by name, size and a hash of settings and data.
    public let subject: String
    /// Where it looks.
    public let domain: SearchDomain
    /// Where it began.
    public let start: [Double]
    /// All that was evaluated, in order.
    public internal(set) var points: [SearchPoint]
    /// Why it ended; nil while it goes on.
    public internal(set) var end: SearchEnd?

    /// The point of smallest value, of equals the first; nil where none was evaluated.
    public var best: SearchPoint? { points.min { $0.value < $1.value } }

    /// Problems solved.
    public var innerSolves: Int { points.reduce(0) { $0 + $1.innerSolves } }

    /// The record as JSON; numbers that are not finite are written as text.
    ///
    /// - Throws: `EncodingError`.
    public func json() throws -> Data { Data(try JSON.text(self, isIndented: false).utf8) }

    /// A record from its JSON. Whether it belongs to a search is found out when the search takes it up.
    ///
    /// - Throws: `DecodingError`.
    public init(json: Data) throws {
        self = try JSON.value(SearchRecord.self, from: json)
        // Counts that no search reaches are of no search, and their sums would overflow.
        let counts = points.lazy.flatMap { [$0.activeCount, $0.innerSolves, $0.epochs, $0.fullPasses] }
        guard points.count <= 1_000_000, counts.allSatisfy({ (0...1_000_000_000_000).contains($0) }) else {
            throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "counts beyond any search"))
        }
    }

    init(search: String, subject: String, domain: SearchDomain, start: [Double]) {
        self.search = search
        self.subject = subject
        self.domain = domain
        self.start = start
        points = []
    }

    /// Whether all its vectors have one dimension.
    func hasDimension(_ dimension: Int) -> Bool {
        domain.lower.count == dimension && domain.upper.count == dimension && start.count == dimension
            && points.allSatisfy { $0.logs.count == dimension && ($0.gradient?.count ?? dimension) == dimension }
    }
}

/// Why a record cannot be taken up.
public enum InvalidRecord: Error, Equatable, Sendable, CustomStringConvertible {
    /// It is of another search.
    case search(found: String, expected: String)
    /// It is of another criterion, penalty or problem.
    case subject(found: String, expected: String)
    /// It is of another number of hyperparameters.
    case dimension(expected: Int)
    /// From this evaluation on it is not what the search does with these settings.
    case history(evaluation: Int)

    /// One line in plain English.
    public var description: String {
        switch self {
        case .search(let found, let expected): "a record of the search '\(found)'; expected one of '\(expected)'"
        case .subject(let found, let expected): "a record of \(found); expected one of \(expected)"
        case .dimension(let expected): "a record of another number of hyperparameters; expected \(expected)"
        case .history(let evaluation):
            "evaluation \(evaluation) of the record is not what the search does with these settings; expected the settings it was made with"
        }
    }
}

/// How long a search may go on, and how exactly it is evaluated.
public struct SearchLimit: Sendable, Equatable {
    /// Most evaluations, those before a resumption included.
    public var maximumEvaluations: Int
    /// Longest time of this run, s.
    public var maximumSeconds: Double
    /// How exactly each problem is solved.
    public var stop: StopRule

    /// - Parameters:
    ///   - maximumEvaluations: most evaluations, those before a resumption included.
    ///   - maximumSeconds: longest time of one run, s; looked at between evaluations.
    ///   - stop: how exactly each problem is solved.
    public init(maximumEvaluations: Int = 10_000, maximumSeconds: Double = .infinity, stop: StopRule = StopRule()) {
        self.maximumEvaluations = maximumEvaluations
        self.maximumSeconds = maximumSeconds
        self.stop = stop
    }
}
