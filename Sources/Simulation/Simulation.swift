import Foundation
import SourceImaging

/// Making recordings whose sources are known, from a seed.
///
/// A spherical head with a folded cortex, MEG coils on a helmet and EEG electrodes on the scalp; noise of the sensors
/// and of ongoing brain activity. The same settings give the same bits on the same platform, whatever the number of
/// threads.
public enum Simulation {
    /// Simulates an average recording, its forward model, its noise covariance and the truth.
    ///
    /// - Parameters:
    ///   - settings: what to simulate.
    ///   - parallelism: threads for the forward model.
    /// - Throws: ``InputError`` when a setting is out of its range or the active sources find no place.
    public static func run(
        _ settings: SimulationSettings, parallelism: Parallelism = .allCores
    ) throws(InputError) -> SimulatedRecording {
        try settings.check()
        // Independent streams: asking for more of one thing does not change another.
        var root = SeededGenerator(seed: settings.seed)
        var placement = SeededGenerator(seed: root.next())
        var sensors = SeededGenerator(seed: root.next())
        var ongoing = SeededGenerator(seed: root.next())
        var calibration = SeededGenerator(seed: root.next())

        let forward = try forward(settings, parallelism: parallelism)
        let normalGain = normalGain(forward)
        let projectors = averageReference(forward.sensors)
        let noise = SensorNoise(forward, normalGain: normalGain, &sensors)
        let covariance = noise.covariance
        let precision = try ProjectedPrecision(covariance, projectors: projectors)

        let active = try ActiveSites.choose(
            settings.activeCount, among: forward.sources,
            visibility: try visibility(normalGain, covariance, forward.sensors),
            minimumDistance: settings.minimumDistance, &placement)
        let activeGain = normalGain.columns(active)
        let waveforms = try waveforms(settings, activeGain, precision, &placement)
        let averageNoise = noise.samples(
            waveforms.columns, spectrum: settings.noiseSpectrum, samplingFrequency: settings.samplingFrequency,
            &ongoing)
        let data = activeGain * waveforms + averageNoise * (1 / Double(settings.averages)).squareRoot()
        let recording = try Recording(
            epochs: [data], samplingFrequency: settings.samplingFrequency, firstTime: settings.firstTime,
            averages: Double(settings.averages), condition: "simulated", isProjected: false, sensors: forward.sensors,
            projectors: projectors)
        let known = try NoiseCovariance(
            matrix: settings.covarianceSamples > 0
                ? estimatedCovariance(noise, samples: settings.covarianceSamples, &calibration) : covariance,
            samples: settings.covarianceSamples, sensors: forward.sensors)
        let fields = active.indices.map { i in
            precision.energy(
                activeGain.columns([i]) * Matrix(rows: 1, columns: waveforms.columns, elements: waveforms.row(i)))
        }
        let sources = active.indices.sorted { fields[$0] > fields[$1] }.map { i in
            Truth.Source(
                index: active[i], position: forward.sources.positions[active[i]],
                direction: forward.sources.normals?[active[i]] ?? .zero, waveform: waveforms.row(i))
        }
        return SimulatedRecording(
            forward: forward, recording: recording, covariance: known,
            truth: Truth(
                sources: sources, times: settings.sampleTimes, frame: .head, settings: settings.described))
    }

    /// Waveforms of the active sources, A·m, sources × samples: random ones, scaled to the signal-to-noise ratio.
    ///
    /// - Parameters:
    ///   - gain: of the active sources along their normals, sensors × sources.
    ///   - precision: of the noise of one epoch.
    private static func waveforms(
        _ settings: SimulationSettings, _ gain: Matrix, _ precision: ProjectedPrecision,
        _ generator: inout SeededGenerator
    ) throws(InputError) -> Matrix {
        let shapes = EvokedWaveform.random(gain.columns, &generator)
        let times = settings.sampleTimes
        let waveforms = Matrix(rows: gain.columns, columns: times.count) { shapes[$0].value(at: times[$1]) }
        guard gain.columns > 0 else { return waveforms }
        let window = settings.signalSamples
        let energy = Double(settings.averages) * precision.energy(gain * waveforms.columns(window))
        let wanted = pow(10, settings.snr / 10) * Double(precision.rank * window.count)
        guard energy > 0, energy.isFinite else {
            throw InputError(
                "active sources", found: "no signal in the window of the signal-to-noise ratio",
                advice: "raise the sampling frequency")
        }
        return waveforms * (wanted / energy).squareRoot()
    }

