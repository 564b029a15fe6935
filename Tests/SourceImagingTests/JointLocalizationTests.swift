import Glibc
import LinearAlgebra
import Testing

@testable import SourceImaging

/// Subjects whose brains have sources at about the same places.
private struct GroupWorld {
    var subjects: [JointSubject] = []
    /// Source of each subject that truly act.
    var truth: [[Int]] = []

    /// What a subject is made of.
    struct Member {
        var sensors = 30
        var sources = 240
        var samples = 12
        /// Amplitude against the noise; 0 for noise alone.
        var amplitude = 1.0
        /// Places of its own instead of the group's.
        var isOdd = false
    }

    /// - Parameters:
    ///   - members: the subjects.
    ///   - spread: how far a subject's sources lie from the group's places at most, m.
    init(
        _ members: [Member], spread: Double = 0.006, seed: UInt64 = 1,
        settings: LocalizationSettings = LocalizationSettings()
    ) throws {
        var random = SeededGenerator(seed: seed)
        let places = [SIMD3(0.035, 0.01, 0.03), SIMD3(-0.03, -0.02, 0.035)]
        let others = [SIMD3(-0.01, 0.04, 0.02), SIMD3(0.02, -0.045, 0.02)]
        for (number, member) in members.enumerated() {
            let positions = (0..<member.sources).map { _ in Self.point(&random) }
            let normals = positions.map { _ in Self.unit(&random) }
            let sites = (0..<member.sensors).map { _ in
                let site = Self.unit(&random) * 0.11
                return SIMD3(site.x, site.y, abs(site.z))
            }
            let gain = Matrix(rows: member.sensors, columns: member.sources) { i, j in
                let away = sites[i] - positions[j]
                let distance = away.distance(to: .zero)
                return 1e-5 * (normals[j] * away).sum() * 0.0064 / (distance * distance * distance)
            }
            let truth = (member.isOdd ? others : places).map { place in
                let near = positions.indices.filter { positions[$0].distance(to: place) <= spread }
                let nearest = positions.indices.min {
                    positions[$0].distance(to: place) < positions[$1].distance(to: place)
                }
                return near.isEmpty ? nearest ?? 0 : near[Int(random.uniform() * Double(near.count))]
            }
            let names = (0..<member.sensors).map { "C\($0)" }
            let sensors = try Sensors(names: names, kinds: [SensorKind](repeating: .mag, count: member.sensors))
            var data = random.normal(rows: member.sensors, columns: member.samples) * 1e-13
            for source in truth where member.amplitude > 0 {
                let norm = gain.columns([source]).squaredNorm.squareRoot()
                let course = random.normal(rows: member.samples, columns: 1)
                for t in 0..<member.samples {
                    for i in 0..<member.sensors {
                        data[i, t] += 1e-13 * 2.2 * member.amplitude * gain[i, source] / norm * course[t, 0]
                    }
                }
            }
            subjects.append(
                JointSubject(
                    name: "s\(number)", settings: settings,
                    recording: try Recording(epochs: [data], samplingFrequency: 100, firstTime: 0, sensors: sensors),
                    forward: try Forward(
                        gain: gain, orientations: 1, sensors: sensors,
                        sources: SourceSpace(positions: positions, frame: .head)),
                    covariance: try NoiseCovariance(
                        matrix: .diagonal([Double](repeating: 1e-26, count: member.sensors)), samples: 10_000,
                        sensors: sensors)))
            self.truth.append(member.amplitude > 0 ? truth : [])
        }
    }

    private static func unit(_ random: inout SeededGenerator) -> SIMD3<Double> {
        let v = SIMD3(random.normal(), random.normal(), random.normal())
        return v / v.distance(to: .zero)
    }

    /// A point of the upper half of an ellipsoid.
    private static func point(_ random: inout SeededGenerator) -> SIMD3<Double> {
        let v = unit(&random) * (0.03 + 0.03 * random.uniform())
        return SIMD3(v.x, 1.2 * v.y, abs(v.z))
    }

    /// Transforms that say that own coordinates are MNI's: nothing is then aligned.
    var transforms: [String: BrainTransform] {
        get throws {
            let identity = try BrainTransform(Matrix(rows: 4, columns: 4) { $0 == $1 ? ($0 < 3 ? 1000 : 1) : 0 })
            return Dictionary(uniqueKeysWithValues: subjects.map { ($0.name, identity) })
        }
    }

