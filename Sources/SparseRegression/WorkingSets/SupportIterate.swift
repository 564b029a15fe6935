/// The point a solver stands at: Bᵀ on the support, packed, the blocks in ascending order.
final class SupportIterate {
    /// T′, the number of rows of Bᵀ.
    let samples: Int
    /// Positions in the working set of the blocks held here, ascending by block.
    private(set) var support: [Int] = []
    /// The same blocks as numbered in the problem.
    private(set) var blocks: [Int] = []
    /// First column of each, and the number of columns at the end.
    private(set) var starts: [Int] = [0]
    /// ‖B_j‖ of each.
    var norms: [Double] = []
    /// Bᵀ, T × width.
    let b: Buffer
    private let trial: Buffer
    /// Where the block at a position of the working set stands here; −1 when it does not.
    private var places: [Int32] = []
    /// Grows whenever the set of blocks changes, so that others know when to pack anew.
    private(set) var generation = 0

    init(samples: Int, allocations: AllocationCount) {
        self.samples = samples
        b = Buffer(allocations)
        trial = Buffer(allocations)
    }

    /// Number of columns held.
    var width: Int { starts[starts.count - 1] }

    /// Number of blocks that are not zero.
    var nonzeroCount: Int { norms.reduce(0) { $0 + ($1 > 0 ? 1 : 0) } }

    /// The columns of a block held here.
    @inline(__always)
    func range(_ j: Int) -> Range<Int> { starts[j]..<starts[j + 1] }

    /// Where the block at a position of the working set stands here, or nil.
    @inline(__always)
    func place(of position: Int) -> Int? {
        position < places.count && places[position] >= 0 ? Int(places[position]) : nil
    }

    /// Sets blocks to zero; they are dropped when the support is rebuilt.
    func zero(where isZero: (_ block: Int) -> Bool) {
        for j in support.indices where norms[j] > 0 && isZero(blocks[j]) {
            (b.pointer + starts[j] * samples).update(repeating: 0, count: range(j).count * samples)
            norms[j] = 0
        }
    }

    /// Holds nothing.
    func clear() {
        for position in support { places[position] = -1 }
        support.removeAll(keepingCapacity: true)
        blocks.removeAll(keepingCapacity: true)
        norms.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        starts.append(0)
        generation += 1
    }

    private func append(_ position: Int, _ working: WorkingSet) {
        while places.count <= position { places.append(-1) }
        places[position] = Int32(support.count)
        support.append(position)
        blocks.append(working.blocks[position])
        norms.append(0)
        starts.append(width + working.range(position).count)
    }

    /// Takes over the coefficients of a start.
    ///
    /// - Parameter kept: which blocks of the start; all of them are in the working set.
    func load(_ start: ActiveSet, kept: [Int], working: WorkingSet) {
        clear()
        b.reserve(start.coefficients.elements.count)
        for i in kept {
            let range = start.offsets[i]..<start.offsets[i + 1]
            let target = b.pointer + width * samples
            start.coefficients.elements.withUnsafeBufferPointer { source in
                guard let source = source.baseAddress else { return }
                target.update(from: source + range.lowerBound * samples, count: range.count * samples)
            }
            append(working.position(of: start.blocks[i]), working)
            norms[norms.count - 1] = BLAS.norm(range.count * samples, target)
        }
    }

    /// Takes over whole coefficients on the working set, T × its width, dropping blocks at zero.
    func load(_ coefficients: UnsafePointer<Double>, working: WorkingSet) {
        clear()
        b.reserve(working.width * samples)
        for position in working.blocks.indices.sorted(by: { working.blocks[$0] < working.blocks[$1] }) {
            let range = working.range(position)
            let source = coefficients + range.lowerBound * samples
            let norm = BLAS.norm(range.count * samples, source)
            guard norm > 0 else { continue }
            (b.pointer + width * samples).update(from: source, count: range.count * samples)
            append(position, working)
            norms[norms.count - 1] = norm
        }
    }

    /// Drops zero blocks and adds blocks at zero; nothing happens where the set stays the same.
    ///
    /// - Parameters:
    ///   - added: positions in the working set.
    ///   - isKept: whether a block stays although it is zero.
    func rebuild(adding added: [Int], working: WorkingSet, keeping isKept: (_ block: Int) -> Bool = { _ in false }) {
        let kept = support.indices.filter { norms[$0] > 0 || isKept(blocks[$0]) }
        let old = Set(kept.map { support[$0] })
        let new = added.filter { !old.contains($0) }
        if kept.count == support.count && new.isEmpty { return }
        struct Entry {
            let position: Int
            let source: Int
        }
        let entries =
            (kept.map { Entry(position: support[$0], source: $0) } + new.map { Entry(position: $0, source: -1) })
            .sorted { working.blocks[$0.position] < working.blocks[$1.position] }
        let newWidth = entries.reduce(0) { $0 + working.range($1.position).count }
        trial.reserve(newWidth * samples)
        let (oldStarts, oldNorms) = (starts, norms)
        clear()
        for entry in entries {
            let target = trial.pointer + width * samples
            append(entry.position, working)
            let count = range(support.count - 1).count * samples
            if entry.source >= 0 {
                target.update(from: b.pointer + oldStarts[entry.source] * samples, count: count)
                norms[norms.count - 1] = oldNorms[entry.source]
            } else {
                target.update(repeating: 0, count: count)
            }
        }
        b.reserve(newWidth * samples)
        b.pointer.update(from: trial.pointer, count: newWidth * samples)
    }

    /// Takes over another point on the same blocks, T × width.
    func take(_ coefficients: UnsafePointer<Double>) {
        b.pointer.update(from: coefficients, count: width * samples)
        for j in support.indices { norms[j] = BLAS.norm(range(j).count * samples, b.pointer + starts[j] * samples) }
    }

    /// Σ φ_j(‖B_j‖).
    func penaltyValue(_ penalty: some BlockPenalty) -> Double {
        var sum = 0.0
        for j in support.indices { sum += penalty.value(norm: norms[j], block: blocks[j]) }
        return sum
    }

    /// The blocks that are not zero.
    var activeSet: ActiveSet {
        let kept = support.indices.filter { norms[$0] > 0 }
        var offsets = [0]
        var elements: [Double] = []
        for i in kept {
            let range = (starts[i] * samples)..<(starts[i + 1] * samples)
            elements.append(contentsOf: UnsafeBufferPointer(start: b.pointer + range.lowerBound, count: range.count))
            offsets.append(elements.count / samples)
        }
        let columns = offsets[offsets.count - 1]
        return ActiveSet(
            blocks: kept.map { blocks[$0] }, offsets: offsets,
            coefficients: Matrix(rows: samples, columns: columns, elements: elements))
    }
}
