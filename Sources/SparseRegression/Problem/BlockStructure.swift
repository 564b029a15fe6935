/// How the columns of a design fall into blocks: one block a source, one column an orientation.
///
/// Blocks may differ in size, so that fixed and free sources mix in one problem.
public struct BlockStructure: Sendable, Equatable {
    /// First column of each block, and the number of columns at the end; `count + 1` entries, ascending.
    public let offsets: [Int]

    /// Blocks of the given sizes, each at least one.
    public init(sizes: some Sequence<Int>) {
        var offsets = [0]
        for size in sizes {
            precondition(size > 0, "a block needs a column")
            offsets.append(offsets[offsets.count - 1] + size)
        }
        self.offsets = offsets
    }

    /// `count` blocks of one size.
    public init(count: Int, size: Int) {
        precondition(size > 0 && count >= 0)
        offsets = (0...count).map { $0 * size }
    }

    /// Number of blocks.
    public var count: Int { offsets.count - 1 }

    /// Number of columns of all blocks.
    public var columnCount: Int { offsets[offsets.count - 1] }

    /// Columns of a block.
    @inline(__always)
    public func columns(of block: Int) -> Range<Int> { offsets[block]..<offsets[block + 1] }
}