    /// How many true sources have a found one within 10 mm, and how many found ones have no true one there.
    func score(_ found: (JointResult.Subject) -> Estimate, _ result: JointResult) -> (hits: Int, false: Int) {
        var (hits, wrong) = (0, 0)
        for (subject, truth) in zip(result.subjects, truth) {
            let sources = found(subject).sources
            let positions = truth.map { subject.joint.candidates?.positions[$0] ?? .zero }
            hits += positions.count { place in sources.contains { $0.position.distance(to: place) <= 0.010 } }
            wrong += sources.count { source in !positions.contains { $0.distance(to: source.position) <= 0.010 } }
        }
        return (hits, wrong)
    }
}

@Suite("Subjects localized together")
struct JointLocalizationTests {
    private func run(
        _ world: GroupWorld, _ change: (inout JointSettings) -> Void = { _ in }
    ) throws -> JointResult {
        var settings = JointSettings()
        change(&settings)
        return try JointLocalization(settings).run(world.subjects, transforms: try world.transforms)
    }

    @Test(
        "what subjects share is found where each alone misses it",
        arguments: zip([nil, SourceWeights.reweighted], [[3, 4, 5, 6], [3]] as [[UInt64]]))
    func gains(_ weights: SourceWeights?, _ seeds: [UInt64]) throws {
        var settings = LocalizationSettings()
        settings.selection.weights = weights
        var (alone, together) = ((hits: 0, false: 0), (hits: 0, false: 0))
        for seed in seeds {
            let world = try GroupWorld(
                [GroupWorld.Member](repeating: .init(amplitude: 1.1), count: 8), seed: seed, settings: settings)
            let result = try run(world)
            #expect(result.kernelWidth != nil)
            let (own, joint) = (world.score(\.separate, result), world.score(\.joint, result))
            alone = (alone.hits + own.hits, alone.false + own.false)
            together = (together.hits + joint.hits, together.false + joint.false)
            for subject in result.subjects {
                #expect(subject.joint.settings.contains { $0.name == "joint" && $0.value == "8 subjects" })
                #expect(subject.joint.settings.contains { $0.name == "coupling" && $0.value == "0.7" })
                #expect(!subject.separate.settings.contains { $0.name == "joint" })
                #expect((subject.joint.refinement == nil) == (weights == .reweighted))
            }
        }
        // Of 16 a group.
        #expect(together.hits >= (weights == nil ? 52 : 11), "\(alone) \(together)")
        #expect(together.hits >= alone.hits + (weights == nil ? 12 : 3), "\(alone) \(together)")
        #expect(together.false <= alone.false, "\(alone) \(together)")
    }

    @Test("reweighted sources may start from those that all subjects have")
    func together() throws {
        var settings = LocalizationSettings()
        settings.selection.weights = .reweighted
        var hits = (separate: 0, together: 0)
        for seed: UInt64 in [3, 4] {
            let world = try GroupWorld(
                [GroupWorld.Member](repeating: .init(amplitude: 1.1), count: 8), seed: seed, settings: settings)
            let (alone, together) = (try run(world), try run(world) { $0.start = .together })
            #expect(alone.kernelWidth == together.kernelWidth)
            #expect(zip(alone.subjects, together.subjects).allSatisfy { $0.separate.sources == $1.separate.sources })
            let (a, b) = (world.score(\.separate, together), world.score(\.joint, together))
            hits = (hits.separate + a.hits, hits.together + b.hits)
            #expect(b.false <= a.false + 2, "\(a) \(b)")
            #expect(zip(alone.subjects, together.subjects).contains { $0.joint.sources != $1.joint.sources })
        }
        #expect(hits.together >= hits.separate + 3, "\(hits)")
    }

