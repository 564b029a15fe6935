import Foundation

@testable import SourceImaging

/// A seeded estimate with the sizes, units and shapes of a real one.
///
/// Sources sit on two half ellipsoids, evoked waveforms are bumps of tens of nAm, each channel sees each source with a
/// gain of the right order and adds noise of its own.
struct SampleEstimate {
    var seed: UInt64 = 1
    var sourceCount = 5
    var orientations = 1
    var times = (0..<61).map { 0.05 + Double($0) / 600 }
    var channels: [(kind: SensorKind, count: Int)] = [(.mag, 102), (.grad, 204), (.eeg, 60)]
    var candidateCount = 2034
    /// Factor on all amplitudes and data.
    var scale = 1.0
    var subject = "sample"
    var condition = "Left Auditory"
    var criteria: [Double]?
    var criterionName = "SURE"
    var chosenIndex: Int?
    var atGridEdge = false
    var warnings: [String] = []
    var baselineDeviation: Double? = 1.04
    var axis = SelectionCurve.Axis.lambda
    var repeats = 0
    /// Stretches that the charge of a refinement was measured on; nil for sources that were not refined.
    var noiseStretches: Int?
    /// Radius of the regions of sources, m, each half as large again or less, by turns; nil for no error bars.
    var regionRadius: Double?

    /// Candidate positions on two folded half ellipsoids, m.
    var candidates: [SIMD3<Double>] {
        var generator = SeededGenerator(seed: 99)
        return (0..<candidateCount).map { place in
            var direction = SIMD3(generator.normal(), generator.normal(), generator.normal())
            direction /= (direction * direction).sum().squareRoot()
            let fold = 1 - 0.2 * generator.uniform()
            let side = place % 2 == 0 ? -1.0 : 1.0
            return SIMD3(
                side * (0.004 + 0.06 * abs(direction.x) * fold), 0.082 * direction.y * fold,
                0.05 + 0.058 * direction.z * fold)
        }
    }

    func callAsFunction() throws -> Estimate {
        var generator = SeededGenerator(seed: seed)
        let positions = candidates
        let names = channels.flatMap { channel in (0..<channel.count).map { "\(channel.kind.rawValue) \($0)" } }
        let kinds = channels.flatMap { [SensorKind](repeating: $0.kind, count: $0.count) }
        let sensors = try Sensors(names: names, kinds: kinds)
        var explained = Matrix(rows: sensors.count, columns: times.count)
        var fields: [(index: Int, amplitudes: Matrix, axes: [SIMD3<Double>], power: Double)] = []
        for number in 0..<sourceCount {
            let index = Int(generator.uniform() * Double(positions.count))
            let peak = (40 + 40 * generator.uniform()) * 1e-9 / (1 + Double(number) / 2) * scale
            let (first, last) = (times.first ?? 0, times.last ?? 0)
            let latency = first + (0.2 + 0.6 * generator.uniform()) * (last - first)
            let width = 0.012 + 0.01 * generator.uniform()
            let mixture = (0..<orientations).map { _ in generator.normal() }
            let length = mixture.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let amplitudes = Matrix(rows: orientations, columns: times.count) { axis, sample in
                let phase = (times[sample] - latency) / width
                return peak * mixture[axis] / length
                    * (exp(-phase * phase / 2) - 0.4 * exp(-(phase - 2.5) * (phase - 2.5) / 2))
            }
            let gain = Matrix(rows: sensors.count, columns: orientations) { sensor, _ in
                Self.gain(kinds[sensor]) * generator.normal()
            }
            explained = explained + gain * amplitudes
            let axes = [SIMD3(1.0, 0, 0), SIMD3(0, 1.0, 0), SIMD3(0, 0, 1.0)].prefix(orientations)
            fields.append((index, amplitudes, Array(axes), 1 / Double(1 + number * number)))
        }
        var measured = explained
        for sample in 0..<times.count {
            for sensor in 0..<sensors.count {
                measured[sensor, sample] += 1e-8 * Self.gain(kinds[sensor]) * scale * generator.normal()
            }
        }
        let total = fields.reduce(0) { $0 + $1.power } * 1.6
        let sources = fields.enumerated().map { place, field in
            let position = positions[field.index]
            return EstimatedSource(
                index: field.index, position: position, hemisphere: position.x < 0 ? .left : .right,
                vertex: 100 + 7 * field.index,
                amplitudes: field.amplitudes, axes: field.axes, field: (field.power / total).squareRoot() * 150,
                share: field.power / total, extent: noiseStretches.map { _ in [0, 0.005, 0.008][place % 3] },
                timesNoise: noiseStretches.map { _ in 12.5 / Double(1 + place) })
        }
        var estimate = Estimate(
            sources: sources, times: times, frame: .head, selection: selection,
            preparation: PreparationReport(
                channels: sensors.countByKind, rank: max(1, sensors.count - 4), baselineDeviation: baselineDeviation,
                noiseDeviation: 1, noiseSource: "covariance file", averages: 3),
            certificate: EstimateCertificate(relativeGap: 8.2e-7, tolerance: 1e-6, epochs: 1240, fullPasses: 18))
        estimate.subject = subject
        estimate.condition = condition
        estimate.candidateCount = candidateCount
        estimate.sensorData = SensorData(sensors: sensors, measured: measured, explained: explained)
        estimate.goodnessOfFit = sourceCount > 0 ? 0.625 : 0
        estimate.settings = [Setting("sensors", "all")]
        estimate.warnings = warnings
        estimate.seconds = StageSeconds(load: 0.21, prepare: 0.84, solve: 4.26, total: 5.33)
        estimate.refinement = noiseStretches.map {
            Refinement(
                charge: NoiseCharge(value: 359.24, stretches: $0, length: $0 > 0 ? 60 : 0),
                objectives: [21_000, 20_900], isSettled: true, looks: 40)
        }
        if let regionRadius { try addErrorBars(to: &estimate, regionRadius) }
        if repeats > 0 { repeatChoice(of: &estimate) }
        return estimate
    }

