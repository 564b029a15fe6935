import Testing

@testable import SparseRegression

@Suite("Acceleration of rounds")
struct RoundAccelerationTests {
    /// x ← centre + rates·(x − centre), number by number: with as many rates as rounds but one, Anderson is exact.
    @Test("an affine map of two rates is solved by three rounds, whatever blocks come and go")
    func affine() throws {
        let centre = Matrix(rows: 4, columns: 3) { Double($0) - 2 * Double($1) + 0.5 }
        func next(_ x: Matrix) -> Matrix {
            Matrix(rows: 4, columns: 3) { centre[$0, $1] + ($0 < 2 ? 0.9 : -0.4) * (x[$0, $1] - centre[$0, $1]) }
        }
        func set(_ x: Matrix) -> ActiveSet { ActiveSet(blocks: [3, 8], offsets: [0, 1, 3], coefficients: x) }
        var acceleration = RoundAcceleration()
        // The first round begins at zero, where no block is active, and one block of the second is gone later.
        var x = Matrix(rows: 4, columns: 3)
        let first = acceleration.extrapolated(from: .empty(samples: 4), to: set(next(x)))
        #expect(first == nil)
        x = next(x)
        let more = ActiveSet(
            blocks: [1, 3, 8], offsets: [0, 2, 3, 5],
            coefficients: Matrix(rows: 4, columns: 5) { $1 < 2 ? 1 : x[$0, $1 - 2] })
        let second = acceleration.extrapolated(from: more, to: set(next(x)))
        #expect(second != nil)
        x = next(x)
        let last = acceleration.extrapolated(from: set(x), to: set(next(x)))
        let found = try #require(last)
        #expect(found.blocks == [3, 8] && found.offsets == [0, 1, 3])
        #expect((found.coefficients - centre).elements.allSatisfy { abs($0) < 1e-5 })
    }

    @Test("what does not move, or is not finite, is not extrapolated")
    func refusals() {
        let set = ActiveSet(blocks: [0], offsets: [0, 1], coefficients: Matrix(rows: 2, columns: 1) { _, _ in 1 })
        let bad = ActiveSet(blocks: [0], offsets: [0, 1], coefficients: Matrix(rows: 2, columns: 1) { _, _ in .nan })
        for (from, to) in [(set, set), (set, bad), (set, ActiveSet.empty(samples: 2))] {
            var acceleration = RoundAcceleration()
            let found = [from, from].map { acceleration.extrapolated(from: $0, to: to) }
            #expect(found == [nil, nil])
        }
    }
}
