/// Follows an HDF5 file from its root and finds structures that contradict themselves, before the library reads them.
///
/// HDF5 1.10 trusts the older structures, which carry no checksums: a list of free space that goes in circles makes it
/// loop for ever, an address beyond the end makes it read where nothing is. Checked are superblocks, object headers,
/// groups with symbol tables (B-trees, their leaves, local heaps), links in headers, and B-trees of chunks: all lie
/// within the file, have the right kind and level, and no B-tree holds a node twice. Newer structures (version 2 B-trees,
/// fractal heaps, arrays of chunks) carry checksums and are left to the library. Layouts: HDF5 File Format Specification,
/// version 3.0, The HDF Group.
struct StructureCheck {
    typealias Damage = FileBytes.Damage

    private static let undefined = UInt64.max
    /// Deeper than any B-tree of 2^64 entries.
    private static let highestLevel: UInt64 = 16

    private var file: FileBytes
    /// Half of the most entries of a leaf, of an inner node, of a node of chunks.
    private var (leafK, groupK, chunkK): (UInt64, UInt64, UInt64) = (4, 16, 32)
    /// Objects to look at.
    private var pending: [UInt64] = []
    private var objects: Set<UInt64> = []
    private var nodes: Set<UInt64> = []
    /// Local heaps that are sound, with the sizes of their data.
    private var heaps: [UInt64: UInt64] = [:]

    /// Checks a file from its superblock on.
    ///
    /// - Parameter base: where the HDF5 part begins, after a user block.
    /// - Returns: what contradicts itself; nil when nothing does, or when the library will say it better.
    /// - Complexity: O(objects + chunks) reads of a page.
    static func damage(in input: InputFile, base: Int) -> Damage? {
        var check = StructureCheck(file: FileBytes(input, base: base))
        do throws(Damage) {
            try check.superblock()
            while let object = check.pending.popLast() { try check.object(object) }
            return nil
        } catch {
            return error
        }
    }

    private init(file: FileBytes) { self.file = file }

    private func damaged(_ what: String) -> Damage { Damage(found: what) }

    // MARK: Superblock

    private mutating func superblock() throws(Damage) {
        let version = try file.number(8, 1)
        guard version <= 3 else { return }
        let (offsets, lengths) = version < 2 ? (UInt64(13), UInt64(14)) : (9, 10)
        guard try file.number(offsets, 1) == 8, try file.number(lengths, 1) == 8 else {
            throw damaged("addresses that are not of 8 bytes")
        }
        guard version < 2 else {
            pending.append(try file.number(36, 8))
            // An extension may say that B-trees have other sizes: it comes first.
            let supplement = try file.number(20, 8)
            if supplement != Self.undefined { pending.append(supplement) }
            return
        }
        leafK = try file.number(16, 2)
        groupK = try file.number(18, 2)
        if version == 1 { chunkK = try file.number(24, 2) }
        guard (1...0x8000).contains(leafK), (1...0x8000).contains(groupK), (1...0x8000).contains(chunkK) else {
            throw damaged("a damaged superblock")
        }
        let addresses: UInt64 = version == 0 ? 24 : 28
        guard try file.number(addresses + 24, 8) == Self.undefined else {
            throw damaged("a file that is split by a driver")
        }
        // The end is counted from the beginning of the file, as it was where the superblock once stood: the library moves
        // it with the superblock.
        let moved = try file.number(addresses, 8) &- UInt64(file.base)
        guard try file.number(addresses + 16, 8) &- moved <= UInt64(file.base + file.count) else {
            throw Damage(found: "its end is missing", isCutOff: true)
        }
        try entry(addresses + 32, heapSize: nil)
    }

    /// A symbol table entry: the name's place in the heap, the object, and a copy of where a group keeps its table.
    private mutating func entry(_ place: UInt64, heapSize: UInt64?) throws(Damage) {
        if let heapSize, try file.number(place, 8) >= heapSize { throw damaged("a name outside its heap") }
        let cached = try file.number(place + 16, 4)
        guard cached <= 2 else { throw damaged("an unknown kind of entry in a group") }
        if cached == 2 {
            // A soft link has no object; its text is in the heap.
            guard try file.number(place + 24, 4) < heapSize ?? 0 else { throw damaged("a link outside its heap") }
            return
        }
        pending.append(try file.number(place + 8, 8))
        if cached == 1 { try group(tree: file.number(place + 24, 8), heap: file.number(place + 32, 8)) }
    }

    // MARK: Object headers