    @Test("without coupling every subject is as it is alone, to the bit", arguments: [nil, SourceWeights.reweighted])
    func uncoupled(_ weights: SourceWeights?) throws {
        var settings = LocalizationSettings()
        settings.selection.weights = weights
        let world = try GroupWorld([.init(), .init(sensors: 24, sources: 200, samples: 8)], settings: settings)
        let result = try run(world) { $0.coupling = 0 }
        for (subject, given) in zip(result.subjects, world.subjects) {
            let alone = try Localization(settings).run(
                recording: given.recording, forward: given.forward, covariance: given.covariance)
            #expect(subject.joint.sources == alone.sources && subject.separate.sources == alone.sources)
            #expect(subject.joint.selection.points.map(\.lambda) == alone.selection.points.map(\.lambda))
            #expect(subject.agreement == nil)
        }
        #expect(result.kernelWidth == nil)
    }

    @Test("neither the order of subjects nor threads matter; sensors, sources and times may differ")
    func order() throws {
        let world = try GroupWorld(
            [
                .init(amplitude: 1.0), .init(sensors: 24, sources: 200, samples: 8, amplitude: 1.1),
                .init(sensors: 36, samples: 20, amplitude: 0.7), .init(sources: 150, amplitude: 0.9),
                .init(amplitude: 1.0),
            ], seed: 5)
        let one = try run(world) { $0.parallelism = .serial }
        var turned = world
        turned.subjects.reverse()
        let other = try run(turned) { $0.parallelism = Parallelism(threads: 3) }
        #expect(one.kernelWidth == other.kernelWidth && one.subjects.map(\.name) == ["s0", "s1", "s2", "s3", "s4"])
        for (a, b) in zip(one.subjects, other.subjects) {
            #expect(a.name == b.name && a.joint.sources == b.joint.sources && a.agreement == b.agreement)
        }
        #expect(one.subjects.contains { $0.joint.sources != $0.separate.sources })
    }

    @Test("one subject is as it is alone, and a subject without sources does not stop the others")
    func few() throws {
        let alone = try run(GroupWorld([.init(amplitude: 2)]))
        #expect(alone.subjects[0].joint.sources == alone.subjects[0].separate.sources && alone.kernelWidth == nil)
        #expect(alone.warnings == ["there is one subject: nothing to couple it with"])
        let world = try GroupWorld([.init(amplitude: 2), .init(amplitude: 0), .init(amplitude: 2)], seed: 2)
        let result = try run(world) { $0.kernelWidth = 0.007 }
        #expect(result.subjects[1].separate.sources.isEmpty && result.subjects[1].joint.sources.isEmpty)
        #expect(result.subjects[1].agreement == nil)
        let (own, joint) = (world.score(\.separate, result), world.score(\.joint, result))
        #expect(joint.hits >= 3, "\(own) \(joint)")
        let silent = try run(GroupWorld([.init(amplitude: 0), .init(amplitude: 0)]))
        #expect(silent.subjects.allSatisfy { $0.joint.sources.isEmpty } && silent.kernelWidth == nil)
    }

    @Test("an odd one out keeps its own sources, and is told")
    func odd() throws {
        var members = [GroupWorld.Member](repeating: .init(amplitude: 2), count: 5)
        members[2].isOdd = true
        let world = try GroupWorld(members, seed: 4)
        let result = try run(world)
        #expect(try #require(result.subjects[2].agreement) < 0)
        for s in [0, 1, 3, 4] { #expect(try #require(result.subjects[s].agreement) > 0) }
        for source in result.subjects[2].separate.sources {
            #expect(result.subjects[2].joint.sources.contains { $0.position.distance(to: source.position) <= 0.010 })
        }
    }

    @Test("subjects that share nothing are not coupled")
    func strangers() throws {
        let members = [GroupWorld.Member(amplitude: 2), .init(amplitude: 2, isOdd: true)]
        let result = try run(GroupWorld(members))
        #expect(result.kernelWidth == nil && result.warnings.count == 1)
        #expect(!result.widths.isEmpty && result.widths.allSatisfy { $0.score <= 0 })
        #expect(result.subjects.allSatisfy { $0.joint.sources == $0.separate.sources })
    }

    @Test("settings and subjects that cannot be coupled are told")
    func refusals() throws {
        #expect(throws: InputError.self) { try JointLocalization(change { $0.coupling = 1 }) }
        #expect(throws: InputError.self) { try JointLocalization(change { $0.coupling = .nan }) }
        #expect(throws: InputError.self) { try JointLocalization(change { $0.kernelWidth = 0 }) }
        #expect(throws: InputError.self) { try JointLocalization(change { $0.rounds = 0 }) }
        let world = try GroupWorld([.init(), .init()])
        #expect(throws: InputError.self) { try JointLocalization().run([]) }
        #expect(throws: InputError.self) { try JointLocalization().run([world.subjects[0], world.subjects[0]]) }
        var shared = LocalizationSettings()
        shared.selection.weights = .shared
        #expect(throws: InputError.self) {
            try JointLocalization().run(GroupWorld([.init()], settings: shared).subjects)
        }
        #expect(throws: CancellationError.self) {
            try JointLocalization().run(world.subjects, monitor: Monitor(isCancelled: { true }))
        }
    }

    private func change(_ body: (inout JointSettings) -> Void) -> JointSettings {
        var settings = JointSettings()
        body(&settings)
        return settings
    }
}

