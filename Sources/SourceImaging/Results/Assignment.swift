/// One-to-one assignment of least cost.
enum Assignment {
    /// Pairs rows with columns, never further apart than `radius`: as many pairs as possible, then the least sum.
    ///
    /// - Parameter distances: a row a row; all rows of one length, no negative value.
    /// - Returns: the column of each row, nil for a row without partner.
    static func mostPairs(_ distances: [[Double]], within radius: Double) -> [Int?] {
        guard let columns = distances.first?.count, columns > 0 else {
            return [Int?](repeating: nil, count: distances.count)
        }
        // A pair that is not allowed costs more than all allowed ones together: fewest of them are taken.
        let forbidden = Double(min(distances.count, columns) + 1)
        let costs = distances.map { row in row.map { $0 <= radius ? $0 / radius : forbidden } }
        let assigned: [Int?]
        if distances.count <= columns {
            assigned = leastCost(costs).map { $0 }
        } else {
            let transposed = (0..<columns).map { j in costs.map { $0[j] } }
            var rows = [Int?](repeating: nil, count: distances.count)
            for (column, row) in leastCost(transposed).enumerated() { rows[row] = column }
            assigned = rows
        }
        return assigned.enumerated().map { (row, column) in
            column.flatMap { distances[row][$0] <= radius ? $0 : nil }
        }
    }

    /// Gives each row a column of its own such that the sum of costs is smallest: the Hungarian algorithm (Kuhn 1955) by
    /// shortest augmenting paths (Jonker & Volgenant 1987).
    ///
    /// - Parameter costs: rows of one length, at least as many columns as rows; finite.
    /// - Returns: the column of each row.
    /// - Complexity: O(rows² · columns).
    static func leastCost(_ costs: [[Double]]) -> [Int] {
        let columns = costs.first?.count ?? 0
        precondition(costs.count <= columns || costs.isEmpty)
        // Column `columns` stands for "none yet": the row being placed starts there.
        var rowPotential = [Double](repeating: 0, count: costs.count)
        var columnPotential = [Double](repeating: 0, count: columns + 1)
        var rowOf = [Int](repeating: -1, count: columns + 1)
        for row in costs.indices {
            var slack = [Double](repeating: .infinity, count: columns)
            var previous = [Int](repeating: columns, count: columns)
            var isVisited = [Bool](repeating: false, count: columns + 1)
            rowOf[columns] = row
            var current = columns
            while rowOf[current] >= 0 {
                isVisited[current] = true
                let i = rowOf[current]
                var (nearest, step) = (columns, Double.infinity)
                for j in 0..<columns where !isVisited[j] {
                    let reduced = costs[i][j] - rowPotential[i] - columnPotential[j]
                    if reduced < slack[j] { (slack[j], previous[j]) = (reduced, current) }
                    if slack[j] < step { (nearest, step) = (j, slack[j]) }
                }
                for j in 0...columns {
                    if isVisited[j] {
                        rowPotential[rowOf[j]] += step
                        columnPotential[j] -= step
                    } else if j < columns {
                        slack[j] -= step
                    }
                }
                current = nearest
            }
            // Shift the rows along the path to the free column.
            while current != columns {
                rowOf[current] = rowOf[previous[current]]
                current = previous[current]
            }
        }
        var columnOf = [Int](repeating: 0, count: costs.count)
        for j in 0..<columns where rowOf[j] >= 0 { columnOf[rowOf[j]] = j }
        return columnOf
    }
}
