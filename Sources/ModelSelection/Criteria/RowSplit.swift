/// Rows of a problem cut into folds, each label spread evenly over all of them.
public struct RowSplit: Sendable, Equatable {
    /// The rows of each fold, ascending; every row is in exactly one.
    public let folds: [[Int]]

    /// Cuts rows into folds at random.
    ///
    /// - Parameters:
    ///   - rowCount: number of rows.
    ///   - folds: number of folds, from 2 to the number of rows.
    ///   - labels: one a row, for example the kind of its sensor; each label is shared out evenly. nil means all alike.
    ///   - seed: seed of the shuffle.
    /// - Throws: ``InvalidCriterion``.
    public init(rowCount: Int, folds: Int, labels: [Int]? = nil, seed: UInt64 = 0) throws(InvalidCriterion) {
        guard folds >= 2, folds <= rowCount else {
            throw InvalidCriterion("\(folds) folds of \(rowCount) rows; expected from 2 to as many as rows")
        }
        if let labels, labels.count != rowCount {
            throw InvalidCriterion("\(labels.count) labels for \(rowCount) rows; expected one a row")
        }
        var random = SeededGenerator(seed: seed)
        var result = [[Int]](repeating: [], count: folds)
        var next = 0
        for label in Set(labels ?? [0]).sorted() {
            var rows = (0..<rowCount).filter { (labels?[$0] ?? 0) == label }
            rows.shuffle(using: &random)
            // Dealt like cards: no fold gets two more of a label than another, nor two more in all.
            for row in rows {
                result[next % folds].append(row)
                next += 1
            }
        }
        self.folds = result.map { $0.sorted() }
    }
}
