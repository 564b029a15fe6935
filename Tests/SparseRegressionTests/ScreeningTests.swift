import Testing

@testable import SparseRegression

@Suite("Screening")
struct ScreeningTests {
    /// A small problem of its own for every number.
    static func plan(_ number: Int) -> ConvexCase.Plan {
        var random = SeededGenerator(seed: UInt64(50_000 + number))
        func one<T>(_ list: [T]) -> T { list[Int(random.next() % UInt64(list.count))] }
        let isOfEntries = number % 5 == 4
        let width = one([1, 2, 3])
        return ConvexCase.Plan(
            rows: one([4, 8, 12]), sizes: (0..<one([6, 15, 30])).map { _ in width },
            samples: isOfEntries ? 1 : one([1, 3]),
            correlation: one([0, 0.7, 0.99]), weighting: one(ConvexCase.Weighting.allCases), ratio: 1,
            isRidged: one([false, false, true]), isOfEntries: isOfEntries, hasCopies: one([false, true]),
            seed: UInt64(number))
    }

    @Test("no block of an optimum is ever screened: 10 000 solves along paths", arguments: 0..<20)
    func safety(_ part: Int) throws {
        var (screened, held) = (0, 0)
        for number in part * 125..<(part + 1) * 125 {
            var own = try ConvexCase(Self.plan(number))
            if own.isOfEntries {
                // One sample, with columns as blocks: entries as the session sees them.
                own.problem = try own.problem.singleEntries(response: own.problem.response)
            }
            let largest = own.lambda
            var unscreening = AndersonDescent()
            unscreening.screens = false
            let exact = unscreening.session(for: own.problem, parallelism: .serial)
            let watched = AndersonDescent().session(for: own.problem, parallelism: .serial)
            var start: ActiveSet?
            // Warm starts down and up a path; each solve looks at all blocks, and screens, several times.
            for ratio in [0.7, 0.2, 0.05, 0.4] {
                own.lambda = ratio * largest
                let penalty = try own.penalty()
                let best = exact.solve(
                    penalty, from: start, stop: StopRule(relativeGap: 1e-12), monitor: .silent)
                // A point within 1e-12 of the optimum may hold a trace of a block that the optimum does not. What the
                // optimum holds has a slope of exactly λ_j; the residual is within √(2·gap) of the optimal one.
                let slopes = own.problem.correlationNorms(
                    own.problem.response - best.active.fit(in: own.problem), parallelism: .serial)
                let room = (2 * best.certificate.relativeGap * best.scale).squareRoot()
                let optimum = Set(
                    best.active.blocks.filter {
                        slopes[$0] + room * watched.correlations.norms[$0] >= penalty.activation(step: 1, block: $0)
                    })
                held += optimum.count
                let solution = watched.solve(
                    try own.penalty(), from: start, stop: StopRule(relativeGap: 1e-8), monitor: .silent)
                let removed = watched.isScreened.indices.filter { watched.isScreened[$0] }
                screened += removed.count
                let wrong = removed.filter(optimum.contains)
                #expect(wrong.isEmpty, "\(own), λ \(ratio): \(wrong)")
                #expect(solution.certificate.screenedBlocks == removed.count)
                start = solution.active
            }
        }
        #expect(screened > 5_000 && held > 1_000, "\(screened) screened, \(held) in the optima")
    }
}

@Suite("Correlations carried along")
struct CorrelationsTests {
    @Test("bounds hold after any moves, and are exact where they say so", arguments: 0..<40, [false, true])
    func bounds(_ seed: Int, _ isSingle: Bool) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let (n, samples) = (1 + seed % 13, 1 + seed % 4)
        let blocks = BlockStructure(sizes: (0..<30).map { 1 + ($0 * seed) % 3 + $0 / 28 * 3 })
        var x = random.normal(rows: n, columns: blocks.columnCount)
        // Blocks of two equal largest singular values, of zeros, and of very different columns.
        for i in 0..<n {
            x[i, 0] = 0
            x[i, blocks.columnCount - 1] *= 1e-9
            if blocks.columns(of: 3).count == 3 {
                for (k, c) in blocks.columns(of: 3).enumerated() { x[i, c] = i == k && k < 2 ? 1 : 0 }
            }
        }
        let single = Design(rows: n, columns: x.columns, elements: x.elements.map(Float.init))
        let design = isSingle ? single : Design(x)
        x = design.matrix
        let correlations = Correlations(
            design: design, blocks: blocks, samples: samples, parallelism: Parallelism(threads: 1 + seed % 3),
            allocations: AllocationCount())
        for block in 0..<blocks.count {
            let columns = x.columns(Array(blocks.columns(of: block)))
            let largest = try SingularValues(columns).values.first ?? 0
            #expect(correlations.norms[block] >= largest)
            #expect(correlations.norms[block] <= largest * (1 + 1e-7))
        }
        var residual = random.normal(rows: n, columns: samples)
        for step in 0..<60 {
            let size = [1, 1e-3, 1e-9, 1e-14, 0][Int(random.next() % 5)]
            residual = residual + random.normal(rows: n, columns: samples) * size
            if step % 17 == 16 { residual = residual * 1e-7 }
            residual.elements.withUnsafeBufferPointer { if let r = $0.baseAddress { correlations.move(to: r) } }
            let (kind, level) = (random.next() % 5, 3 * random.uniform())
            if kind == 0 { correlations.refresh { _ in level } }
            if kind == 1 { correlations.refresh { $0 % 3 == 0 ? .infinity : -1 } }
            if kind == 3 { correlations.refine { _ in level } }
            let product = Matrix.product(x, transposed: true, residual)
            for block in 0..<blocks.count {
                let truth = product.rows(blocks.columns(of: block)).squaredNorm.squareRoot()
                let rounding = 1e-14 * correlations.norms[block] * residual.squaredNorm.squareRoot()
                #expect(correlations.bounds[block] >= truth - rounding)
                if correlations.isExact[block] { #expect(abs(correlations.bounds[block] - truth) <= rounding) }
                if kind == 3, level < correlations.bounds[block] { #expect(correlations.isExact[block]) }
                if kind == 0, level < correlations.bounds[block], !isSingle { #expect(correlations.isExact[block]) }
                if kind == 0, level < correlations.bounds[block] - 1e-4 * (1 + truth) {
                    // Single precision knows it to its own rounding.
                    let width = Double(blocks.columns(of: block).count)
                    let single =
                        2 * Double(n + 4) * 0x1p-24 * width.squareRoot() * correlations.norms[block]
                        * residual.squaredNorm.squareRoot()
                    #expect(correlations.bounds[block] <= truth + single + rounding)
                }
            }
        }
    }
}
