import SourceImaging

/// The projectors of a FIF file over a list of channels.
struct FIFProjectors: Sendable {
    /// k × channels; zero for channels that a projector does not name.
    let matrix: Matrix
    /// Whether each row is already applied to the data.
    let active: [Bool]

    /// Projectors beyond which a file is refused; real ones have a handful.
    static let most = 512

    /// Whether there are projectors and all are applied.
    var isApplied: Bool { !active.isEmpty && active.allSatisfy { $0 } }

    /// Reads the projectors of a block.
    ///
    /// - Parameters:
    ///   - names: the channels, in the order of the columns.
    ///   - fullNames: full names of channels by their short ones.
    /// - Throws: ``InputError`` when numbers and names of a projector disagree.
    init(
        _ tree: FIFTree, in block: Int, names: [String], fullNames: [String: String] = [:]
    ) throws(InputError) {
        let column = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var (vectors, active) = ([[Double]](), [Bool]())
        let items = tree.blocks(FIFBlockKind.projections, in: block).first.map {
            tree.blocks(FIFBlockKind.projection, in: $0)
        }
        for item in items ?? [] {
            let channels = try tree.names(FIFKind.projectionChannels, in: item).map { fullNames[$0] ?? $0 }
            guard let tag = tree.tag(FIFKind.projectionVectors, in: item) else {
                throw tree.missing(FIFKind.projectionVectors, "projector")
            }
            let numbers = try tree.numbers(tag)
            var (rows, columns) = (numbers.shape[0], numbers.shape.count == 2 ? numbers.shape[1] : 0)
            let count = try tree.integer(FIFKind.projectionVectorCount, in: item) ?? rows
            // Some programs write them the other way round.
            let isTransposed = rows == channels.count && columns == count && columns != channels.count
            if isTransposed { (rows, columns) = (columns, rows) }
            guard numbers.shape.count == 2, columns == channels.count, rows == count else {
                throw InputError(
                    tree.place(tag),
                    found: "a projector of \(sizes(numbers.shape)) numbers",
                    expected: "\(count) × \(channels.count), a column a channel")
            }
            guard vectors.count + rows <= Self.most else {
                throw InputError(
                    tree.place(tag), found: "\(vectors.count + rows) projectors", expected: "at most \(Self.most)")
            }
            let isActive = try tree.integer(FIFKind.projectionActive, in: item) ?? 0
            let values = try numbers.read()
            for k in 0..<rows {
                var vector = [Double](repeating: 0, count: names.count)
                for (c, channel) in channels.enumerated() {
                    guard let place = column[channel] else { continue }
                    vector[place] = values[isTransposed ? c * rows + k : k * columns + c]
                }
                vectors.append(vector)
                active.append(isActive != 0)
            }
        }
        matrix = Matrix(rows: vectors.count, columns: names.count) { vectors[$0][$1] }
        self.active = active
    }
}
