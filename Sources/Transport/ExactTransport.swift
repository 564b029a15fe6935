import LinearAlgebra

/// Optimal transport of all mass without blur, for problems of some hundred places.
public struct ExactTransport: Sendable, Equatable {
    /// The least cost, Σ P∘C.
    public let cost: Double
    /// The plan P, n × m.
    public let plan: Matrix
    /// Dual potential of each source; with those of the targets never more than the cost between the two.
    public let sourcePotential: [Double]
    /// Dual potential of each target.
    public let targetPotential: [Double]

    /// Solves a problem by shortest augmenting paths (Jonker & Volgenant 1987, Tomizawa 1971).
    ///
    /// - Throws: ``TransportProblem/Invalid`` where masses differ by more than rounding.
    /// - Complexity: O(n·m) memory, O(n·m) a path; there are about as many paths as places.
    public init(_ problem: TransportProblem) throws(TransportProblem.Invalid) {
        let (a, b) = try problem.equalMasses()
        let geometry = Geometry(problem.cost)
        var costs = Matrix(rows: a.count, columns: b.count)
        costs.elements.withUnsafeMutableBufferPointer { elements in
            guard let base = elements.baseAddress else { return }
            for j in b.indices { geometry.costs(0..<a.count, j, into: base + j * a.count) }
        }
        var paths = AugmentingPaths(costs, a, b)
        for i in a.indices { paths.send(from: i) }
        plan = paths.flow
        sourcePotential = paths.rowPotential
        targetPotential = paths.columnPotential
        cost = zip(plan.elements, costs.elements).reduce(0) { $0 + $1.0 * $1.1 }
    }
}

extension TransportProblem {
    /// The masses, those of the target scaled by what rounding made different.
    ///
    /// - Throws: ``Invalid/unequalMasses(_:_:)``.
    func equalMasses() throws(Invalid) -> (source: [Double], target: [Double]) {
        let (a, b) = (source.reduce(0, +), target.reduce(0, +))
        guard abs(a - b) <= 1e-10 * max(a, b) else { throw .unequalMasses(a, b) }
        return (source, target.map { $0 * (a / b) })
    }
}

/// A flow between places that grows along paths of least cost.
private struct AugmentingPaths {
    /// m × n: what a row's way to all targets costs lies together.
    private let costs: Matrix
    var flow: Matrix
    var rowPotential: [Double]
    var columnPotential: [Double]
    private var supply: [Double]
    private var demand: [Double]
    /// Mass that is rounding.
    private let nothing: Double

    init(_ costs: Matrix, _ supply: [Double], _ demand: [Double]) {
        self.costs = costs.transposed
        flow = Matrix(rows: costs.rows, columns: costs.columns)
        // Potentials that make some way of each row and of each column free: most paths are then short.
        var (rows, columns) = (
            [Double](repeating: .infinity, count: costs.rows), [Double](repeating: .infinity, count: costs.columns)
        )
        for j in 0..<costs.columns { for i in 0..<costs.rows { rows[i] = min(rows[i], costs[i, j]) } }
        for j in 0..<costs.columns { for i in 0..<costs.rows { columns[j] = min(columns[j], costs[i, j] - rows[i]) } }
        (rowPotential, columnPotential) = (rows, columns)
        self.supply = supply
        self.demand = demand
        nothing = 1e-15 * supply.reduce(0, +)
    }

    /// Sends all of a source's mass.
    mutating func send(from source: Int) {
        while supply[source] > nothing {
            guard let path = shortestPath(from: source) else { return }
            var amount = min(supply[source], demand[path.end])
            var column = path.end
            while true {
                let row = path.rowBefore[column]
                guard row != source else { break }
                column = path.columnBefore[row]
                amount = min(amount, flow[row, column])
            }
            column = path.end
            while true {
                let row = path.rowBefore[column]
                flow[row, column] += amount
                guard row != source else { break }
                column = path.columnBefore[row]
                flow[row, column] -= amount
            }
            supply[source] -= amount
            demand[path.end] -= amount
        }
    }

    /// The cheapest way from a source to a target that lacks mass, over flows that may be taken back; potentials are changed
    /// such that reduced costs along it are zero. Nil where, but for rounding, no target lacks mass.
    private mutating func shortestPath(from source: Int) -> (end: Int, rowBefore: [Int], columnBefore: [Int])? {
        let (n, m) = (costs.columns, costs.rows)
        var (distance, rowBefore) = ([Double](repeating: .infinity, count: m), [Int](repeating: -1, count: m))
        var (rowDistance, columnBefore) = ([Double](repeating: .infinity, count: n), [Int](repeating: -1, count: n))
        var isVisited = [Bool](repeating: false, count: m)
        var (reached, at) = ([source], 0.0)
        rowDistance[source] = 0
        while true {
            for row in reached {
                for j in 0..<m where !isVisited[j] {
                    // Never negative but by rounding.
                    let step = max(0, costs[j, row] - rowPotential[row] - columnPotential[j])
                    if at + step < distance[j] { (distance[j], rowBefore[j]) = (at + step, row) }
                }
            }
            var (end, nearest) = (-1, Double.infinity)
            for j in 0..<m where !isVisited[j] && distance[j] < nearest { (end, nearest) = (j, distance[j]) }
            guard end >= 0 else { return nil }
            at = nearest
            isVisited[end] = true
            if demand[end] > nothing {
                for i in 0..<n where rowDistance[i] < at { rowPotential[i] += at - rowDistance[i] }
                for j in 0..<m where isVisited[j] { columnPotential[j] -= at - distance[j] }
                return (end, rowBefore, columnBefore)
            }
            reached = (0..<n).filter { rowDistance[$0] == .infinity && flow[$0, end] > 0 }
            for row in reached { (rowDistance[row], columnBefore[row]) = (at, end) }
        }
    }
}
