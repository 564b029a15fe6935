import Glibc
import Synchronization

/// Localizes the sources of several subjects together: each keeps its own data, places and amplitudes, and where other
/// subjects have a source it takes less to show one.
///
/// Every subject is first localized alone. Where sources are reweighted, ``CoupledReweighting`` then shares a map of them.
/// Where they are refined, the sources of the others are a prior of where a subject's own lie: around each of them a Gaussian,
/// and with 1 − ρ anywhere (a kernel density of the others, so that nobody confirms itself). A source that is r times as
/// likely has to explain less by the factor that lets noise explain as much r times as often: over all places noise makes a
/// source as rarely as before. The search goes on from the sources so far and from those of the coupled penalized solution; rounds
/// end when no subject's sources change. Sources and regions are of a subject's own data under that prior: nothing is averaged.
///
/// Memory of all subjects' whitened gains.
public struct JointLocalization: Sendable {
    /// How subjects are coupled.
    public let settings: JointSettings
    private let naming: @Sendable (SettingName) -> String

    /// A joint localization.
    ///
    /// - Parameters:
    ///   - settings: how subjects are coupled.
    ///   - naming: how the caller's users know a setting, for warnings that name one.
    /// - Throws: ``InputError`` for settings out of their range.
    public init(
        _ settings: JointSettings = JointSettings(),
        naming: @escaping @Sendable (SettingName) -> String = { $0.rawValue }
    ) throws(InputError) {
        try settings.check()
        self.settings = settings
        self.naming = naming
    }

    /// Localizes subjects together; their order does not matter.
    ///
    /// - Parameters:
    ///   - subjects: at least one.
    ///   - transforms: of subjects to MNI space; may be empty.
    ///   - monitor: progress, cancellation and warnings.
    /// - Throws: ``InputError`` for a subject that cannot be localized, naming it, and where positions cannot be compared;
    ///   `CancellationError`.
    /// - Complexity: at most 1 + ``JointSettings/rounds`` times the search of a localization of each, preparation once.
    public func run(
        _ subjects: [JointSubject], transforms: [String: BrainTransform] = [:], monitor: Monitor = .silent
    ) throws -> JointResult {
        try Self.check(subjects)
        let subjects = subjects.sorted { $0.name < $1.name }
        let works = try each(subjects.count) { try begin(subjects[$0], monitor) }
        let separate = try each(works.count) { s in
            try within(subjects[s].name) { try works[s].estimate(works[s].separate, monitor) }
        }
        let members = zip(subjects, separate).map { GroupMember($1, subject: $0.name) }
        let places = JointPlaces(
            works.map(\.posed.forward.sources), in: try CommonSpace.choose(for: members, transforms: transforms),
            names: subjects.map(\.name))
        let sources = works.map(\.sources)
        let widths = settings.kernelWidth == nil ? scores(sources, places) : []
        let best = widths.max { $0.score < $1.score }
        var width = settings.kernelWidth ?? best.flatMap { $0.score > 0 ? $0.width : nil }
        if settings.coupling == 0 || works.count == 1 { width = nil }
        var joint = separate
        if let width {
            let chosen = try coupled(works, places, width, monitor)
            joint = try each(works.count) { s in
                try within(subjects[s].name) {
                    var estimate = try works[s].estimate(chosen[s], monitor)
                    estimate.settings += described(width, works.count)
                    return estimate
                }
            }
        }
        if monitor.isCancelled() { throw CancellationError() }
        let results = subjects.indices.map { s in
            JointResult.Subject(
                name: subjects[s].name, separate: separate[s], joint: joint[s],
                agreement: width.flatMap { agreement(s, sources, places, $0) })
        }
        return JointResult(
            subjects: results, kernelWidth: width, widths: widths, space: places.name,
            warnings: warnings(results, width, places))
    }

    // MARK: - Each subject alone

    /// A subject while it is worked on.
    struct Work: Sendable {
        let localization: Localization
        let posed: Localization.Posed
        /// The sources before they are refined.
        let penalized: SourceChoice.Outcome
        /// The refined ones; nil where sources are not refined, or noise explains nothing.
        let selected: SourceChoice.Selected?
        /// What its own data say.
        let separate: SourceChoice.Outcome

        /// What its sources alone say of others.
        var sources: [JointPlaces.Weighted] { separate.atoms.active.blocks.map { ($0, 1) } }