    /// The forward model of a simulated head: free orientation, with normals, SI units, head coordinates.
    ///
    /// - Complexity: O(sensors · sources); each electrode costs a Legendre series of some 100 terms.
    /// - Throws: ``InputError`` when a setting is out of its range.
    public static func forward(
        _ settings: SimulationSettings, parallelism: Parallelism = .allCores
    ) throws(InputError) -> Forward {
        try settings.check()
        let head = HeadModel.adult
        let sources = try CorticalSurface(sourceCount: settings.sourceCount, seed: settings.anatomySeed, head: head)
            .sourceSpace
        let helmet = SensorHelmet(sites: settings.megSites, head: head)
        let cap = ElectrodeCap(electrodes: settings.eegElectrodes, head: head)
        let conductor = SphericalConductor(centre: head.centre)
        let shells = try ThreeShellSphere(head)
        let rows = helmet.coils.count + cap.names.count
        let columns = 3 * sources.count
        var gain = Matrix(rows: rows, columns: columns)
        gain.elements.withUnsafeMutableBufferPointer { buffer in
            // Each piece writes the columns of its own sources only.
            nonisolated(unsafe) let elements = buffer
            parallelism.forEachPiece(of: sources.count, piece: 16) { _, items in
                for j in items {
                    let position = sources.positions[j]
                    func write(_ row: Int, _ lead: SIMD3<Double>) {
                        for axis in 0..<3 { elements[row + rows * (3 * j + axis)] = lead[axis] }
                    }
                    for (row, coil) in helmet.coils.enumerated() {
                        write(row, conductor.leadField(source: position, coil: coil))
                    }
                    guard !cap.normals.isEmpty else { continue }
                    // The cortex lies within the brain by construction; NaN would be reported by Forward.
                    let potentials = try? shells.leadField(source: position, electrodes: cap.normals)
                    for row in cap.normals.indices {
                        write(helmet.coils.count + row, potentials?[row] ?? SIMD3(repeating: .nan))
                    }
                }
            }
        }
        return try Forward(
            subject: "sphere", gain: gain, orientations: 3, sensors: try sensors(helmet, cap), sources: sources)
    }

    /// All channels: MEG, then EEG, with positions and axes.
    private static func sensors(_ helmet: SensorHelmet, _ cap: ElectrodeCap) throws(InputError) -> Sensors {
        var places = helmet.coils.map { [$0.position] + $0.axes }
        for (position, normal) in zip(cap.positions, cap.normals) {
            let (first, second) = normal.tangents
            places.append([position, first, second, normal])
        }
        let locations = Matrix(rows: places.count, columns: 12) { places[$0][$1 / 3][$1 % 3] }
        return try Sensors(
            names: helmet.coils.map(\.name) + cap.names,
            kinds: helmet.coils.map(\.kind) + cap.names.map { _ in .eeg }, locations: locations)
    }

    /// The gain of dipoles along the normals, sensors × sources.
    private static func normalGain(_ forward: Forward) -> Matrix {
        let normals = forward.sources.normals ?? []
        return Matrix(rows: forward.gain.rows, columns: normals.count) { i, j in
            let n = normals[j]
            return forward.gain[i, 3 * j] * n.x + forward.gain[i, 3 * j + 1] * n.y + forward.gain[i, 3 * j + 2] * n.z
        }
    }

    /// The unit vector along which all electrodes move together, 1 × sensors; none without EEG.
    private static func averageReference(_ sensors: Sensors) -> Matrix {
        let count = sensors.kinds.count { $0 == .eeg }
        return Matrix(rows: count > 0 ? 1 : 0, columns: sensors.count) { _, i in
            sensors.kinds[i] == .eeg ? 1 / Double(count).squareRoot() : 0
        }
    }

    /// For MEG alone and for EEG alone, where there are any: the energy of each source's field in whitened units.
    private static func visibility(
        _ normalGain: Matrix, _ covariance: Matrix, _ sensors: Sensors
    ) throws(InputError) -> [[Double]] {
        var norms: [[Double]] = []
        for isEEG in [false, true] {
            let rows = sensors.kinds.indices.filter { (sensors.kinds[$0] == .eeg) == isEEG }
            guard !rows.isEmpty else { continue }
            let projectors = Matrix(rows: isEEG ? 1 : 0, columns: rows.count, repeating: 1)
            let precision = try ProjectedPrecision(covariance.rows(rows).columns(rows), projectors: projectors)
            norms.append(precision.columnEnergies(normalGain.rows(rows)))
        }
        return norms
    }

    /// The mean of outer products of independent samples of noise.
    private static func estimatedCovariance(
        _ noise: SensorNoise, samples: Int, _ generator: inout SeededGenerator
    ) -> Matrix {
        // In blocks, so that a million samples do not have to be held at once.
        let block = 2000
        var sum = Matrix(rows: noise.deviations.count, columns: noise.deviations.count)
        for start in stride(from: 0, to: samples, by: block) {
            let part = noise.samples(
                min(block, samples - start), spectrum: .white, samplingFrequency: 1, &generator)
            sum = sum + Matrix.product(part, transposed: false, part, transposed: true)
        }
        sum = sum * (1 / Double(samples))
        sum.mirrorLowerTriangle()
        return sum
    }
}
