import Foundation
import Testing

@testable import SourceImaging

@Suite("What recording, forward and covariance say of each other")
struct InputAgreementTests {
    private static func turn(_ degrees: Double, shift: SIMD3<Double> = .zero) throws -> RigidTransform {
        let (c, s) = (cos(degrees * .pi / 180), sin(degrees * .pi / 180))
        return try RigidTransform(rotation: [SIMD3(c, -s, 0), SIMD3(s, c, 0), SIMD3(0, 0, 1)], translation: shift)
    }

    private func checks(_ recording: Recording, _ forward: Forward, _ world: SmallWorld) -> [HealthCheck] {
        PreparedProblem.examine(
            recording: recording, forward: forward, covariance: world.covariance, settings: .init(),
            naming: { "--\($0.rawValue)" })
    }

    @Test(
        "a head that moved is told of beyond 3 mm or 2°, with both numbers",
        arguments: [
            (0.0, 0.0, false), (2.9, 0, false), (3.1, 0, true), (0, 1.9, false), (0, 2.1, true), (14.6, 5, true),
        ])
    func headPosition(_ millimetres: Double, _ degrees: Double, _ isTold: Bool) throws {
        let world = try SmallWorld()
        var (recording, forward) = (world.recording, world.forward)
        recording.acquisition.deviceToHead = try Self.turn(degrees, shift: SIMD3(0, millimetres / 1000, 0))
        forward.acquisition.deviceToHead = try Self.turn(0)
        let check = try #require(checks(recording, forward, world).first { $0.name == "head position" })
        #expect((check.mark == .look) == isTold)
        #expect(check.finding.contains(String(format: "%.1f mm and %.1f°", millimetres, degrees)))
        // Unknown in one of them, or of electrodes alone: nothing to compare.
        recording.acquisition.deviceToHead = nil
        #expect(!checks(recording, forward, world).contains { $0.name == "head position" })
    }