@Suite("Places of several subjects")
struct JointPlacesTests {
    private func cloud(_ count: Int, seed: UInt64) -> [SIMD3<Double>] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            let v = SIMD3(random.normal(), random.normal(), random.normal())
            let u = v / v.distance(to: .zero) * 0.06
            return SIMD3(u.x, 1.25 * u.y, u.z > 0 ? u.z : 0.6 * u.z)
        }
    }

    @Test("an affine map is found from where the candidates lie, be they the same or others")
    func alignment() {
        let fixed = cloud(1200, seed: 1)
        func moved(_ p: SIMD3<Double>) -> SIMD3<Double> {
            SIMD3(0.93 * p.x + 0.05 * p.y, 1.06 * p.y - 0.04 * p.x + 0.02 * p.z, 0.97 * p.z - 0.03 * p.y)
                + SIMD3(0.004, -0.006, 0.009)
        }
        let same = AffineAlignment(from: fixed.map(moved), to: fixed)
        for p in fixed { #expect(same.apply(moved(p)).distance(to: p) < 1e-6) }
        let others = cloud(1100, seed: 2)
        let map = AffineAlignment(from: others.map(moved), to: fixed)
        let errors = others.map { map.apply(moved($0)).distance(to: $0) }.sorted()
        let unaligned = others.map { moved($0).distance(to: $0) }.sorted()
        let (median, before) = (errors[errors.count / 2], unaligned[unaligned.count / 2])
        #expect(median < 0.005 && median < 0.4 * before, "\(median) \(before)")
        #expect(AffineAlignment(from: Array(fixed.prefix(10)), to: fixed) == .identity)
        #expect(AffineAlignment(from: fixed.map { SIMD3($0.x, $0.y, 0) }, to: fixed) == .identity)
    }

    @Test("candidates are matched one to one, the nearest first, and as one brain is where it is twice")
    func matches() throws {
        let clouds = [cloud(150, seed: 3), cloud(120, seed: 4), cloud(120, seed: 4), cloud(150, seed: 3)]
        let groups = try places(clouds).matched(within: 0.020)
        for s in clouds.indices {
            #expect(groups.compactMap { $0[s] }.sorted() == Array(clouds[s].indices))
        }
        #expect(groups.allSatisfy { $0[0] == $0[3] && $0[1] == $0[2] })
        let pairs = groups.compactMap { group in group[0].flatMap { a in group[1].map { (a, $0) } } }
        #expect(pairs.count > 60 && pairs.count < 120)
        func distance(_ a: Int, _ b: Int) -> Double { clouds[0][a].distance(to: clouds[1][b]) }
        let matched = (
            Dictionary(uniqueKeysWithValues: pairs), Dictionary(uniqueKeysWithValues: pairs.map { ($1, $0) })
        )
        // No two would rather have each other than what they have.
        for a in clouds[0].indices {
            for b in clouds[1].indices where distance(a, b) <= 0.020 {
                let (forA, forB) = (matched.0[a].map { distance(a, $0) }, matched.1[b].map { distance($0, b) })
                #expect(forA.map { $0 <= distance(a, b) } ?? false || forB.map { $0 <= distance(a, b) } ?? false)
            }
        }
    }

    private func places(_ clouds: [[SIMD3<Double>]]) throws -> JointPlaces {
        JointPlaces(
            try clouds.map { try SourceSpace(positions: $0, frame: .head) }, in: .shared(.head),
            names: clouds.indices.map { "\($0)" })
    }

    @Test("maps are means of blurred powers, ratios a mixture with the density of the others")
    func formulas() throws {
        let clouds = [cloud(150, seed: 3), cloud(120, seed: 4), cloud(150, seed: 3)]
        let places = try places(clouds)
        let (width, reach) = (0.008, 4.5 * 0.008)
        var powers = clouds.map { [Double](repeating: 0, count: $0.count) }
        (powers[0][7], powers[0][90], powers[1][33], powers[2][5]) = (0.8, 0.2, 1, 1)
        func kernel(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> Double {
            let d = a.distance(to: b)
            return d < reach ? exp(-d * d / (2 * width * width)) : 0
        }
        let maps = places.blurred(powers, width: width)
        for s in clouds.indices {
            for (i, place) in clouds[s].enumerated() {
                var sum = 0.0
                for t in clouds.indices {
                    for j in clouds[t].indices { sum += powers[t][j] * kernel(place, clouds[t][j]) / 3 }
                }
                #expect(abs(maps[s][i] - sum) < 1e-12)
            }
        }
        let sources: [[JointPlaces.Weighted]] = [[(7, 1), (90, 1)], [(33, 1)], [(5, 1)]]
        for s in clouds.indices {
            let ratios = try #require(places.ratios(s, sources, width: width, coupling: 0.7))
            #expect(abs(ratios.reduce(0, +) / Double(ratios.count) - 1) < 1e-12)
            let others = clouds.indices.filter { $0 != s }.flatMap { t in sources[t].map { clouds[t][$0.index] } }
            for (i, place) in clouds[s].enumerated() {
                let density = others.reduce(0) { sum, other in
                    sum + kernel(place, other) / clouds[s].reduce(0) { $0 + kernel($1, other) }
                }
                let expected = 0.3 + 0.7 * density * Double(clouds[s].count) / Double(others.count)
                #expect(abs(ratios[i] - expected) < 1e-11)
            }
        }
        #expect(places.ratios(0, [[(7, 1)], [], []], width: width, coupling: 0.7) == nil)
        #expect(places.ratios(0, sources, width: width, coupling: 0) == [Double](repeating: 1, count: 150))
    }
}

@Suite("Places of a group")
struct GroupPlaceTests {
    /// Two subjects of the same candidates on a line, 4 mm apart, and one of its own.
    private func places() throws -> JointPlaces {
        let line = (0..<12).map { SIMD3(0.004 * Double($0), 0, 0) }
        let own = (0..<9).map { SIMD3(0.005 * Double($0), 0.002, 0) }
        return JointPlaces(
            try [line, line, own].map { try SourceSpace(positions: $0, frame: .head) }, in: .shared(.head),
            names: ["a", "b", "c"])
    }

    private let width = 0.004
    private let coupling = 0.7

    /// Log odds of each subject; `peaks` are candidates that data speak for.
    private func fields(_ places: JointPlaces, _ peaks: [Int?], _ odds: Double = 9) -> [[Double]] {
        zip(places.positions, peaks).map { positions, peak in
            positions.indices.map { $0 == peak ? odds : -3 + 0.1 * Double($0) }
        }
    }

    private func place(_ places: JointPlaces, _ fields: [[Double]]) -> GroupPlace {
        let points = GroupKernel.points(of: places.positions[0], width: width)
        return GroupPlace(
            GroupKernel(points, places, width: width), fields: fields, coupling: coupling, count: points.count)
    }

    /// P(candidate | point), by its definition.
    private func kernel(_ places: JointPlaces, _ s: Int, _ point: SIMD3<Double>) -> [Double] {
        let all = places.positions[s].map { position -> Double in
            let d = position.distance(to: point)
            return d < 3.5 * width ? exp(-d * d / (2 * width * width)) : 0
        }
        let sum = all.reduce(0, +)
        return all.map { sum > 0 ? $0 / sum : 0 }
    }

    @Test("evidence, posterior and presence are sums over all that may be so")
    func bruteForce() throws {
        let places = try places()
        let fields = fields(places, [4, 5, nil])
        let place = place(places, fields)
        let points = place.kernel.points
        #expect(points == places.positions[0])
        // Given the point, each subject has a source with probability ρ, at any candidate.
        let likelihoods = points.map { point in
            (0..<3).map { s in
                (1 - coupling)
                    + coupling * zip(kernel(places, s, point), fields[s]).reduce(0) { $0 + $1.0 * exp($1.1) }
            }
        }
        let total = likelihoods.reduce(0) { $0 + $1.reduce(1, *) } / Double(points.count)
        #expect(abs(place.evidence - log(total)) < 1e-12)
        for without in [nil, 0, 2] {
            let masses = likelihoods.map { own in (0..<3).reduce(1.0) { $1 == without ? $0 : $0 * own[$1] } }
            let sum = masses.reduce(0, +)
            for (found, mass) in zip(place.posterior(without: without), masses) {
                #expect(abs(found - mass / sum) < 1e-12)
            }
        }
        let others = place.posterior(without: 2)
        let mean = zip(others, likelihoods).reduce(0) { $0 + $1.0 * $1.1[2] }
        #expect(abs(place.presence(2) - (1 - (1 - coupling) / mean)) < 1e-12)
        let anywhere = fields.map { field in
            log(1 - coupling + coupling * field.reduce(0) { $0 + exp($1) } / Double(field.count))
        }
        #expect(abs(place.gain - (place.evidence - anywhere.reduce(0, +))) < 1e-12)
    }

    @Test("sources are given to those that have one, near where the others say")
    func sources() throws {
        let places = try places()
        let place = place(places, fields(places, [4, 5, nil]))
        #expect(place.source(of: 0, besides: []) == 4 && place.source(of: 1, besides: []) == 5)
        #expect(place.source(of: 2, besides: []) == nil)
        #expect(place.source(of: 0, besides: [4]) != 4)
        // One that agrees makes all surer; one far away does not.
        #expect(place.gain > 0)
        #expect(self.place(places, fields(places, [1, 10, nil])).gain < 0)
    }

    @Test("ratios are of mean one, largest where the others are, and nobody confirms itself")
    func ratios() throws {
        let places = try places()
        let place = place(places, fields(places, [4, 4, nil]))
        for s in 0..<3 {
            let ratios = try #require(GroupPlace.ratios([place], of: s, coupling: coupling))
            #expect(abs(ratios.reduce(0, +) / Double(ratios.count) - 1) < 1e-12)
            #expect(ratios.min() ?? 0 >= 1 - coupling)
            let best = ratios.indices.max { ratios[$0] < ratios[$1] } ?? 0
            #expect(places.positions[s][best].distance(to: places.positions[0][4]) < 0.004)
        }
        // What a subject's own data say changes nothing for itself.
        let moved = self.place(places, fields(places, [9, 4, nil]))
        let (one, other) = (
            try #require(GroupPlace.ratios([place], of: 0, coupling: coupling)),
            try #require(GroupPlace.ratios([moved], of: 0, coupling: coupling))
        )
        for (a, b) in zip(one, other) { #expect(abs(a - b) < 1e-12) }
        let silent = self.place(places, [[], fields(places, [4, 4, nil])[1], []])
        #expect(GroupPlace.ratios([silent], of: 0, coupling: coupling) == nil)
        #expect(GroupPlace.ratios([], of: 1, coupling: coupling) == nil)
    }

    @Test("points are thinned to what a width tells apart")
    func points() {
        let cloud = (0..<400).map { (i: Int) -> SIMD3<Double> in
            SIMD3(0.0013 * Double(i % 20), 0.0017 * Double(i / 20), 0.0005 * Double(i % 7))
        }
        for width in [0.0001, 0.004, 0.02] {
            let points = GroupKernel.points(of: cloud, width: width)
            for (i, p) in points.enumerated() {
                #expect(!points[..<i].contains { $0.distance(to: p) < 0.7 * width * (1 - 1e-9) })
            }
            for p in cloud { #expect(points.contains { $0.distance(to: p) < 0.7 * width * (1 + 1e-9) }) }
        }
        #expect(GroupKernel.points(of: cloud, width: 0.0001) == cloud)
    }
}
