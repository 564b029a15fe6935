import Testing

@testable import TimeFrequency

@Suite("Time-frequency mixed norms")
struct TimeFrequencyPenaltyTests {
    /// A penalty, weighted or not, and a random block.
    private func setting(
        _ rho: Double, _ width: Int, isWeighted: Bool
    ) throws -> (penalty: TimeFrequencyPenalty, values: Matrix) {
        let own = try Case(width: width, windows: [(4, 2), (8, 2)])
        var random = SeededGenerator(seed: 3)
        let penalty = try TimeFrequencyPenalty(
            frame: own.frame, lambda: 0.7, rho: rho, weights: isWeighted ? own.weights() : .none)
        return (penalty, random.normal(rows: own.frame.size, columns: width))
    }

    /// ‖V_g‖ of all groups.
    private func sizes(_ v: Matrix, _ frame: GaborFrame) -> [Double] {
        (0..<frame.groupCount).map { g in
            v.rows(frame.groupOffsets[g]..<frame.groupOffsets[g + 1]).squaredNorm.squareRoot()
        }
    }

    @Test("the dual norm is the root of its definition", arguments: [0, 0.03, 0.3, 0.9, 1], [1, 3])
    func dualNorm(_ rho: Double, _ width: Int) throws {
        for isWeighted in [false, true] {
            let (penalty, v) = try setting(rho, width, isWeighted: isWeighted)
            let scales = penalty.groupScales(of: 2)
            let norm = penalty.dualNorm(v, block: 2)
            let groups = sizes(v, penalty.frame)
            let square = zip(groups, scales).reduce(0.0) { sum, pair in
                let rest = pair.1 < .infinity ? max(0, pair.0 - norm * rho * pair.1) : 0
                return sum + rest * rest
            }
            #expect(abs(square.squareRoot() - (1 - rho) * norm * penalty.spaceWeight(2)) < 1e-12 * norm)
            if rho == 1 {
                #expect(norm == zip(groups, scales).reduce(0) { max($0, $1.0 / $1.1) })
            }
            // ⟨V, Z⟩ ≤ Ω*(V)·Ω(Z), with equality at the Z that V shrinks to.
            let z = try penalty.with(lambda: norm * (1 - 1e-7)).proximal(v, step: 1, block: 2)
            let product = zip(v.elements, z.elements).reduce(0) { $0 + $1.0 * $1.1 }
            let bound = norm * penalty.norm(z, block: 2)
            #expect(product <= bound * (1 + 1e-12) && product > bound * (1 - 1e-5))
        }
    }

    @Test("nothing nearby is lower than the prox", arguments: [0, 0.2, 0.8, 1], [1, 3])
    func proximal(_ rho: Double, _ width: Int) throws {
        for isWeighted in [false, true] {
            let (penalty, v) = try setting(rho, width, isWeighted: isWeighted)
            let scales = penalty.groupScales(of: 1)
            var random = SeededGenerator(seed: 4)
            for step in [0.1, 0.5, 3, 100] {
                let prox = penalty.proximal(v, step: step, block: 1)
                func value(_ z: Matrix) -> Double {
                    0.5 * (z - v).squaredNorm + step * penalty.lambda * penalty.norm(z, block: 1)
                }
                let lowest = value(prox)
                let offsets = penalty.frame.groupOffsets
                for (g, scale) in scales.enumerated() where scale == .infinity {
                    #expect(prox.rows(offsets[g]..<offsets[g + 1]).squaredNorm == 0)
                }
                for size in [1e-4, 1e-2, 1] {
                    for _ in 0..<20 {
                        var other = prox + random.normal(rows: v.rows, columns: width) * size
                        for (g, scale) in scales.enumerated() where scale == .infinity || random.uniform() < 0.5 {
                            for row in penalty.frame.groupOffsets[g]..<penalty.frame.groupOffsets[g + 1] {
                                for c in 0..<width { other[row, c] = scale == .infinity ? 0 : prox[row, c] }
                            }
                        }
                        #expect(value(other) >= lowest - 1e-13)
                    }
                    #expect(value(prox * (1 - size)) >= lowest - 1e-13)
                }
            }
        }
    }

    @Test("ρ = 0 is the norm of the block, ρ = 1 the sum over groups; an infinite weight excludes a source")
    func ends() throws {
        let (none, v) = try setting(0, 3, isWeighted: false)
        let norm = v.squaredNorm.squareRoot()
        #expect(abs(none.norm(v, block: 0) - norm) < 1e-12 && abs(none.dualNorm(v, block: 0) - norm) < 1e-12)
        let (all, _) = try setting(1, 3, isWeighted: false)
        let sum = zip(sizes(v, all.frame), all.frame.groupWeights).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(all.norm(v, block: 0) - sum) < 1e-12 * sum)
        let (some, _) = try setting(0.5, 3, isWeighted: true)
        #expect(some.proximal(v, step: 0.01, block: 10).squaredNorm == 0 && some.dualNorm(v, block: 10) == 0)
    }

    @Test("impossible penalties are told")
    func refusals() throws {
        let frame = try Case().frame
        func refused(_ expected: TimeFrequencyPenalty.Invalid, _ body: () throws -> Void) {
            #expect(throws: expected) { try body() }
            #expect(!expected.description.isEmpty)
        }
        for lambda in [0, -1, Double.infinity] {
            refused(.lambda(lambda)) { _ = try TimeFrequencyPenalty(frame: frame, lambda: lambda, rho: 0.5) }
        }
        for rho in [-0.1, 1.1] {
            refused(.rho(rho)) { _ = try TimeFrequencyPenalty(frame: frame, lambda: 1, rho: rho) }
        }
        refused(.weight(0)) {
            _ = try TimeFrequencyPenalty(frame: frame, lambda: 1, rho: 0.5, weights: .init(space: [1, 0]))
        }
        refused(.count(found: 3, expected: frame.groupCount)) {
            let time = Matrix(rows: 3, columns: 2, repeating: 1)
            _ = try TimeFrequencyPenalty(frame: frame, lambda: 1, rho: 0.5, weights: .init(time: time))
        }
    }
}
