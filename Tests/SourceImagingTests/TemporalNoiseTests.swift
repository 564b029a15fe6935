import Foundation
import LinearAlgebra
import Testing

@testable import SourceImaging

/// Noise in time, and what noise makes a source explain.
@Suite struct TemporalNoiseTests {
    /// Channels of an autoregression of order one, each in a unit of its own.
    private func course(_ memory: Double, _ rows: Int, _ count: Int) -> Matrix {
        var random = SeededGenerator(seed: 3)
        var noise = Matrix(rows: rows, columns: count)
        for i in 0..<rows {
            var state = 0.0
            for t in -50..<count {
                state = memory * state + random.normal()
                if t >= 0 { noise[i, t] = state * pow(10, Double(-i)) }
            }
        }
        return noise
    }

    @Test("white noise is white, and little noise is taken as such")
    func white() {
        #expect(TemporalNoise(course(0, 8, 2000)).isWhite)
        #expect(TemporalNoise(course(0.9, 8, 50)).isWhite)
        #expect(TemporalNoise(Matrix(rows: 4, columns: 100, repeating: 2)).isWhite)
        #expect(TemporalNoise(Matrix(rows: 4, columns: 0)).isWhite)
        #expect(TemporalNoise.white.whitener(5) == .identity(5))
        #expect(TemporalNoise.white.independentPart == 1)
    }

    @Test(
        "slow noise loses its memory and keeps its variance, in baseline and window alike", arguments: [0.5, 0.9, -0.6])
    func slow(_ strength: Double) throws {
        let noise = course(strength, 8, 4000)
        let temporal = TemporalNoise(noise)
        #expect(!temporal.isWhite && temporal.independentPart < 1)
        func memory(_ x: Matrix) -> Double {
            (0..<x.rows).reduce(0) { sum, i in
                let row = x.row(i)
                let power = row.reduce(0) { $0 + $1 * $1 }
                return sum + zip(row, row.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / power / Double(x.rows)
            }
        }
        #expect(abs(memory(temporal.whitened(noise))) < 0.5 * abs(memory(noise)))
        // A window is whitened by the inverse root of a correlation matrix: its inverse square has a diagonal of one.
        let whitener = temporal.whitener(30)
        let correlations = try Cholesky(whitener * whitener).inverse()
        for t in 0..<30 { #expect(abs(correlations[t, t] - 1) < 1e-6) }
        let windows: [Matrix] = (0..<100).map { (k: Int) in noise.columns(Array((40 * k)..<(40 * k + 30))) * whitener }
        let mean: Double = windows.reduce(0.0) { $0 + memory($1) } / 100
        #expect(abs(mean) < 0.5 * abs(memory(noise)))
    }

    @Test("what noise exceeds at a rate, it exceeds at that rate")
    func extremes() {
        let extremes = NoiseExtremes([80, 100, 90, 110, 95])
        for rate in [0.01, 0.05, 0.3] { #expect(abs(extremes.tail(extremes.quantile(rate)) - rate) < 1e-12) }
        #expect(extremes.tail(0) == 1 && extremes.tail(1e9) < 1e-6 && extremes.uncertainty(0.05) > 0)
        // Gumbel draws of the logarithm, five at a time: the next one exceeds the quantile about as often as asked for.
        var random = SeededGenerator(seed: 5)
        func draw() -> Double { exp(4 - 0.1 * log(-log(max(1e-300, random.uniform())))) }
        let exceeded = (0..<4000).count { _ in
            let known = NoiseExtremes((0..<10).map { _ in draw() })
            return draw() > known.quantile(0.05)
        }
        #expect((0.03...0.09).contains(Double(exceeded) / 4000), "\(exceeded)")
    }

    @Test("the place of a source: the best candidates first, more of them where noise is stronger")
    func whereabouts() throws {
        let scores: [[Double]] = [[10, 40, 38, 5, 0], [12, 37, 39, 8, 0]]
        let gains = [[Double]](repeating: [1, 1, 2, 1, 0], count: 2)
        func found(_ noise: Double) throws -> Whereabouts {
            try #require(
                Whereabouts(scores, extents: [0, 0.005], noise: noise, gainError: 0, rows: 100, gains: gains))
        }
        let few = try found(0.1)
        #expect(few.candidates.map(\.block).contains(1) && few.candidates.count <= 2)
        #expect(try found(30).candidates.count >= 4)
        #expect(try found(2).extents == 0...0.005)
        #expect(try found(2).amplitudeSpread > 0.2)
        #expect(Whereabouts([[0, 0]], extents: [0], noise: 1, gainError: 0, rows: 9, gains: [[1, 1]]) == nil)
    }
}
