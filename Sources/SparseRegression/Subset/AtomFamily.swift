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
    /// How its atoms lie where all are worked on.
    let tiles: AtomTiles
    /// P by columns; nil for the identity.
    private let combination: Combination?

    private struct Combination: Sendable, Equatable {
        var offsets = [0]
        var rows: [Int32] = []
        var weights: [Double] = []
    }

    /// The blocks of the design themselves.
    public static func identity(_ blocks: BlockStructure) -> AtomFamily { AtomFamily(blocks, nil) }

    /// A family from the columns of P, block by block.
    ///
    /// - Parameters:
    ///   - blocks: blocks of the combinations, one for every block of the design.
    ///   - columns: those of a block; another number of them than it has, or rows that the design does not have, are a
    ///     programming error.
    public init(blocks: BlockStructure, columns: (_ block: Int) -> [Column]) {
        var combination = Combination()
        combination.offsets.reserveCapacity(blocks.columnCount + 1)
        for block in 0..<blocks.count {
            let own = columns(block)
            precondition(own.count == blocks.columns(of: block).count, "one combination a column of the blocks")
            for column in own {
                for (row, weight) in column where weight != 0 {
                    combination.rows.append(Int32(row))
                    combination.weights.append(weight)
                }
                combination.offsets.append(combination.rows.count)
            }
        }
        self.init(blocks, combination)
    }

    private init(_ blocks: BlockStructure, _ combination: Combination?) {
        self.blocks = blocks
        self.combination = combination
        tiles = AtomTiles(blocks)
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

    /// Writes A·P for some columns of P, one after the other.
    ///
    /// - Parameters:
    ///   - columns: of P.
    ///   - matrix: A, k × q, k two, four or a multiple of eight.
    ///   - target: k values a column.
    func combine(
        _ columns: Range<Int>, _ k: Int, _ matrix: UnsafePointer<Double>, _ target: UnsafeMutablePointer<Double>
    ) {
        guard let combination else {
            target.update(from: matrix + columns.lowerBound * k, count: columns.count * k)
            return
        }
        for (position, column) in columns.enumerated() {
            let own = target + position * k
            // Short columns stay in registers.
            if k <= 64 {
                func write<Some: SIMD>(_ type: Some.Type) where Some.Scalar == Double {
                    for first in Swift.stride(from: 0, to: k, by: Some.scalarCount) {
                        let sum = combined(column, UnsafeRawPointer(matrix + first), k, type)
                        UnsafeMutableRawPointer(own + first).storeBytes(of: sum, as: type)
                    }
                }
                switch k {
                case 2: write(SIMD2.self)
                case 4: write(SIMD4.self)
                default: write(SIMD8.self)
                }
                continue
            }
            own.update(repeating: 0, count: k)
            for entry in combination.offsets[column]..<combination.offsets[column + 1] {
                BLAS.axpy(k, combination.weights[entry], matrix + Int(combination.rows[entry]) * k, own)
            }
        }
    }

    /// Writes A·P for the atoms of some tiles, row after row as the tiles lie.
    ///
    /// - Parameters:
    ///   - items: the tiles.
    ///   - rows: rows of A that are wanted, k.
    ///   - stride: numbers a column of A: two, four or a multiple of eight.
    ///   - matrix: A, stride × q.
    ///   - target: the first row, `leading` from one to the next.
    func combine(
        tiles items: Range<Int>, rows: Int, stride: Int, _ matrix: UnsafePointer<Double>,
        _ target: UnsafeMutablePointer<Double>, _ leading: Int
    ) {
        switch stride {
        case 2: combine(tiles: items, rows, stride, matrix, target, leading, SIMD2.self)
        case 4: combine(tiles: items, rows, stride, matrix, target, leading, SIMD4.self)
        default: combine(tiles: items, rows, stride, matrix, target, leading, SIMD8.self)
        }
    }

    @inline(__always)
    private func combine<Some: SIMD>(
        tiles items: Range<Int>, _ rows: Int, _ stride: Int, _ matrix: UnsafePointer<Double>,
        _ target: UnsafeMutablePointer<Double>, _ leading: Int, _ type: Some.Type
    ) where Some.Scalar == Double {
        let start = tiles.tiles[items.lowerBound].column
        for tile in tiles.tiles[items] {
            for lane in 0..<AtomTiles.Lanes.scalarCount {
                for x in 0..<tile.width {
                    let own = target + tile.column - start + x * AtomTiles.Lanes.scalarCount + lane
                    guard lane < tile.blocks.count else {
                        for row in 0..<rows { own[row * leading] = 0 }
                        continue
                    }
                    let column = blocks.offsets[tile.blocks.lowerBound + lane] + x
                    for first in Swift.stride(from: 0, to: rows, by: Some.scalarCount) {
                        let sum = combined(column, UnsafeRawPointer(matrix + first), stride, type)
                        for row in first..<min(rows, first + Some.scalarCount) {
                            own[row * leading] = sum[row - first]
                        }
                    }
                }
            }
        }
    }

    /// A few numbers of one column of A·P.
    @inline(__always)
    private func combined<Some: SIMD>(
        _ column: Int, _ matrix: UnsafeRawPointer, _ stride: Int, _ type: Some.Type
    ) -> Some where Some.Scalar == Double {
        func some(_ row: Int) -> Some { matrix.loadUnaligned(fromByteOffset: row * stride * 8, as: type) }
        guard let combination else { return some(column) }
        var sum = Some.zero
        for entry in combination.offsets[column]..<combination.offsets[column + 1] {
            sum += combination.weights[entry] * some(Int(combination.rows[entry]))
        }
        return sum
    }
}