    /// Gives every source a region of the candidates around it, a probability and intervals.
    private func addErrorBars(to estimate: inout Estimate, _ radius: Double) throws {
        let positions = candidates
        for (place, source) in estimate.sources.enumerated() {
            let reach = radius * [1, 0.5, 1.5][place % 3]
            let members = positions.indices.compactMap { index -> SourceRegion.Member? in
                let distance = positions[index].distance(to: source.position)
                return distance <= reach ? (index, positions[index], 1 - 0.8 * distance / reach) : nil
            }
            estimate.sources[place].region = try SourceRegion(
                members: members, cellVolumes: members.map { _ in 1.2e-7 }, spacing: 0.005)
            estimate.sources[place].probability = 1 - 0.04 * Double(place)
            estimate.sources[place].extentInterval = 0...0.012
            guard let time = source.peakTime(in: times) else { continue }
            let peak = source.peakAmplitude
            estimate.sources[place].amplitudeInterval = (0.8 * peak)...(1.15 * peak)
            estimate.sources[place].latencyInterval = (time - 0.003)...(time + 0.004)
        }
    }

    /// Gives an estimate repeats that find the weaker sources the less often, and two places that it does not have.
    func repeatChoice(of estimate: inout Estimate) {
        var generator = SeededGenerator(seed: seed &+ 7)
        let count = max(2, repeats)
        for (place, source) in estimate.sources.enumerated() {
            let isFound = (0..<count).map { _ in generator.uniform() < 1.2 / (1 + 0.2 * Double(place)) }
            estimate.sources[place].stability = Stability.Source(
                distances: isFound.map { $0 ? 0.01 * generator.uniform() * generator.uniform() : nil },
                amplitudes: isFound.map {
                    $0 && source.amplitudes.columns > 0
                        ? source.peakAmplitude * (1 + 0.15 * generator.normal()) : nil
                })
        }
        let sourceCount = estimate.sources.count
        estimate.stability = Stability(
            method: .epochs, radius: 0.01,
            others: [(0.83, 0.004), (0.5, 0)].enumerated().map { place, other in
                Stability.Other(
                    index: 11 * place, position: SIMD3(-0.0612, 0.0031 * Double(place), 0.0745), found: other.0,
                    positionSpread: other.1)
            },
            counts: (0..<count).map { sourceCount + $0 % 3 }, ratios: (0..<count).map { 0.1 + 0.001 * Double($0) })
    }

    /// What a sensor typically measures of a unit dipole, SI.
    private static func gain(_ kind: SensorKind) -> Double {
        switch kind {
        case .mag: 4e-6
        case .grad: 1.2e-4
        case .eeg: 80
        }
    }

    private var origin: SelectionCurve.Origin {
        criterionName == "fixed" ? .given : .search("path", over: axis)
    }

    /// A curve over a geometric grid with its minimum near 0.14, refined around it.
    private var selection: SelectionCurve {
        if let criteria {
            let points = criteria.indices.map { point(pow(0.8, Double($0)), criterion: criteria[$0]) }
            return SelectionCurve(
                origin: origin, criterion: criterionName, estimatesRisk: criterionName == "SURE", points: points,
                chosenIndex: chosenIndex ?? points.count / 2, atGridEdge: atGridEdge)
        }
        let grid = (0..<18).map { pow(0.86, Double($0)) } + [0.135, 0.142, 0.15]
        let points = grid.sorted(by: >).map { ratio in
            point(ratio, criterion: 22_000 + 2100 * pow(log(ratio / 0.142), 2))
        }
        let lowest = points.indices.min { points[$0].criterion < points[$1].criterion } ?? 0
        return SelectionCurve(
            origin: origin, criterion: criterionName, estimatesRisk: criterionName == "SURE", points: points,
            chosenIndex: chosenIndex ?? lowest, atGridEdge: atGridEdge)
    }

    private func point(_ ratio: Double, criterion: Double) -> SelectionPoint {
        SelectionPoint(
            lambda: 312.7 * ratio, ratio: ratio, criterion: criterion, degreesOfFreedom: -130 * log(ratio),
            squaredResidual: 21_000 + 9000 * ratio, activeCount: Int(-9 * log(ratio)), relativeGap: 7e-7, seconds: 0.12)
    }
}