        /// The estimate of an outcome.
        func estimate(_ outcome: SourceChoice.Outcome, _ monitor: Monitor) throws -> Estimate {
            try localization.estimate(posed, outcome, Stopwatch(), monitor: Monitor(isCancelled: monitor.isCancelled)) {
                _ in nil
            }
        }
    }

    private func begin(_ subject: JointSubject, _ monitor: Monitor) throws -> Work {
        try within(subject.name) {
            var own = subject.settings
            own.parallelism = .serial
            let localization = try Localization(own, naming: naming)
            let quiet = Monitor(
                report: { monitor.report(.init(stage: "\(subject.name): \($0.stage)", detail: $0.detail)) },
                isCancelled: monitor.isCancelled)
            let posed = try localization.posed(
                subject.recording, subject.forward, subject.covariance, quiet, subject.shared)
            let session = AutomaticSolver().session(for: posed.origin.searched, parallelism: .serial)
            let penalized = try posed.choice.penalized(session, posed.origin, monitor: quiet)
            guard let refining = posed.refining else {
                return Work(
                    localization: localization, posed: posed, penalized: penalized, selected: nil, separate: penalized)
            }
            guard refining.charge.value > 0 else {
                return Work(
                    localization: localization, posed: posed, penalized: penalized, selected: nil,
                    separate: penalized.withoutSources(of: posed.origin.problem))
            }
            let selected = try posed.choice.selected(penalized, posed.origin, refining, monitor: quiet)
            let separate = try posed.choice.refined(penalized, selected, posed.origin, refining)
            return Work(
                localization: localization, posed: posed, penalized: penalized, selected: selected, separate: separate)
        }
    }

    // MARK: - The kernel

    /// How much likelier the sources of every subject are where the others have theirs, against anywhere, for each width.
    private func scores(
        _ sources: [[JointPlaces.Weighted]], _ places: JointPlaces
    ) -> [(width: Double, score: Double)] {
        JointSettings.widths.map { width in
            let score = sources.indices.reduce(0.0) { sum, s in
                sum + (agreement(s, sources, places, width) ?? 0) * Double(sources[s].count)
            }
            return (width, score)
        }
    }

    /// The mean logarithm of by how many times a subject's sources are likelier where the others have theirs.
    private func agreement(
        _ s: Int, _ sources: [[JointPlaces.Weighted]], _ places: JointPlaces, _ width: Double
    ) -> Double? {
        guard !sources[s].isEmpty,
            let ratios = places.ratios(s, sources, width: width, coupling: settings.coupling)
        else { return nil }
        return sources[s].reduce(0) { $0 + log(ratios[$1.index]) } / Double(sources[s].count)
    }

    // MARK: - All together

    /// What every subject's sources are, coupled.
    private func coupled(
        _ works: [Work], _ places: JointPlaces, _ width: Double, _ monitor: Monitor
    ) throws -> [SourceChoice.Outcome] {
        let reweighted = try CoupledReweighting(rounds: settings.rounds, coupling: settings.coupling).run(
            works.map(\.posed.origin.searched),
            from: works.map { $0.penalized.convex ?? $0.penalized.atoms.active },
            lambdas: works.map { max($0.penalized.curve.chosen.lambda, .leastNormalMagnitude) },
            map: { places.blurred($0, width: width) }, solver: AutomaticSolver(), stop: works[0].posed.choice.stop,
            parallelism: settings.parallelism, monitor: monitor)
        if monitor.isCancelled() { throw CancellationError() }
        guard works.allSatisfy({ $0.posed.refining != nil }) else {
            return zip(works, reweighted.parts).map { work, part in
                var outcome = work.penalized
                outcome.atoms = ActiveAtoms(part.active)
                return outcome
            }
        }
        let starts = reweighted.parts.map { part in
            let strongest = zip(part.active.blocks, part.active.norms).sorted { ($0.1, $1.0) > ($1.1, $0.0) }
            return strongest.map { AtomDictionary.Atom(family: 0, block: $0.0) }
        }
        return try refined(works, places, width, starts, monitor)
    }

