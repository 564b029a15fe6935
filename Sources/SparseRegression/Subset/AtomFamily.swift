/// A way to build what one block of a solution may look like: block j of the family, an *atom*, is a combination of the
/// design's columns, D = X·P with a sparse P.
///
/// The identity gives the blocks of the design themselves. A combination of neighbours gives a patch whose parts act
/// together: one nonzero block then stands for all of it.
public struct AtomFamily: Sendable, Equatable {
    /// One column of P: rows (columns of the design) and the weight of each.
    public typealias Column = [(row: Int, weight: Double)]

    /// Blocks of D's columns; as many as the design has.
    public let blocks: BlockStructure
    /// Where each atom's width² numbers begin in an array of a small matrix an atom, and the length of such an array.
    let squareOffsets: [Int]
    /// P by columns; nil for the identity.
    private let combination: Combination?

    private struct Combination: Sendable, Equatable {
        var offsets = [0]
        var rows: [Int32] = []
        var weights: [Double] = []
    }

    /// The blocks of the design themselves.
    public static func identity(_ blocks: BlockStructure) -> AtomFamily { AtomFamily(blocks, nil) }

    /// A family from the columns of P.
    ///
    /// - Parameters:
    ///   - blocks: blocks of the combinations, one for every block of the design.
    ///   - columns: one a column of `blocks`; another number of them, or rows that the design does not have, are a
    ///     programming error.
    public init(blocks: BlockStructure, columns: some Sequence<Column>) {
        var combination = Combination()
        for column in columns {
            for (row, weight) in column where weight != 0 {
                combination.rows.append(Int32(row))
                combination.weights.append(weight)
            }
            combination.offsets.append(combination.rows.count)
        }
        precondition(combination.offsets.count == blocks.columnCount + 1, "one combination a column of the blocks")
        self.init(blocks, combination)
    }

    private init(_ blocks: BlockStructure, _ combination: Combination?) {
        self.blocks = blocks
        self.combination = combination
        squareOffsets = (0..<blocks.count).reduce(into: [0]) { offsets, j in
            let width = blocks.columns(of: j).count
            offsets.append(offsets[j] + width * width)
        }
    }

    /// Whether it combines columns that a design has, and no others.
    func suits(_ design: Design) -> Bool {
        guard let combination else { return blocks.columnCount == design.columns }
        return combination.rows.allSatisfy { $0 >= 0 && $0 < design.columns }
    }

    /// One column of P: the columns of the design in it and their weights.
    public func column(_ index: Int) -> Column {
        guard let combination else { return [(index, 1)] }
        return (combination.offsets[index]..<combination.offsets[index + 1]).map {
            (Int(combination.rows[$0]), combination.weights[$0])
        }
    }

    /// D's columns of one block, n × width.
    ///
    /// - Complexity: O(n · nonzero weights).
    public func columns(of block: Int, in design: Design) -> Matrix {
        let columns = blocks.columns(of: block)
        var result = Matrix(rows: design.rows, columns: columns.count)
        result.elements.withUnsafeMutableBufferPointer { target in
            guard let target = target.baseAddress else { return }
            withUnsafeTemporaryAllocation(of: Double.self, capacity: design.rows) { scratch in
                guard let scratch = scratch.baseAddress else { return }
                design.withReader { build(columns, $0, design.rows, scratch, target) }
            }
        }
        return result
    }

    /// Writes some of D's columns, one after the other.
    ///
    /// - Parameters:
    ///   - columns: of D.
    ///   - design: X, of n rows.
    ///   - scratch: n values, for designs in single precision.
    ///   - target: n values a column.
    func build(
        _ columns: Range<Int>, _ design: Design.Reader, _ n: Int, _ scratch: UnsafeMutablePointer<Double>,
        _ target: UnsafeMutablePointer<Double>
    ) {
        guard let combination else {
            design.copy(columns, to: target)
            return
        }
        for (k, column) in columns.enumerated() {
            let own = target + k * n
            own.update(repeating: 0, count: n)
            for entry in combination.offsets[column]..<combination.offsets[column + 1] {
                let row = Int(combination.rows[entry])
                if let pointer = design.inPlace(row) {
                    BLAS.axpy(n, combination.weights[entry], pointer, own)
                } else {
                    design.copy(row..<(row + 1), to: scratch)
                    BLAS.axpy(n, combination.weights[entry], scratch, own)
                }
            }
        }
    }

    /// A·P for a matrix A with as many columns as the design, k × q.
    func combine(_ matrix: Matrix, _ parallelism: Parallelism) -> Matrix {
        guard let combination else { return matrix }
        let k = matrix.rows
        var result = Matrix(rows: k, columns: blocks.columnCount)
        matrix.elements.withUnsafeBufferPointer { source in
            result.elements.withUnsafeMutableBufferPointer { target in
                guard let source = source.baseAddress, let target = target.baseAddress else { return }
                // Pieces write to columns of their own.
                nonisolated(unsafe) let (a, product) = (source, target)
                parallelism.forEachPiece(of: blocks.columnCount, piece: 512) { _, columns in
                    for column in columns {
                        for entry in combination.offsets[column]..<combination.offsets[column + 1] {
                            let row = Int(combination.rows[entry])
                            BLAS.axpy(k, combination.weights[entry], a + row * k, product + column * k)
                        }
                    }
                }
            }
        }
        return result
    }
}
