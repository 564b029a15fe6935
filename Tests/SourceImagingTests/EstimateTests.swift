import Testing

@testable import SourceImaging

@Suite("Estimates and what is told of their sources")
struct EstimateTests {
    private func source(_ amplitudes: Matrix, axes: [SIMD3<Double>]? = nil) -> EstimatedSource {
        EstimatedSource(
            index: 3, position: SIMD3(0.01, 0.02, 0.03), hemisphere: .left, vertex: 7, amplitudes: amplitudes,
            axes: axes, field: 4, share: 0.25, extent: 0.005, timesNoise: 2,
            stability: Stability.Source(distances: [0.003, nil, 0.004], amplitudes: [2e-8, nil, 4e-8]))
    }

    @Test("a source without samples has no peak, and its amplitude is 0", arguments: [1, 3])
    func noSamples(axes: Int) {
        let silent = source(Matrix(rows: axes, columns: 0), axes: [SIMD3](repeating: SIMD3(1, 0, 0), count: axes))
        #expect(silent.peakAmplitude == 0 && silent.peakSample == 0 && silent.timeCourse.isEmpty)
        #expect(silent.peakTime(in: [0.1]) == nil && silent.peakDirection == nil)
    }

    @Test("the peak is where the dipole is longest; its direction times its length is the dipole there")
    func peak() throws {
        let axes = [SIMD3(1.0, 0, 0), SIMD3(0, 1.0, 0), SIMD3(0, 0, 1.0)]
        let turning = source(Matrix(rows: 3, columns: 3) { Double($0 + 1) * [1e-9, -2e-9, 1.5e-9][$1] }, axes: axes)
        #expect(turning.peakSample == 1 && turning.peakTime(in: [0.1, 0.2, 0.3]) == 0.2)
        #expect(turning.peakTime(in: [0.1]) == nil)
        let moment = try #require(turning.peakDirection) * turning.peakAmplitude
        for k in 0..<3 { #expect(abs(moment[k] + Double(k + 1) * 2e-9) < 1e-24) }
        #expect(source(Matrix(rows: 1, columns: 2)).peakDirection == nil)
    }

    @Test("every column has a name of its own wherever it is told, and the value of its quantity")
    func columns() {
        let columns = SourceColumn.all
        for names in [columns.map(\.name), columns.map(\.table.name), columns.compactMap(\.summary?.name)] {
            #expect(Set(names).count == names.count)
        }
        #expect(columns.allSatisfy { !$0.meaning.isEmpty })
        let one = source(Matrix(rows: 1, columns: 2) { [1e-8, -3e-8][$0 + $1] }, axes: [SIMD3(0, 1, 0)])
        let values = Dictionary(uniqueKeysWithValues: columns.map { ($0.name, $0.value(one, [0.1, 0.2])) })
        let expected: [String: Double] = [
            "peak_amplitude": 3e-8, "peak_time": 0.2, "direction_x": 0, "direction_y": -1, "direction_z": 0,
            "field": 4, "share": 0.25, "extent": 0.005, "times_noise": 2, "found_fraction": 2.0 / 3,
            "position_spread": (12.5e-6 as Double).squareRoot(), "peak_spread": (2.0 as Double).squareRoot() / 3,
        ]
        #expect(Set(values.keys) == Set(expected.keys))
        for (name, value) in expected { #expect(abs(((values[name] ?? nil) ?? .nan) - value) < 1e-15, "\(name)") }
    }

    @Test("what is stored of a source is put back by its column")
    func restored() {
        let one = source(Matrix(rows: 1, columns: 1, repeating: 1e-8))
        var bare = one
        (bare.field, bare.share, bare.extent, bare.timesNoise) = (0, 0, nil, nil)
        #expect(bare != one)
        for column in SourceColumn.all {
            guard let restore = column.restore, let value = column.value(one, [0]) else { continue }
            #expect(column.isStored)
            restore(&bare, value)
        }
        #expect(bare == one)
    }
}