    private mutating func object(_ address: UInt64) throws(Damage) {
        guard objects.insert(address).inserted else { return }
        try file.require(address, 16, "an object header")
        var blocks: [(start: UInt64, end: UInt64)] = []
        let isNew = try file.has("OHDR", address)
        var hasOrder = false
        if isNew {
            let flags = try file.number(address + 5, 1)
            hasOrder = flags & 4 != 0
            let width = Int(1 << (flags & 3))
            let start = address + 6 + (flags & 32 != 0 ? 16 : 0) + (flags & 16 != 0 ? 4 : 0)
            let size = try file.number(start, width)
            try file.require(start + UInt64(width), size, "an object header")
            blocks.append((start + UInt64(width), start + UInt64(width) + size))
        } else {
            guard try file.number(address, 1) == 1 else { throw damaged("something else where an object should be") }
            let size = try file.number(address + 8, 4)
            try file.require(address + 16, size, "an object header")
            blocks.append((address + 16, address + 16 + size))
        }
        var visited: Set<UInt64> = []
        while let block = blocks.popLast() {
            guard visited.insert(block.start).inserted else { throw damaged("an object header that goes in circles") }
            try messages(block.start, block.end, isNew: isNew, hasOrder: hasOrder, &blocks)
        }
    }

    private mutating func messages(
        _ start: UInt64, _ end: UInt64, isNew: Bool, hasOrder: Bool, _ blocks: inout [(start: UInt64, end: UInt64)]
    ) throws(Damage) {
        let head: UInt64 = isNew ? (hasOrder ? 6 : 4) : 8
        var place = start
        while place + head <= end {
            let type = try file.number(place, isNew ? 1 : 2)
            let size = try file.number(place + (isNew ? 1 : 2), 2)
            let flags = try file.number(place + (isNew ? 3 : 4), 1)
            let data = place + head
            guard size <= end - data else { throw damaged("a part of an object header that is longer than the header") }
            place = data + size
            if flags & 2 != 0 {
                try shared(data, size)
                continue
            }
            switch type {
            case 0x06: try link(data, size)
            case 0x08: try layout(data, size)
            case 0x10:
                guard size >= 16 else { throw damaged("a damaged object header") }
                let (next, length) = (try file.number(data, 8), try file.number(data + 8, 8))
                try file.require(next, length, "a part of an object header")
                guard isNew else {
                    blocks.append((next, next + length))
                    continue
                }
                // A signature before, a checksum after.
                guard length >= 8, try file.has("OCHK", next) else { throw damaged("a damaged object header") }
                blocks.append((next + 4, next + length - 4))
            case 0x13:
                guard size >= 7 else { throw damaged("a damaged superblock extension") }
                chunkK = try file.number(data + 1, 2)
                groupK = try file.number(data + 3, 2)
                leafK = try file.number(data + 5, 2)
            case 0x11:
                guard size >= 16 else { throw damaged("a damaged object header") }
                try group(tree: file.number(data, 8), heap: file.number(data + 8, 8))
            default: break
            }
        }
    }

    /// A message that stands elsewhere, as that of a named type does: in another object's header.
    private mutating func shared(_ data: UInt64, _ size: UInt64) throws(Damage) {
        guard size >= 10 else { throw damaged("a damaged object header") }
        let version = try file.number(data, 1)
        if version == 1 {
            guard size >= 24 else { throw damaged("a damaged object header") }
            pending.append(try file.number(data + 16, 8))
        } else if version == 2 {
            pending.append(try file.number(data + 2, 8))
        } else if version == 3, try file.number(data + 1, 1) == 2 {
            pending.append(try file.number(data + 2, 8))
        }
    }

    /// A link in a header; only hard ones have an address.
    private mutating func link(_ data: UInt64, _ size: UInt64) throws(Damage) {
        let end = data + size
        guard size >= 4 else { throw damaged("a damaged link") }
        let flags = try file.number(data + 1, 1)
        var place = data + 2
        if flags & 8 != 0 {
            let type = try file.number(place, 1)
            if type != 0 { return }
            place += 1
        }
        if flags & 4 != 0 { place += 8 }
        if flags & 16 != 0 { place += 1 }
        let width = Int(1 << (flags & 3))
        guard place + UInt64(width) <= end else { throw damaged("a damaged link") }
        let length = try file.number(place, width)
        place += UInt64(width)
        guard place <= end, length <= end - place, end - place - length >= 8 else { throw damaged("a damaged link") }
        pending.append(try file.number(place + length, 8))
    }

    // MARK: Groups

    private mutating func group(tree: UInt64, heap: UInt64) throws(Damage) {
        let heapSize = try self.heap(heap)
        // Both the header and the entry above may name the tree.
        guard !nodes.contains(tree) else { return }
        try groupNode(tree, level: nil, heapSize: heapSize)
    }