    /// Rounds of refining every subject under what the others show.
    private func refined(
        _ works: [Work], _ places: JointPlaces, _ width: Double, _ starts: [[AtomDictionary.Atom]], _ monitor: Monitor
    ) throws -> [SourceChoice.Outcome] {
        var chosen = works.map(\.selected)
        for round in 0..<settings.rounds {
            monitor.report(.init(stage: "coupling", detail: "round \(round + 1) of at most \(settings.rounds)"))
            let before = chosen
            let sources = before.map { ($0?.found.atoms ?? []).map { (index: $0.block, weight: 1.0) } }
            chosen = try each(works.count) { s -> SourceChoice.Selected? in
                guard let refining = works[s].posed.refining, let own = before[s] else { return nil }
                var prior = SourceChoice.PlacePrior()
                prior.ratios = places.ratios(s, sources, width: width, coupling: settings.coupling)
                prior.starts = round == 0 ? [own.found.atoms, starts[s]] : [own.found.atoms]
                return try works[s].posed.choice.selected(
                    works[s].penalized, works[s].posed.origin, refining, prior: prior,
                    monitor: Monitor(isCancelled: monitor.isCancelled))
            }
            if zip(before, chosen).allSatisfy({ $0?.found.atoms == $1?.found.atoms }) { break }
        }
        let found = chosen
        return try each(works.count) { s in
            guard let refining = works[s].posed.refining, let selected = found[s] else { return works[s].separate }
            return try works[s].posed.choice.refined(
                works[s].penalized, selected, works[s].posed.origin, refining)
        }
    }

    // MARK: - What is told

    private func described(_ width: Double, _ count: Int) -> [Setting] {
        [
            Setting("joint", "\(count) subjects"), Setting("kernel_mm", String(printf: "%g", width * 1000)),
            Setting("coupling", "\(settings.coupling)"),
        ]
    }

    private func warnings(_ subjects: [JointResult.Subject], _ width: Double?, _ places: JointPlaces) -> [String] {
        var warnings: [String] = []
        guard subjects.count > 1 else { return ["there is one subject: nothing to couple it with"] }
        if width == nil, settings.coupling > 0 {
            warnings.append(
                "the subjects have no places in common that their own data show: each is localized alone")
        }
        if case .aligned = places.space {
            warnings.append(
                "the subjects' own head coordinates were brought together affinely, by where their candidate sources lie: "
                    + "a forward model on a template brain, or a transform to MNI for each subject, compares better")
        }
        return warnings
    }

    // MARK: - Helpers

    private static func check(_ subjects: [JointSubject]) throws(InputError) {
        guard !subjects.isEmpty else { throw InputError("joint", found: "no subject", expected: "at least one") }
        var names: Set<String> = []
        for subject in subjects {
            guard names.insert(subject.name).inserted else {
                throw InputError("joint", found: "two subjects '\(subject.name)'", expected: "one of each name")
            }
            let choice = try SourceChoice(subject.settings)
            guard choice.weights == .refined || choice.weights == .reweighted, choice.penalty == GroupLasso.kind else {
                throw InputError(
                    .weights, found: "\(choice.weights.rawValue) with \(choice.penalty.name), of \(subject.name)",
                    expected: "refined or reweighted with \(GroupLasso.kind.name): others are not coupled")
            }
            guard subject.settings.stability.repeats == 0 else {
                throw InputError(
                    .stability, found: "repeats, of \(subject.name)", expected: "none where subjects are coupled")
            }
        }
        let refined = try subjects.map { subject throws(InputError) in try SourceChoice(subject.settings).isRefined }
        guard Set(refined).count == 1 else {
            throw InputError(
                .weights, found: "refined for some subjects, reweighted for others", expected: "the same for all")
        }
    }

    /// Does something for every subject, several at a time; an error is that of the first subject that has one.
    private func each<Value: Sendable>(_ count: Int, _ body: @Sendable (Int) throws -> Value) throws -> [Value] {
        let values = Mutex([Result<Value, any Error>?](repeating: nil, count: count))
        settings.parallelism.forEachPiece(of: count, piece: 1) { s, _ in
            let value = Result { try body(s) }
            values.withLock { $0[s] = value }
        }
        return try values.withLock { $0 }.compactMap { try $0?.get() }
    }

    /// Names the subject in an error.
    private func within<Value>(_ name: String, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as InputError {
            throw error.within(name)
        } catch let error as InvalidPenalty {
            throw InputError(name, found: "\(error)", advice: "check the units of gain, recording and covariance")
        } catch let error as RegressionProblem.Invalid {
            throw InputError(name, found: "\(error)", advice: "check the units of gain, recording and covariance")
        }
    }
}
