/// How the columns and the small matrices of a family's atoms lie in memory: tiles of a few neighbouring atoms of one
/// width, an atom a lane, so that one instruction works on all atoms of a tile.
///
/// Lanes without an atom hold zeros.
struct AtomTiles: Sendable, Equatable {
    /// One number of each atom of a tile.
    typealias Lanes = SIMD4<Double>
    /// Tiles that are worked on at once.
    static let piece = 24

    struct Tile: Sendable, Equatable {
        var blocks: Range<Int>
        let width: Int
        /// Where its columns begin, all first ones, then all second ones, and its matrices, element by element.
        let column, square: Int
    }

    private(set) var tiles: [Tile] = []
    /// Columns with those of lanes without an atom; elements of a width × width matrix an atom, likewise.
    private(set) var columnCount = 0
    private(set) var squareCount = 0
    /// The widest atom.
    private(set) var width = 0
    /// The tile of each block.
    private var places: [Int32] = []

    init(_ blocks: BlockStructure) {
        places.reserveCapacity(blocks.count)
        for j in 0..<blocks.count {
            let own = blocks.columns(of: j).count
            if let last = tiles.last, last.width == own, last.blocks.count < Lanes.scalarCount {
                tiles[tiles.count - 1].blocks = last.blocks.lowerBound..<(j + 1)
            } else {
                tiles.append(Tile(blocks: j..<(j + 1), width: own, column: columnCount, square: squareCount))
                columnCount += own * Lanes.scalarCount
                squareCount += own * own * Lanes.scalarCount
                width = max(width, own)
            }
            places.append(Int32(tiles.count - 1))
        }
    }

    /// Number of pieces of ``piece`` tiles.
    var pieceCount: Int { (tiles.count + Self.piece - 1) / Self.piece }

    /// The tile of a block.
    func place(of block: Int) -> Int { Int(places[block]) }

    /// Where element (a, b) of a block's matrix lies.
    @inline(__always)
    func square(_ block: Int, _ a: Int, _ b: Int) -> Int {
        let tile = tiles[place(of: block)]
        return tile.square + (a + b * tile.width) * Lanes.scalarCount + block - tile.blocks.lowerBound
    }

    /// The columns of some tiles.
    func columns(of items: Range<Int>) -> Range<Int> {
        let last = tiles[items.upperBound - 1]
        return tiles[items.lowerBound].column..<(last.column + last.width * Lanes.scalarCount)
    }
}
