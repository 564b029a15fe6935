import LinearAlgebra

/// Numbers that panels are made of.
protocol PanelNumber: BinaryFloatingPoint, Sendable {
    /// y ← op(A)·x + β·y, A m × n as stored.
    static func gemv(
        _ transpose: Bool, _ m: Int, _ n: Int, _ a: UnsafePointer<Self>, _ lda: Int, _ x: UnsafePointer<Self>,
        _ beta: Self, _ y: UnsafeMutablePointer<Self>)
}

extension Double: PanelNumber {
    @inline(__always)
    static func gemv(
        _ transpose: Bool, _ m: Int, _ n: Int, _ a: UnsafePointer<Double>, _ lda: Int, _ x: UnsafePointer<Double>,
        _ beta: Double, _ y: UnsafeMutablePointer<Double>
    ) { BLAS.gemv(transpose, m, n, 1, a, lda, x, beta, y) }
}

extension Float: PanelNumber {
    @inline(__always)
    static func gemv(
        _ transpose: Bool, _ m: Int, _ n: Int, _ a: UnsafePointer<Float>, _ lda: Int, _ x: UnsafePointer<Float>,
        _ beta: Float, _ y: UnsafeMutablePointer<Float>
    ) { BLAS.gemv(transpose, m, n, 1, a, lda, x, beta, y) }
}

/// A matrix cut into panels of columns, each of which keeps only the tiles of rows that matter.
///
/// A panel fits in a processor's second cache: A·t(Aᵀx), t being known column by column, reads the memory once.
final class PanelMatrix<Number: PanelNumber>: @unchecked Sendable {
    /// Rows of a tile and columns of a panel.
    static var tile: Int { 32 }
    /// Pieces of work; sums are formed piece by piece, whatever the number of threads.
    private static var pieces: Int { 16 }

    /// Some columns and the rows that they keep.
    struct Panel {
        let columns: Range<Int>
        let runs: [Range<Int>]
        let rows: Int
        let values: UnsafeMutablePointer<Number>
    }

    let rows: Int
    let columns: Int
    private(set) var panels: [Panel]
    private let perPiece: Int
    /// Each piece's sum over its panels, rows gathered, rows to scatter, and coefficients of columns.
    private let workspace: UnsafeMutablePointer<Number>
    private let stride: Int

    /// - Parameters:
    ///   - keep: which tiles a panel keeps, ascending.
    ///   - fill: writes the values of some rows of a panel, a column every `stride` elements.
    init(
        rows: Int, columns: Int, parallelism: Parallelism,
        keep: @Sendable (_ panel: Int) -> [Int],
        fill:
            @Sendable (
                _ panel: Int, _ rows: Range<Int>, _ values: UnsafeMutablePointer<Number>, _ stride: Int
            ) -> Void
    ) {
        let tile = Self.tile
        self.rows = rows
        self.columns = columns
        let count = (columns + tile - 1) / tile
        perPiece = max(1, (count + Self.pieces - 1) / Self.pieces)
        stride = 3 * rows + tile
        workspace = .allocate(capacity: (count + perPiece - 1) / perPiece * stride)
        let made = UnsafeMutablePointer<Panel?>.allocate(capacity: count)
        made.initialize(repeating: nil, count: count)
        nonisolated(unsafe) let places = made
        let threads = rows * columns > 20_000 ? parallelism : .serial
        threads.forEachPiece(of: count, piece: perPiece) { _, items in
            for panel in items {
                var runs: [Range<Int>] = []
                for kept in keep(panel) {
                    let range = (kept * tile)..<min(rows, (kept + 1) * tile)
                    if let last = runs.last, last.upperBound == range.lowerBound {
                        runs[runs.count - 1] = last.lowerBound..<range.upperBound
                    } else {
                        runs.append(range)
                    }
                }
                let range = (panel * tile)..<min(columns, (panel + 1) * tile)
                let total = runs.reduce(0) { $0 + $1.count }
                let values = UnsafeMutablePointer<Number>.allocate(capacity: max(1, total * range.count))
                var start = 0
                for run in runs {
                    fill(panel, run, values + start, total)
                    start += run.count
                }
                places[panel] = Panel(columns: range, runs: runs, rows: total, values: values)
            }
        }
        panels = (0..<count).compactMap { made[$0] }
        made.deinitialize(count: count)
        made.deallocate()
    }

    deinit {
        for panel in panels { panel.values.deallocate() }
        workspace.deallocate()
    }

    /// Elements that are kept.
    var stored: Int { panels.reduce(0) { $0 + $1.rows * $1.columns.count } }

    /// y ← A·t(Aᵀx), with t given for a panel's columns at a time.
    ///
    /// - Parameters:
    ///   - x: a value a row.
    ///   - y: a value a row.
    ///   - turn: replaces the values of Aᵀx of some columns by coefficients of these columns. Panels run at the same time.
    func sweep(
        _ x: UnsafePointer<Number>, into y: UnsafeMutablePointer<Number>, _ parallelism: Parallelism,
        _ turn: @Sendable (_ columns: Range<Int>, _ values: UnsafeMutablePointer<Number>) -> Void
    ) {
        nonisolated(unsafe) let (x, workspace) = (x, workspace)
        let threads = rows * columns > 20_000 ? parallelism : .serial
        threads.forEachPiece(of: panels.count, piece: perPiece) { number, items in
            let sum = workspace + number * stride
            let (gathered, scattered, values) = (sum + rows, sum + 2 * rows, sum + 3 * rows)
            sum.update(repeating: 0, count: rows)
            for panel in panels[items] {
                if let run = panel.runs.first, panel.runs.count == 1 {
                    let first = run.lowerBound
                    Number.gemv(true, panel.rows, panel.columns.count, panel.values, panel.rows, x + first, 0, values)
                    turn(panel.columns, values)
                    Number.gemv(
                        false, panel.rows, panel.columns.count, panel.values, panel.rows, values, 1, sum + first)
                    continue
                }
                var start = 0
                for run in panel.runs {
                    (gathered + start).update(from: x + run.lowerBound, count: run.count)
                    start += run.count
                }
                if panel.rows > 0 {
                    Number.gemv(true, panel.rows, panel.columns.count, panel.values, panel.rows, gathered, 0, values)
                } else {
                    values.update(repeating: 0, count: panel.columns.count)
                }
                turn(panel.columns, values)
                guard panel.rows > 0 else { continue }
                Number.gemv(false, panel.rows, panel.columns.count, panel.values, panel.rows, values, 0, scattered)
                start = 0
                for run in panel.runs {
                    for i in 0..<run.count { sum[run.lowerBound + i] += scattered[start + i] }
                    start += run.count
                }
            }
        }
        y.update(from: workspace, count: rows)
        for number in 1..<max(1, (panels.count + perPiece - 1) / perPiece) {
            let sum = workspace + number * stride
            for i in 0..<rows { y[i] += sum[i] }
        }
    }
}
