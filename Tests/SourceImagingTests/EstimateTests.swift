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

    private func withErrorBars(_ source: EstimatedSource) -> EstimatedSource {
        var source = source
        source.region = SourceRegion(
            vertices: [3, 9], centre: source.position,
            axes: [SIMD3(0.012, 0.005, 0), SIMD3(0, 0, 0.008), SIMD3(0, 0.004, 0)], volume: 2e-6)
        source.probability = 0.875
        (source.amplitudeInterval, source.latencyInterval, source.extentInterval) = (2e-8...5e-8, 0.19...0.21, 0...0.01)
        return source
    }

    @Test("an interval is put back from its bounds: an upper bound alone is none, a lower one is open")
    func halfIntervals() throws {
        for interval in SourceInterval.all {
            var (lower, upper, crossed) = (
                source(Matrix(rows: 1, columns: 1)), source(Matrix(rows: 1, columns: 1)),
                source(Matrix(rows: 1, columns: 1))
            )
            let restore = interval.columns.compactMap(\.restore)
            try #require(restore.count == 2)
            restore[0](&lower, 2)
            #expect(lower[keyPath: interval.path] == 2...(.infinity))
            restore[1](&upper, 3)
            #expect(upper[keyPath: interval.path] == nil)
            for (put, value) in zip(restore, [4.0, 3]) { put(&crossed, value) }
            #expect(crossed[keyPath: interval.path] == 4...4)
        }
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
        let values = Dictionary(
            uniqueKeysWithValues: columns.map { ($0.name, $0.value(withErrorBars(one), [0.1, 0.2])) })
        let expected: [String: Double] = [
            "peak_amplitude": 3e-8, "peak_time": 0.2, "direction_x": 0, "direction_y": -1, "direction_z": 0,
            "field": 4, "share": 0.25, "extent": 0.005, "times_noise": 2, "found_fraction": 2.0 / 3,
            "half_axis_1": 0.013, "half_axis_2": 0.008, "half_axis_3": 0.004, "region_volume": 2e-6,
            "probability": 0.875,
            "peak_amplitude_low": 2e-8, "peak_amplitude_high": 5e-8, "peak_time_low": 0.19, "peak_time_high": 0.21,
            "extent_low": 0, "extent_high": 0.01,
            "position_spread": (12.5e-6 as Double).squareRoot(), "peak_spread": (2.0 as Double).squareRoot() / 3,
        ]
        #expect(Set(values.keys) == Set(expected.keys))
        for (name, value) in expected { #expect(abs(((values[name] ?? nil) ?? .nan) - value) < 1e-15, "\(name)") }
    }

    @Test("what is stored of a source is put back by its column")
    func restored() {
        var one = withErrorBars(source(Matrix(rows: 1, columns: 1, repeating: 1e-8)))
        one.region = nil
        var bare = one
        (bare.probability, bare.amplitudeInterval, bare.latencyInterval, bare.extentInterval) = (nil, nil, nil, nil)
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