    /// A local heap: the names of a group's links. Gives the size of its data.
    private mutating func heap(_ address: UInt64) throws(Damage) -> UInt64 {
        if let size = heaps[address] { return size }
        try file.require(address, 32, "a heap of names")
        guard try file.has("HEAP", address) else { throw damaged("something else where a heap of names should be") }
        let size = try file.number(address + 8, 8)
        let data = try file.number(address + 24, 8)
        try file.require(data, size, "a heap of names")
        var free = try file.number(address + 16, 8)
        var steps = size / 16
        // 1 ends the list.
        while free != 1, free != Self.undefined {
            guard steps > 0, free <= size, size - free >= 16 else { throw damaged("a damaged heap of names") }
            steps -= 1
            let length = try file.number(data + free + 8, 8)
            guard length >= 16, length <= size - free else { throw damaged("a damaged heap of names") }
            free = try file.number(data + free, 8)
        }
        heaps[address] = size
        return size
    }

    private mutating func groupNode(_ address: UInt64, level: UInt64?, heapSize: UInt64) throws(Damage) {
        let entries = try node(address, type: 0, level: level, keySize: 8, k: groupK)
        for k in 0..<entries.count {
            let place = address + 24 + 16 * k
            guard try file.number(place, 8) < max(1, heapSize) else { throw damaged("a name outside its heap") }
            let child = try file.number(place + 8, 8)
            if entries.level > 0 {
                try groupNode(child, level: entries.level - 1, heapSize: heapSize)
            } else {
                try leaf(child, heapSize: heapSize)
            }
        }
    }

    /// A node of a B-tree, its size and kind; gives its level and the number of its children.
    private mutating func node(
        _ address: UInt64, type: UInt64, level: UInt64?, keySize: UInt64, k: UInt64
    ) throws(Damage) -> (level: UInt64, count: UInt64) {
        guard nodes.insert(address).inserted else { throw damaged("an index that goes in circles") }
        try file.require(address, 24 + 2 * k * 8 + (2 * k + 1) * keySize, "an index")
        guard try file.has("TREE", address), try file.number(address + 4, 1) == type else {
            throw damaged("something else where an index should be")
        }
        let found = try file.number(address + 5, 1)
        let count = try file.number(address + 6, 2)
        guard count <= 2 * k, found <= Self.highestLevel, level == nil || found == level else {
            throw damaged("a damaged index")
        }
        return (found, count)
    }

    private mutating func leaf(_ address: UInt64, heapSize: UInt64) throws(Damage) {
        guard nodes.insert(address).inserted else { throw damaged("an index that goes in circles") }
        try file.require(address, 8 + 2 * leafK * 40, "a list of links")
        guard try file.has("SNOD", address) else { throw damaged("something else where a list of links should be") }
        let count = try file.number(address + 6, 2)
        guard count <= 2 * leafK else { throw damaged("a damaged list of links") }
        for k in 0..<count { try entry(address + 8 + 40 * k, heapSize: heapSize) }
    }

    // MARK: Chunks

    /// Where the data of a dataset lie; of chunks in a B-tree, that is followed.
    private mutating func layout(_ data: UInt64, _ size: UInt64) throws(Damage) {
        let version = try file.number(data, 1)
        let (rank, tree): (UInt64, UInt64)
        if version == 3 {
            guard size >= 2, try file.number(data + 1, 1) == 2 else { return }
            guard size >= 11 else { throw damaged("a damaged dataset") }
            rank = try file.number(data + 2, 1)
            tree = try file.number(data + 3, 8)
        } else if version == 1 || version == 2 {
            guard size >= 3, try file.number(data + 2, 1) == 2 else { return }
            guard size >= 16 else { throw damaged("a damaged dataset") }
            rank = try file.number(data + 1, 1)
            tree = try file.number(data + 8, 8)
        } else {
            return
        }
        guard (1...33).contains(rank) else { throw damaged("a dataset of \(rank) dimensions") }
        if tree != Self.undefined { try chunkNode(tree, level: nil, rank: rank) }
    }

    private mutating func chunkNode(_ address: UInt64, level: UInt64?, rank: UInt64) throws(Damage) {
        let keySize = 8 + 8 * rank
        let entries = try node(address, type: 1, level: level, keySize: keySize, k: chunkK)
        for k in 0..<entries.count {
            let key = address + 24 + (keySize + 8) * k
            let child = try file.number(key + keySize, 8)
            if entries.level > 0 {
                try chunkNode(child, level: entries.level - 1, rank: rank)
            } else {
                try file.require(child, file.number(key, 4), "a chunk of data")
            }
        }
    }
}
