import Foundation
import Testing

@testable import SourceImaging

@Suite("Amplitudes of a group at fixed places")
struct PlaceAmplitudesTests {
    /// A fit of two places whose amplitudes are those given, with a bump about a time.
    static func fit(
        _ amplitudes: [Double], peak: Double = 0.1, error: Double = 1e-9, times: [Double]? = nil
    ) throws -> PlaceFit {
        let times = times ?? (0..<41).map { Double($0) / 200 }
        let fields = Matrix.identity(amplitudes.count) * (1 / error)
        let response = Matrix(rows: amplitudes.count, columns: times.count) {
            amplitudes[$0] / error * exp(-pow((times[$1] - peak) / 0.02, 2))
        }
        return try PlaceFit.fit([
            PlaceRecording(
                times: times, widths: amplitudes.map { _ in 1 }, fields: fields,
                priors: amplitudes.map { _ in 1 }, axes: amplitudes.map { _ in nil }, response: response,
                noiseVariance: 1, noise: .white, knowsNoiseInTime: true)
        ]).fits[0]
    }

    static func recordings(_ signs: [Double] = [1, -1, 1]) throws -> [PlaceAmplitudes.Recording] {
        try signs.enumerated().flatMap { s, sign in
            try [("b", 3e-8, 2e-9), ("a", 2e-8, 1e-9)].map { condition, size, error in
                try PlaceAmplitudes.Recording(
                    subject: "s\(s)", condition: condition,
                    fit: fit([sign * size, -sign * size], error: error))
            }
        }
    }

    @Test("a subject's sign is that of all its conditions pooled; order does not matter")
    func signs() throws {
        let recordings = try Self.recordings()
        let amplitudes = try PlaceAmplitudes(recordings, averaging: .peak(halfWidth: 0))
        #expect(amplitudes.rows.map(\.condition) == ["a", "b", "a", "b", "a", "b"])
        for row in amplitudes.rows {
            let size = row.condition == "a" ? 2e-8 : 3e-8
            #expect(row.amplitudes.allSatisfy { abs($0 - size) < 1e-15 })
        }
        #expect(amplitudes.latencies == [0.1, 0.1] && amplitudes.warnings.isEmpty)
        #expect(try PlaceAmplitudes(recordings.reversed(), averaging: .peak(halfWidth: 0)).rows == amplitudes.rows)
        // What is opposite to the rest stays so: the more exact condition decides.
        let opposite = try PlaceAmplitudes(
            [
                .init(subject: "s", condition: "a", fit: Self.fit([-2e-8], error: 1e-9)),
                .init(subject: "s", condition: "b", fit: Self.fit([3e-8], error: 1e-8)),
            ], averaging: .peak(halfWidth: 0))
        #expect(opposite.rows[0].amplitudes[0] > 0 && opposite.rows[1].amplitudes[0] < 0)
    }

    @Test("cross-talk turns with the sign of a place")
    func covarianceSigns() throws {
        let mixed = Matrix(rows: 3, columns: 2, elements: [1, 0.5, 0, 0.5, 1, 0]) * 1e9
        func rows(_ sign: Double) throws -> PlaceAmplitudes.Row {
            let recording = PlaceRecording(
                times: [0, 1], widths: [1, 1], fields: mixed, priors: [1, 1], axes: [nil, nil],
                response: mixed * Matrix(rows: 2, columns: 2, elements: [5e-9, sign * 5e-9, 5e-9, sign * 5e-9]),
                noiseVariance: 1, noise: .white, knowsNoiseInTime: true)
            let fit = try PlaceFit.fit([recording]).fits[0]
            return try PlaceAmplitudes(
                [.init(subject: "s", condition: "", fit: fit)], averaging: .window(nil)
            ).rows[0]
        }
        let (plain, turned) = (try rows(1), try rows(-1))
        #expect(zip(plain.amplitudes, turned.amplitudes).allSatisfy { abs($0 - $1) < 1e-20 })
        #expect(plain.covariance[0, 1] < 0 && turned.covariance[0, 1] == -plain.covariance[0, 1])
        #expect(turned.covariance[1, 0] == turned.covariance[0, 1] && turned.covariance[0, 0] == plain.covariance[0, 0])
    }

