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
        #expect(TemporalNoise.white.correlation(5) == .identity(5))
    }

    @Test(
        "slow noise loses its memory and keeps its variance, in baseline and window alike", arguments: [0.5, 0.9, -0.6])
    func slow(_ strength: Double) throws {
        let noise = course(strength, 8, 4000)
        let temporal = TemporalNoise(noise)
        #expect(!temporal.isWhite)
        let correlation = temporal.correlation(30)
        for lag in 0..<3 { #expect(abs(correlation[5 + lag, 5] - pow(strength, Double(lag))) < 0.05) }
        func memory(_ x: Matrix) -> Double {
            (0..<x.rows).reduce(0) { sum, i in
                let row = x.row(i)
                let power = row.reduce(0) { $0 + $1 * $1 }
                return sum + zip(row, row.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / power / Double(x.rows)
            }
        }
        // Columns of what a stretch is reduced to are independent, all as strong as the channels are.
        let basis = TemporalBasis(Matrix(rows: 8, columns: 0), beside: noise, noise: temporal)
        #expect(basis.band == 1 && basis.count(30) == 30)
        let reducer = basis.matrix(30)
        let reduced: [Matrix] = (0..<130).map { (k: Int) in noise.columns(Array((30 * k)..<(30 * k + 30))) * reducer }
        for i in 0..<8 {
            let own = noise.row(i).reduce(0) { $0 + $1 * $1 } / 4000
            let rows = reduced.map { $0.row(i) }
            let powers = (0..<30).map { k in rows.reduce(0) { $0 + $1[k] * $1[k] } / 130 / own }
            #expect(powers.allSatisfy { (0.5...1.7).contains($0) }, "\(powers)")
        }
        let mean = reduced.reduce(0.0) { $0 + memory($1) } / 130
        #expect(abs(mean) < 0.05, "\(mean)")
    }

    @Test("a band ends where the window is as the noise before it; without a response it is the narrowest")
    func band() {
        var random = SeededGenerator(seed: 7)
        let noise = random.normal(rows: 30, columns: 600)
        let topography = random.normal(rows: 30, columns: 1)
        // A response of 12 cosines, and noise of all frequencies.
        func band(_ strength: Double, _ highest: Int) -> Double {
            var window = random.normal(rows: 30, columns: 60)
            for k in 0..<highest {
                for t in 0..<60 {
                    let wave = strength * cos(.pi * (Double(t) + 0.5) * Double(k) / 60)
                    for i in 0..<30 { window[i, t] += topography[i, 0] * wave }
                }
            }
            return TemporalBasis(window, beside: noise, noise: .white).band
        }
        #expect((12...16).contains(Int((60 * band(1, 12)).rounded())))
        #expect((24...28).contains(Int((60 * band(1, 24)).rounded())))
        #expect(band(1, 60) == 1)
        let without = (0..<20).map { _ in band(0, 0) }
        #expect(without.count { $0 <= 0.1 } >= 16, "\(without)")
        #expect(TemporalBasis(noise, beside: Matrix(rows: 30, columns: 20), noise: .white).band == 1)
        #expect(TemporalBasis(noise, beside: Matrix(rows: 30, columns: 100), noise: .white).band <= 1)
    }

    @Test("cosines of a band are orthonormal, whatever their number; all of them are everything")
    func cosines() {
        var random = SeededGenerator(seed: 9)
        let noise = random.normal(rows: 10, columns: 400)
        let quiet = TemporalBasis(noise.columns(0..<40), beside: noise, noise: .white)
        for length in [1, 7, 40] {
            let m = quiet.matrix(length)
            #expect(m.columns == quiet.count(length) && m.rows == length)
            let gram = Matrix.product(m, transposed: true, m)
            let scale = gram[0, 0]
            #expect((gram - Matrix.identity(m.columns) * scale).squaredNorm < 1e-20 * Double(length))
        }
        #expect(TemporalBasis.identity.matrix(4) == .identity(4))
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
        #expect(few.candidates.contains(1) && few.candidates.count <= 2)
        #expect(try found(30).candidates.count >= 4)
        #expect(try found(2).extents == 0...0.005)
        #expect(try found(2).amplitudeSpread > 0.2)
        #expect(Whereabouts([[0, 0]], extents: [0], noise: 1, gainError: 0, rows: 9, gains: [[1, 1]]) == nil)
    }
}
