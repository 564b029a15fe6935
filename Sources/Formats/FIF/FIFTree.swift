import SourceImaging

/// A block of a FIF file: the tags that are directly in it.
struct FIFBlock: Sendable {
    let kind: Int32
    var tags: [FIFTag] = []
    /// Index behind the last block within this one; blocks stand in the order in which they begin.
    var end = 0
}

/// The tags of a FIF file in their blocks.
///
/// A FIF file is a chain of tags, each naming the next. All are visited once, in order, when the file is opened; the
/// directory that some files have is not needed. No two tags may share bytes, so that a chain cannot run in circles and
/// what a file claims to hold is never more than its size.
struct FIFTree: Sendable {
    /// Tags and blocks beyond which a file is refused; real ones stay far below.
    static let mostTags = 1 << 22
    static let mostBlocks = 1 << 17
    static let deepest = 64

    let source: ByteSource
    /// All blocks in the order in which they begin; the first is the file itself.
    private(set) var blocks: [FIFBlock]

    /// Visits the tags of a file.
    ///
    /// - Throws: ``InputError`` with an empty place when the chain leads out of the file, runs in circles or is cut off.
    /// - Complexity: O(tags).
    init(_ source: ByteSource) throws(InputError) {
        self.source = source
        blocks = [FIFBlock(kind: 0)]
        var open = [0]
        var window = HeaderWindow(source)
        var (position, total, count) = (0, 0, 0)
        while position < source.count {
            let header = try window.header(at: position)
            let offset = position + FIFTag.headerSize
            guard header.size <= source.count - offset else {
                throw InputError(
                    "tag \(header.kind) at byte \(position)",
                    found: "\(header.size) bytes of data where the file has \(source.count - offset) more",
                    expected: "a complete file", advice: "copy or download it again")
            }
            total += FIFTag.headerSize + header.size
            count += 1
            guard total <= source.count, count <= Self.mostTags else {
                throw InputError(
                    "tag \(header.kind) at byte \(position)", found: "a chain of tags that runs in circles",
                    expected: "each tag once", advice: "copy or make the file again")
            }
            let tag = FIFTag(kind: header.kind, type: header.type, offset: offset, size: header.size)
            switch tag.kind {
            case FIFKind.blockStart:
                guard open.count <= Self.deepest, blocks.count < Self.mostBlocks else {
                    throw InputError(
                        "tag \(header.kind) at byte \(position)",
                        found: "blocks \(open.count) deep, \(blocks.count) in all",
                        expected: "a file as MNE or MEGIN write it")
                }
                open.append(blocks.count)
                blocks.append(FIFBlock(kind: try Self.blockKind(tag, source)))
            case FIFKind.blockEnd:
                let kind = try Self.blockKind(tag, source)
                guard open.count > 1, let last = open.popLast(), blocks[last].kind == kind else {
                    throw InputError(
                        "tag \(header.kind) at byte \(position)", found: "the end of block \(kind), which is not open",
                        expected: "blocks that end in the order in which they began",
                        advice: "copy or make the file again")
                }
                blocks[last].end = blocks.count
            default: blocks[open[open.count - 1]].tags.append(tag)
            }
            guard header.next >= -1 else {
                throw InputError(
                    "tag \(header.kind) at byte \(position)", found: "the next tag at byte \(header.next)",
                    expected: "a place in the file", advice: "copy or make the file again")
            }
            if header.next == -1 { break }
            position = header.next == 0 ? offset + header.size : Int(header.next)
        }
        guard open.count == 1, position <= source.count else {
            throw InputError(
                "", found: "a FIF file that is cut off within block \(blocks[open[open.count - 1]].kind)",
                expected: "a complete file", advice: "copy or download it again")
        }
        blocks[0].end = blocks.count
    }

    private static func blockKind(_ tag: FIFTag, _ source: ByteSource) throws(InputError) -> Int32 {
        guard tag.type == 3, tag.size == 4 else {
            throw InputError(
                "tag \(tag.kind) at byte \(tag.offset - FIFTag.headerSize)",
                found: "\(tag.size) bytes of type \(tag.type)", expected: "the kind of a block, one integer",
                advice: "copy or make the file again")
        }
        return FIFNumbers.int32(try source.read(4, at: tag.offset), at: 0)
    }

    /// Blocks of a kind within a block, the block itself included, in the order of the file.
    func blocks(_ kind: Int32, in block: Int = 0) -> [Int] {
        (block..<blocks[block].end).filter { blocks[$0].kind == kind }
    }

    /// The first tag of a kind directly in a block.
    func tag(_ kind: Int32, in block: Int) -> FIFTag? {
        blocks[block].tags.first { $0.kind == kind }
    }
}

/// Headers of tags, read through a window of some kilobytes: a call of the system for each would take longer.
private struct HeaderWindow {
    private static let size = 1 << 12

    private let source: ByteSource
    private var bytes: [UInt8] = []
    private var start = 0

    init(_ source: ByteSource) { self.source = source }

    mutating func header(
        at position: Int
    ) throws(InputError) -> (kind: Int32, type: Int32, size: Int, next: Int32) {
        guard position <= source.count - FIFTag.headerSize else {
            throw InputError(
                "", found: "a FIF file that is cut off at byte \(source.count)", expected: "a complete file",
                advice: "copy or download it again")
        }
        if position < start || position + FIFTag.headerSize > start + bytes.count {
            start = position
            bytes = try source.read(min(Self.size, source.count - position), at: position)
        }
        let place = position - start
        return (
            FIFNumbers.int32(bytes, at: place), FIFNumbers.int32(bytes, at: place + 4),
            Int(UInt32(bitPattern: FIFNumbers.int32(bytes, at: place + 8))),
            FIFNumbers.int32(bytes, at: place + 12)
        )
    }
}