    @Test("means over a window, about the peak, and their errors")
    func averaging() throws {
        let recordings = try Self.recordings()
        let whole = try PlaceAmplitudes(recordings, averaging: .window(nil))
        let narrow = try PlaceAmplitudes(recordings, averaging: .window(0.09...0.11))
        let about = try PlaceAmplitudes(recordings, averaging: .peak(halfWidth: 0.01))
        #expect(narrow.rows == about.rows && whole.latencies == [nil, nil])
        #expect(whole.rows[0].amplitudes[0] < narrow.rows[0].amplitudes[0])
        // Five samples of white noise, 41, and one.
        for (rows, count) in [(narrow.rows, 5.0), (whole.rows, 41)] {
            #expect(abs(rows[0].covariance[0, 0] - 1e-18 / count) < 1e-26)
            #expect(abs(rows[1].covariance[0, 0] - 4e-18 / count) < 1e-26)
        }
        #expect(throws: InputError.self) { try PlaceAmplitudes(recordings, averaging: .window(0.3...0.4)) }
        #expect(throws: InputError.self) { try PlaceAmplitudes(recordings, averaging: .peak(halfWidth: -1)) }
        #expect(throws: InputError.self) { try PlaceAmplitudes([], averaging: .window(nil)) }
        #expect(throws: InputError.self) {
            try PlaceAmplitudes(recordings + recordings.prefix(1), averaging: .window(nil))
        }
    }

    @Test("the latency is that of all subjects pooled, within the times that all have")
    func latencies() throws {
        let late = (0..<30).map { 0.06 + Double($0) / 200 }
        let recordings = try [
            PlaceAmplitudes.Recording(subject: "a", condition: "", fit: Self.fit([2e-8], peak: 0.03)),
            .init(subject: "b", condition: "", fit: Self.fit([5e-8], peak: 0.14)),
            .init(subject: "c", condition: "", fit: Self.fit([2e-8], peak: 0.14, times: late)),
        ]
        let amplitudes = try PlaceAmplitudes(recordings, averaging: .peak(halfWidth: 0.005))
        #expect(abs((amplitudes.latencies[0] ?? 0) - 0.14) < 1e-9)
        #expect(amplitudes.rows[0].amplitudes[0] < 1e-10 && amplitudes.rows[2].amplitudes[0] > 1.8e-8)
        let apart =
            try recordings + [
                .init(subject: "d", condition: "", fit: Self.fit([1e-8], times: [1.0, 1.1]))
            ]
        let error = #expect(throws: InputError.self) { try PlaceAmplitudes(apart, averaging: .peak(halfWidth: 0.01)) }
        #expect(error?.description.contains("no time in common") ?? false)
    }

    @Test(
        "a subject's candidate is the nearest to its own sources of all conditions, else to the centre, if near enough")
    func candidates() throws {
        let space = try GroupSamples.grid((9, 9, 9), spacing: 0.01)
        func member(_ subject: String, _ condition: String, _ places: [SIMD3<Double>]) -> GroupMember {
            GroupSamples.member(subject, condition, sources: places.map { GroupSamples.source($0) }, candidates: space)
        }
        let members = [
            member("s1", "a", [SIMD3(0.02, 0.02, 0.02)]), member("s1", "b", [SIMD3(0.04, 0.02, 0.02)]),
            member("s2", "a", [SIMD3(0.03, 0.03, 0.02)]), member("s2", "b", []), member("s3", "a", []),
        ]
        let clusters = SourceClusters.find(members, in: .shared(.head), radius: 0.02, permutations: 0).clusters
        try #require(clusters.count == 1)
        func found(_ subject: String, _ space: SourceSpace) -> SIMD3<Double>? {
            PlaceCandidates.find(clusters, of: subject, among: space, in: .shared(.head), within: 0.02)[0].map {
                space.positions[$0]
            }
        }
        // The middle of its two sources, of either condition as much.
        #expect(found("s1", space)?.distance(to: SIMD3(0.03, 0.02, 0.02)) ?? 1 < 1e-12)
        #expect(found("s2", space)?.distance(to: SIMD3(0.03, 0.03, 0.02)) ?? 1 < 1e-12)
        #expect(found("s3", space)?.distance(to: clusters[0].centre) ?? 1 <= 0.0087)
        let far = try SourceSpace(positions: [SIMD3(0.09, 0.09, 0.09)], frame: .head)
        #expect(found("s3", far) == nil)
    }
}
