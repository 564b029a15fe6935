/// Variables over time, by their names: what ``DynamicsRequest`` is asked about.
public struct NamedTrajectories: Sendable {
    /// The epochs.
    public let trajectories: Trajectories
    /// Names of the variables, in order.
    public let names: [String]
    /// What is known beside the numbers.
    public let facts: RecordingFacts
    /// Where they come from, for messages.
    let place: InputError.Place
    /// Where the variables are, m; empty where they are nowhere.
    public let positions: [SIMD3<Double>]

    /// Trajectories of epochs.
    ///
    /// - Parameters:
    ///   - epochs: each variables × samples, in any unit.
    ///   - interval: from one sample to the next, s.
    ///   - names: of the variables, each another.
    ///   - facts: what is known beside the numbers.
    ///   - positions: of the variables, m, or none.
    /// - Throws: ``InputError`` for numbers that cannot be worked with, and names or positions that are not one a variable.
    public init(
        epochs: [Matrix], interval: Double, names: [String], facts: RecordingFacts = RecordingFacts(),
        positions: [SIMD3<Double>] = []
    ) throws(InputError) {
        let count = epochs.first?.rows ?? 0
        guard count > 1 else {
            throw InputError(
                "epochs", found: count == 1 ? "one variable" : "\(count) variables",
                expected: "two at least: nothing else can drive one")
        }
        guard names.count == count, Set(names).count == count else {
            throw InputError(
                "names", found: "\(Set(names).count) different names", expected: "\(count), one a variable")
        }
        guard positions.isEmpty || positions.count == count else {
            throw InputError("positions", found: "\(positions.count)", expected: "\(count), one a variable")
        }
        guard positions.allSatisfy({ ($0 * 0).sum() == 0 }) else {
            throw InputError("positions", found: "NaN or infinity", expected: "finite numbers")
        }
        try self.init(epochs, interval, names, facts, positions, .named("trajectories"))
    }

    private init(
        _ epochs: [Matrix], _ interval: Double, _ names: [String], _ facts: RecordingFacts,
        _ positions: [SIMD3<Double>], _ place: InputError.Place
    ) throws(InputError) {
        do throws(InvalidTrajectories) {
            self.init(try Trajectories(epochs: epochs, interval: interval), names, facts, positions, place)
        } catch {
            throw InputError(at: place, found: error.text { names[$0] })
        }
    }

    /// The amplitudes of sources, named `source 1` and so on as the estimate numbers them.
    ///
    /// - Parameter kind: what they are called, before their number.
    /// - Throws: ``InputError`` for fewer than two sources or samples, and for amplitudes that cannot be worked with.
    public init(_ courses: SourceCourses, called kind: String = "source") throws(InputError) {
        guard courses.sources.count > 1 else {
            throw InputError(
                "estimate", found: courses.sources.count == 1 ? "one source" : "no source",
                expected: "two at least: nothing else can drive it")
        }
        guard courses.times.count > 1, let first = courses.times.first, let last = courses.times.last else {
            throw InputError(at: .input(.recording), found: "one sample", expected: "many")
        }
        var facts = RecordingFacts()
        facts.isAverage = courses.isAverage
        facts.signalToNoise = courses.signalToNoise
        facts.smallestDistance = courses.positions.indices.flatMap { a in
            courses.positions.indices.dropFirst(a + 1).map { b in
                let d = courses.positions[a] - courses.positions[b]
                return (d * d).sum().squareRoot()
            }
        }.min()
        // In nA·m: numbers near one.
        try self.init(
            courses.epochs.map { $0 * 1e9 }, (last - first) / Double(courses.times.count - 1),
            courses.sources.map { "\(kind) \($0 + 1)" }, facts, courses.positions, .input(.recording))
    }

    /// The columns of a table: `time` in seconds, optionally `epoch`, and a variable each.
    ///
    /// - Throws: ``InputError`` for a table without them, cells that are no numbers, and times that are not evenly spaced.
    public init(_ table: DataTable) throws(InputError) {
        let time = try table.column(Self.time, as: .table)
        let epoch = table.hasColumn(Self.epoch) ? try table.column(Self.epoch, as: .table) : nil
        let variables = table.columns.filter { ![Self.time, Self.epoch, ""].contains($0.name) }
        guard variables.count > 1 else {
            throw InputError(
                at: .input(.table), found: "\(variables.count) variables beside time and epoch",
                expected: "two columns at least")
        }
        for column in [time] + variables {
            guard let row = column.numbers.firstIndex(where: { !$0.isFinite }) else { continue }
            throw InputError(
                at: .input(.table),
                found: "'\(column.label(row) ?? "")' in column '\(column.name)', \(table.place(row))",
                expected: "a number")
        }
        var groups: [[Int]] = []
        var (labels, seen): (String?, Set<String>) = (nil, [])
        for row in 0..<table.rowCount {
            let label = epoch.map { $0.label(row) ?? "" } ?? ""
            if row == 0 || label != labels {
                guard seen.insert(label).inserted else {
                    throw InputError(
                        at: .input(.table), found: "epoch '\(label)' again, \(table.place(row))",
                        expected: "the rows of an epoch together")
                }
                groups.append([])
            }
            labels = label
            groups[groups.count - 1].append(row)
        }
        do throws(InvalidTrajectories) {
            self.init(
                try Trajectories(
                    epochs: groups.map { rows in
                        Matrix(rows: variables.count, columns: rows.count) { variables[$0].numbers[rows[$1]] }
                    }, times: groups.map { $0.map { time.numbers[$0] } }),
                variables.map(\.name), RecordingFacts(), [], .input(.table))
        } catch {
            throw InputError(at: .input(.table), found: error.text { variables[$0].name })
        }
    }

    private static let (time, epoch) = ("time", "epoch")

    private init(
        _ trajectories: Trajectories, _ names: [String], _ facts: RecordingFacts, _ positions: [SIMD3<Double>],
        _ place: InputError.Place
    ) {
        self.place = place
        self.trajectories = trajectories
        self.names = names
        self.facts = facts
        self.positions = positions
    }
}