    @Test("transforms differ by the angle between them, whatever the axis", arguments: [0.5, 17, 90, 180])
    func angle(_ degrees: Double) throws {
        let (distance, angle) = try Self.turn(degrees).difference(to: Self.turn(0, shift: SIMD3(0.003, 0.004, 0)))
        #expect(abs(angle * 180 / .pi - degrees) < 1e-5 && abs(distance - 0.005) < 1e-12)
        #expect(throws: InputError.self) {
            try RigidTransform(rotation: [SIMD3(2, 0, 0), SIMD3(0, 1, 0), SIMD3(0, 0, 1)], translation: .zero)
        }
    }

    @Test("another gradient compensation in the forward is refused, and both are named")
    func compensation() throws {
        let world = try SmallWorld()
        func with(_ grade: String, electrodes: String = "none") throws -> Sensors {
            try Sensors(
                names: world.sensors.names, kinds: world.sensors.kinds,
                compensations: world.sensors.kinds.map { $0 == .eeg ? electrodes : grade })
        }
        func run(_ own: Sensors, _ other: Sensors) throws -> PreparedProblem {
            let recording = try Recording(
                epochs: world.recording.epochs, samplingFrequency: 200, firstTime: -0.3, averages: 4, sensors: own,
                projectors: world.recording.projectors)
            let forward = try Forward(
                gain: world.forward.gain, orientations: 3, sensors: other, sources: world.forward.sources)
            return try PreparedProblem(
                recording: recording, forward: forward, covariance: world.covariance, settings: .init())
        }
        let error = #expect(throws: InputError.self) { try run(with("grade 3"), with("none")) }
        #expect(error?.found.contains("'grade 3' in the recording, 'none' in the forward") == true)
        #expect(try run(with("grade 3"), with("grade 3")).report.rank == 29)
        #expect(try run(with("grade 3"), world.sensors).report.rank == 29)
        // Electrodes have none.
        #expect(try run(with("none", electrodes: "x"), with("none")).report.rank == 29)
    }

    @Test("sensors that lie elsewhere in the two are told of", arguments: [0.0, 0.002, 0.005])
    func positions(_ shift: Double) throws {
        let world = try SmallWorld()
        var random = SeededGenerator(seed: 3)
        let places = random.normal(rows: 30, columns: 12) * 0.1
        func sensors(_ shift: Double) throws -> Sensors {
            try Sensors(
                names: world.sensors.names, kinds: world.sensors.kinds,
                locations: Matrix(rows: 30, columns: 12) { i, k in
                    // A third of the electrodes have no position: zeros.
                    i % 3 == 0 && i >= 20 ? 0 : places[i, k] + (i >= 20 && k == 1 ? shift : 0)
                })
        }
        var recording = try Recording(
            epochs: world.recording.epochs, samplingFrequency: 200, firstTime: -0.3, averages: 4,
            sensors: sensors(shift),
            projectors: world.recording.projectors)
        var forward = try Forward(
            gain: world.forward.gain, orientations: 3, sensors: sensors(0), sources: world.forward.sources)
        (recording.acquisition.sensorFrame, forward.acquisition.sensorFrame) = ("head", "device")
        #expect(!checks(recording, forward, world).contains { $0.name == "sensor positions" })
        forward.acquisition.sensorFrame = "head"
        let told = checks(recording, forward, world).filter { $0.name == "sensor positions" }
        #expect(told.map(\.mark) == (shift > 0.003 ? [.look] : []))
        let expected = "positions of 7 of 7 electrodes differ between recording and forward, by 5 mm in the median"
        #expect(told.allSatisfy { $0.finding == expected })
    }

    // MARK: Names

    @Test(
        "names that mean the same",
        arguments: [
            ("FP1", "Fp1"), ("EEG 001", "EEG001"), ("MLC11-2908", "MLC11"), ("EEG Fp1-Ref", "Fp1"), ("Fc5.", "FC5"),
            ("EEG FP1-LE", "FP1"), ("MEG_0111", "MEG 0111"), ("E1", "e1"),
        ])
    func alike(_ one: String, _ other: String) {
        #expect(NameMatching.Difference(one, other) != nil && NameMatching.Difference(other, one) != nil)
        #expect(NameMatching.loose.places(of: [one, "x"], among: ["y", other]) == [1, nil])
        #expect(NameMatching.exact.places(of: [one], among: [other]) == [nil])
    }

    @Test(
        "names that do not",
        arguments: [
            ("E1", "E11"), ("EEG 001", "MEG 001"), ("MLC11", "MLC12"), ("MEG 0111", "MEG 0112"), ("T7", "T8"),
            ("A1", "A1-A2x"),
        ])
    func unlike(_ one: String, _ other: String) {
        #expect(NameMatching.Difference(one, other) == nil)
    }

    @Test("where two answer, none is taken")
    func ambiguous() {
        #expect(NameMatching.loose.places(of: ["cz", "CZ"], among: ["Cz"]) == [nil, nil])
        #expect(NameMatching.loose.places(of: ["CZ"], among: ["Cz", "cz"]) == [nil])
        // Letter by letter goes first.
        #expect(NameMatching.loose.places(of: ["Cz", "CZ"], among: ["CZ", "Cz"]) == [1, 0])
        #expect(NameMatching.loose.places(of: ["Cz", "cz"], among: ["Cz", "CZ"]) == [0, nil])
        // Serial numbers are no names: what is left would be one for all.
        #expect(NameMatching.loose.places(of: ["E-01", "E-02"], among: ["E-02", "E-61"]) == [nil, 0])
    }

    @Test("channels that are left out are named, with how their names differ and how to match them")
    func names() throws {
        let world = try SmallWorld()
        func prepare(_ names: [String], _ matching: NameMatching) throws -> PreparedProblem {
            let recording = try Recording(
                epochs: world.recording.epochs, samplingFrequency: 200, firstTime: -0.3, averages: 4,
                sensors: Sensors(names: names, kinds: world.sensors.kinds), projectors: world.recording.projectors)
            var settings = PreparationSettings()
            settings.names = matching
            return try PreparedProblem(
                recording: recording, forward: world.forward, covariance: world.covariance, settings: settings,
                naming: { "--\($0.rawValue)" })
        }
        let names = world.sensors.names.enumerated().map { $0 < 4 ? $1.lowercased() : $1 }
        let exact = try prepare(names, .exact)
        let line = try #require(exact.warnings.first { $0.contains("left out") })
        #expect(line.hasPrefix("4 of 30 channels left out, which the forward does not have: 'ch 0', 'ch 1'"))
        #expect(line.contains("it has 'CH 0'") && line.contains("differ by upper and lower case"))
        #expect(line.hasSuffix("match them with --match-names loose"))
        let loose = try prepare(names, .loose)
        let clean = try prepare(world.sensors.names, .exact)
        #expect(loose.problem.response == clean.problem.response && loose.problem.design == clean.problem.design)
        let other = #expect(throws: InputError.self) { try prepare((0..<30).map { "ch-\($0)" }, .exact) }
        #expect(
            other?.description.contains("'ch-0'") == true && other?.description.contains("match-names loose") == true)
        // Foreign names are listed without advice that would not help.
        let foreign = try prepare(world.sensors.names.enumerated().map { $0 < 12 ? "X\($0)" : $1 }, .exact)
        #expect(
            foreign.warnings.contains { $0.contains("'X0'") && $0.contains("'X9' and 2 more") && !$0.contains("loose") }
        )
    }

    // MARK: Units

    @Test("a factor of a hundred in one kind of sensor is seen", arguments: SensorKind.allCases, [100, 0.01])
    func units(_ kind: SensorKind, _ factor: Double) throws {
        let world = try SmallWorld()
        let kinds = world.sensors.kinds
        let scale = kinds.map { $0 == kind ? factor : 1 }
        let data = world.recording.average
        let wrong = try Recording(
            epochs: [Matrix(rows: 30, columns: data.columns) { data[$0, $1] * scale[$0] }], samplingFrequency: 200,
            firstTime: -0.3, averages: 4, sensors: world.recording.sensors, projectors: world.recording.projectors)
        func units(_ recording: Recording, _ covariance: NoiseCovariance?) -> [HealthCheck] {
            PreparedProblem.examine(
                recording: recording, forward: world.forward, covariance: covariance, settings: .init()
            ).filter { $0.name == "units" }
        }
        #expect(units(world.recording, world.covariance).allSatisfy { $0.mark == .ok })
        // In the recording alone the noise before time 0 tells; where the covariance has it, too, the other kinds do.
        #expect(units(wrong, world.covariance).contains { $0.mark == .look && $0.finding.contains(kind.plural) })
        let matrix = world.covariance.matrix
        let both = try NoiseCovariance(
            matrix: Matrix(rows: 30, columns: 30) { matrix[$0, $1] * scale[$0] * scale[$1] }, samples: 5000,
            sensors: world.sensors)
        #expect(units(wrong, both).contains { $0.mark == .look && $0.finding.contains(kind.plural) })
        #expect(units(wrong, nil).contains { $0.mark == .look && $0.finding.contains(kind.plural) })
    }

    @Test("what is examined ends with what is wrong, and says what came before")
    func examined() throws {
        let world = try SmallWorld()
        let fine = checks(world.recording, world.forward, world)
        #expect(fine.allSatisfy { $0.mark == .ok })
        #expect(
            Set(fine.map(\.name)).isSuperset(of: ["channels", "values", "rank", "units", "averages", "noise", "window"])
        )
        var settings = PreparationSettings()
        settings.window = 3...4
        let wrong = PreparedProblem.examine(
            recording: world.recording, forward: world.forward, covariance: world.covariance, settings: settings,
            naming: { "--\($0.rawValue)" })
        #expect(wrong.last?.mark == .wrong && wrong.last?.finding.hasPrefix("--window: 3 to 4 s") == true)
        #expect(wrong.contains { $0.name == "channels" && $0.mark == .ok })
    }
}
