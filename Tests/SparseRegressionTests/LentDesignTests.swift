import Testing

@testable import SparseRegression

@Suite("Designs that the caller lends")
struct LentDesignTests {
    /// Runs `body` with the numbers of a problem lent, in one precision or the other.
    private func withLent(
        _ base: RegressionProblem, single: Bool, _ body: (_ lent: Design, _ own: Design) throws -> Void
    ) rethrows {
        let (rows, columns) = (base.design.rows, base.design.columns)
        let numbers = base.design.matrix.elements
        if single {
            let rounded = numbers.map(Float.init)
            try rounded.withUnsafeBufferPointer { p in
                guard let first = p.baseAddress else { return }
                try body(
                    Design(lent: LentMatrix(first, rows: rows, columns: columns)),
                    Design(rows: rows, columns: columns, elements: rounded))
            }
        } else {
            try numbers.withUnsafeBufferPointer { p in
                guard let first = p.baseAddress else { return }
                try body(
                    Design(lent: LentMatrix(first, rows: rows, columns: columns)),
                    Design(Matrix(rows: rows, columns: columns, elements: numbers)))
            }
        }
    }

    @Test("every engine finds the same, bit by bit, as with a copy", arguments: Engine.main, [false, true])
    func sameBits(_ engine: Engine, _ isSingle: Bool) throws {
        let base = try randomProblem(n: 20, blocks: 70, width: 3, samples: 4, seed: 5)
        try withLent(base, single: isSingle) { lent, own in
            let problems = try [lent, own].map {
                try RegressionProblem(design: $0, response: base.response, blocks: base.blocks)
            }
            let penalty = try GroupLasso(lambda: 0.2 * problems[0].largestLambda())
            let solutions = problems.map { engine.solver.solve($0, penalty) }
            #expect(solutions[0].active == solutions[1].active && solutions[0].active.count > 0)
            #expect(solutions[0].certificate == solutions[1].certificate)
        }
    }

    @Test("all that is asked of a design is answered as of a copy", arguments: [false, true])
    func parts(_ isSingle: Bool) throws {
        let base = try randomProblem(n: 9, blocks: 12, width: 2, samples: 2, seed: 6)
        withLent(base, single: isSingle) { lent, own in
            #expect(lent == own && lent.matrix == own.matrix && lent.isSinglePrecision == own.isSinglePrecision)
            #expect(lent.rows([4, 0, 8]) == own.rows([4, 0, 8]) && lent.subset([3, 1]) == own.subset([3, 1]))
            #expect(lent.columns([5, 5]) == own.columns([5, 5]) && lent[3, 7] == own[3, 7])
            #expect(lent.squaredNorm == own.squaredNorm && lent.isZero == own.isZero && lent.firstNonFinite == nil)
        }
    }

    @Test("a number that is none is found where it lies")
    func notFinite() {
        let numbers = [1, 2, 3, 4, .nan, 6.0]
        numbers.withUnsafeBufferPointer { p in
            guard let first = p.baseAddress else { return }
            let found = Design(lent: LentMatrix(first, rows: 2, columns: 3)).firstNonFinite
            #expect(found?.row == 0 && found?.column == 2)
        }
    }
}
