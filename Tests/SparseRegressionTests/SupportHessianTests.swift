import SparseRegression
import Testing

@Suite("Second derivative on the support")
struct SupportHessianTests {
    /// A random support with its Gram matrix and coefficients.
    struct Support {
        let gram: Matrix
        let coefficients: Matrix
        let offsets: [Int]

        init(sizes: [Int], samples: Int, rows: Int = 30, seed: UInt64) {
            var random = SeededGenerator(seed: seed)
            offsets = BlockStructure(sizes: sizes).offsets
            let design = random.normal(rows: rows, columns: offsets[sizes.count])
            gram = Matrix.product(design, transposed: true, design)
            coefficients = random.normal(rows: samples, columns: offsets[sizes.count])
        }

        /// The gradient of ½⟨B, GB⟩ + Σ λ_j‖B_j‖ + ½ μ_j‖B_j‖², written out.
        func gradient(_ b: Matrix, _ lambda: [Double], _ ridge: [Double]) -> Matrix {
            var result = b * gram
            for j in 0..<(offsets.count - 1) {
                let own = b.columns(offsets[j]..<offsets[j + 1])
                let norm = own.squaredNorm.squareRoot()
                for c in offsets[j]..<offsets[j + 1] {
                    for t in 0..<b.rows { result[t, c] += (lambda[j] / norm + ridge[j]) * b[t, c] }
                }
            }
            return result
        }
    }

    @Test(
        "it inverts the derivative of the gradient, by finite differences",
        arguments: [[1, 1, 1], [3, 3], [1, 3, 2, 1]], [1, 5])
    func inverse(_ sizes: [Int], _ samples: Int) throws {
        let support = Support(sizes: sizes, samples: samples, seed: 3)
        let lambda = sizes.indices.map { 2 + Double($0) }
        let ridge = sizes.indices.map { $0 % 2 == 0 ? 0 : 0.7 }
        let norms = sizes.indices.map { j in
            support.coefficients.columns(support.offsets[j]..<support.offsets[j + 1]).squaredNorm.squareRoot()
        }
        let hessian = try #require(
            SupportHessian(
                gram: support.gram, coefficients: support.coefficients, offsets: support.offsets,
                slopes: sizes.indices.map { (lambda[$0] + ridge[$0] * norms[$0], ridge[$0]) }))
        var random = SeededGenerator(seed: 4)
        let direction = random.normal(rows: samples, columns: support.gram.rows)
        let step = 1e-5
        let forward = support.gradient(support.coefficients + direction * step, lambda, ridge)
        let backward = support.gradient(support.coefficients - direction * step, lambda, ridge)
        let image = (forward - backward) * (0.5 / step)
        let recovered = hessian.solve(image)
        #expect((recovered - direction).squaredNorm.squareRoot() < 1e-7 * direction.squaredNorm.squareRoot())
    }

    @Test("a copied column leaves it solvable, and zero blocks are refused")
    func degenerate() throws {
        let support = Support(sizes: [1, 1], samples: 3, seed: 5)
        let copied = Matrix(rows: 2, columns: 2, repeating: support.gram[0, 0])
        let same = support.coefficients.columns([0, 0])
        let hessian = try #require(
            SupportHessian(gram: copied, coefficients: same, offsets: [0, 1, 2], slopes: [(1, 0), (1, 0)]))
        // One column at twice the amplitude has the same fit, and the same degrees of freedom.
        let single = try #require(
            SupportHessian(
                gram: Matrix(rows: 1, columns: 1, repeating: support.gram[0, 0]), coefficients: same.columns([0]) * 2,
                offsets: [0, 1], slopes: [(1, 0)]))
        #expect(abs(hessian.degreesOfFreedom(samples: 3) - single.degreesOfFreedom(samples: 3)) < 1e-9)
        let zero = Matrix(rows: 3, columns: 2)
        #expect(
            SupportHessian(gram: support.gram, coefficients: zero, offsets: [0, 1, 2], slopes: [(1, 0), (1, 0)]) == nil)
    }
}
