extension WorkingSetSession {
    /// Blocks below this part of their threshold are no candidates.
    static let interest = 0.9

    /// Columns that the working set begins with, grows by at least, and may hold beside the support. Measured: fewer
    /// need more looks at all blocks, more make every sweep and step dearer.
    private static let (firstColumns, moreColumns, spareColumns) = (240, 150, 360)

    /// Positions in the working set of the blocks that would become active, as of the last look.
    func violators(_ penalty: some BlockPenalty) -> [Int] {
        let working = context.working
        return working.blocks.indices.filter {
            let block = working.blocks[$0]
            return !isScreened[block] && correlations.bounds[block] > context.activation(block, penalty)
        }
    }

    /// Adds the blocks that most violate optimality.
    ///
    /// - Returns: how many were added.
    func growWorkingSet(_ penalty: some BlockPenalty) -> Int {
        let (working, iterate) = (context.working, context.iterate)
        // Counted in columns, since those are what the Gram matrix costs. With few samples a look costs more than the
        // work on a larger set.
        let share = iterate.samples < 16 ? iterate.width : iterate.width / 3
        // A look at very many columns is dear, too.
        let many = problem.design.columns / 128
        var room = max(many, iterate.width == 0 ? Self.firstColumns : max(Self.moreColumns, share))
        if working.width > iterate.width + max(Self.spareColumns, share, many) { beginAnew(penalty) }
        let added = candidates(penalty).prefix { block in
            defer { room -= problem.blocks.columns(of: block).count }
            return room > 0
        }
        working.insert(Array(added))
        return added.count
    }

    /// A set that outgrew its use along a path is begun anew from what is active: memory stays O((|S|o)² + n|S|o), and the
    /// Gram matrix of the active blocks costs no more than a sweep or two.
    private func beginAnew(_ penalty: some BlockPenalty) {
        let kept = context.iterate.activeSet
        context.working.removeAll()
        context.working.insert(kept.blocks)
        context.iterate.load(kept, kept: Array(kept.blocks.indices), working: context.working)
        hold((0..<problem.blocks.count).filter { penalty.frees($0) }, penalty)
    }

    /// Blocks outside of the working set that may become active, the most urgent first.
    private func candidates(_ penalty: some BlockPenalty) -> [Int] {
        var found: [(block: Int, score: Double)] = []
        for (j, bound) in correlations.bounds.enumerated()
        where bound > 0 && !isScreened[j] && !context.working.contains(j) {
            let score = bound / context.activation(j, penalty)
            if score > Self.interest { found.append((j, score)) }
        }
        found.sort { $0.score > $1.score || ($0.score == $1.score && $0.block < $1.block) }
        return found.map(\.block)
    }
}
