import Foundation
import LinearAlgebra
import Testing

@Suite("Factorizations and products")
struct FactorizationTests {
    @Test(
        "a product equals the sum it stands for",
        arguments: [(false, false), (true, false), (false, true), (true, true)])
    func product(_ transposeA: Bool, _ transposeB: Bool) {
        var random = SeededGenerator(seed: 3)
        let a = random.normal(rows: transposeA ? 5 : 4, columns: transposeA ? 4 : 5)
        let b = random.normal(rows: transposeB ? 6 : 5, columns: transposeB ? 5 : 6)
        let c = Matrix.product(a, transposed: transposeA, b, transposed: transposeB)
        let (opA, opB) = (transposeA ? a.transposed : a, transposeB ? b.transposed : b)
        #expect(c.rows == 4 && c.columns == 6)
        for i in 0..<4 {
            for j in 0..<6 {
                let sum = (0..<5).reduce(0.0) { $0 + opA[i, $1] * opB[$1, j] }
                #expect(abs(c[i, j] - sum) < 1e-12)
            }
        }
    }

    @Test("eigenvectors diagonalize and are orthonormal", arguments: [1, 2, 7, 40])
    func eigen(_ n: Int) throws {
        var random = SeededGenerator(seed: UInt64(n))
        let x = random.normal(rows: n, columns: n)
        let symmetric = x + x.transposed
        let eigen = try SymmetricEigen(symmetric)
        let rebuilt = Matrix.product(
            eigen.vectors * Matrix.diagonal(eigen.values), transposed: false, eigen.vectors, transposed: true)
        #expect((rebuilt - symmetric).squaredNorm < 1e-20 * Double(n * n) * (1 + symmetric.squaredNorm))
        let products = Matrix.product(eigen.vectors, transposed: true, eigen.vectors)
        #expect((products - .identity(n)).squaredNorm < 1e-22 * Double(n * n))
        #expect(eigen.values == eigen.values.sorted())
    }

    @Test("Cholesky solves, inverts, and refuses what is not positive definite")
    func cholesky() throws {
        var random = SeededGenerator(seed: 5)
        let x = random.normal(rows: 30, columns: 12)
        let gram = Matrix.product(x, transposed: true, x)
        let rhs = random.normal(rows: 12, columns: 3)
        let factor = try Cholesky(gram)
        #expect((gram * factor.solve(rhs) - rhs).squaredNorm < 1e-20)
        #expect((gram * factor.inverse() - .identity(12)).squaredNorm < 1e-20)
        #expect(throws: LinearAlgebraError.notPositiveDefinite(order: 2)) {
            try Cholesky(Matrix.diagonal([1, -1, 1]))
        }
    }

    @Test("singular values rebuild the matrix", arguments: [(3, 8), (8, 3), (5, 5)])
    func singularValues(_ rows: Int, _ columns: Int) throws {
        var random = SeededGenerator(seed: 9)
        let a = random.normal(rows: rows, columns: columns)
        let svd = try SingularValues(a)
        #expect((svd.u * Matrix.diagonal(svd.values) * svd.vt - a).squaredNorm < 1e-22 * a.squaredNorm)
        #expect(svd.values == svd.values.sorted(by: >))
    }

    @Test("NaN is refused, not decomposed")
    func notFinite() {
        var matrix = Matrix.identity(3)
        matrix[1, 1] = .nan
        #expect(throws: LinearAlgebraError.notFinite) { try SymmetricEigen(matrix) }
        #expect(throws: LinearAlgebraError.notFinite) { try SingularValues(matrix) }
        #expect(matrix.firstNonFinite.map { [$0.row, $0.column] } == [1, 1])
    }
}

@Suite("Random numbers, pieces")
struct NumbersTests {
    @Test("a seed gives the same numbers, and they look normal")
    func normal() {
        var first = SeededGenerator(seed: 42)
        var second = SeededGenerator(seed: 42)
        let sample = (0..<20_000).map { _ in first.normal() }
        #expect(sample == (0..<20_000).map { _ in second.normal() })
        let mean = sample.reduce(0, +) / 20_000
        let variance = sample.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
        let fourth = sample.reduce(0) { $0 + ($1 - mean) * ($1 - mean) * ($1 - mean) * ($1 - mean) } / 20_000
        // Five standard errors each.
        #expect(abs(mean) < 5 / 20_000.0.squareRoot())
        #expect(abs(variance - 1) < 5 * (2 / 20_000.0).squareRoot())
        #expect(abs(fourth - 3) < 5 * (96 / 20_000.0).squareRoot())
    }

    @Test("pieces cover every item once, on any number of threads", arguments: [1, 2, 5])
    func pieces(_ threads: Int) {
        let count = 103
        nonisolated(unsafe) let hits = UnsafeMutablePointer<Int>.allocate(capacity: count)
        defer { hits.deallocate() }
        hits.initialize(repeating: 0, count: count)
        Parallelism(threads: threads).forEachPiece(of: count, piece: 10) { number, items in
            for i in items { hits[i] += 1 + number * 0 }
        }
        #expect((0..<count).allSatisfy { hits[$0] == 1 })
    }
}
