import Glibc
import Synchronization

/// Localizes the sources of several subjects together: each keeps its own data, places and amplitudes, and where other
/// subjects have a source it takes less to show one.
///
/// Every subject is first localized alone. Where sources are reweighted, ``CoupledReweighting`` then shares a map of them.
/// Where they are refined, places of the group are found by the data of all subjects at once, before any threshold
/// (``GroupSearch``), and are a prior of where a subject's own sources lie: with 1 − ρ anywhere, with ρ at a place, in
/// proportion to how many others have a source there, around where the others say that it is: nobody confirms itself. A
/// source that is r times as likely has to explain less by the factor that lets noise explain as much r times as often: over
/// all places noise makes a source as rarely as before. The search goes on from the sources so far and from those of the
/// search over all. Sources and regions are of a subject's own data under that prior: nothing is averaged.
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
    /// - Complexity: about twice the search of a localization of each, preparation once; where sources are reweighted
    ///   ``JointSettings/rounds`` convex solves of each.
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
        let coupling = try couple(works, places, monitor)
        var joint = separate
        if let chosen = coupling.chosen, let width = coupling.width {
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
                agreement: agreement(works[s].separate.atoms.active.blocks, coupling.ratios[s]))
        }
        return JointResult(
            subjects: results, kernelWidth: coupling.width, widths: coupling.widths, space: places.name,
            warnings: warnings(results, coupling.width, places))
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

        /// What a search over all subjects asks of it; nil where noise explains nothing.
        var searchable: GroupSearch.Subject? {
            guard let refining = posed.refining, selected != nil else { return nil }
            return GroupSearch.Subject(
                dictionary: AtomDictionary(
                    design: refining.dictionary.design, families: [refining.dictionary.families[0]],
                    ridge: refining.dictionary.ridge, keepsDirections: refining.dictionary.keepsDirections),
                response: posed.origin.searched.unreducedResponse,
                charge: refining.charge.value, exponent: refining.exponent)
        }

        /// The estimate of an outcome.
        func estimate(_ outcome: SourceChoice.Outcome, _ monitor: Monitor) throws -> Estimate {
            try localization.estimate(posed, outcome, Stopwatch(), monitor: Monitor(isCancelled: monitor.isCancelled)) {
                _ in nil
            }
        }
    }

    func begin(_ subject: JointSubject, _ monitor: Monitor) throws -> Work {
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

    // MARK: - All together

    /// How subjects are coupled, and what came of it.
    struct Coupling: Sendable {
        /// σ, m; nil where they are not coupled.
        var width: Double?
        var widths: [(width: Double, score: Double)] = []
        /// Of each subject by how many times a source is likelier at each candidate, as the others say; nil where they say
        /// nothing.
        var ratios: [[Double]?]
        /// Nil where they are not coupled.
        var chosen: [SourceChoice.Outcome]?
    }

    func couple(_ works: [Work], _ places: JointPlaces, _ monitor: Monitor) throws -> Coupling {
        let none = Coupling(ratios: [[Double]?](repeating: nil, count: works.count))
        guard settings.coupling > 0, works.count > 1 else { return none }
        return works.allSatisfy { $0.posed.refining != nil }
            ? try refined(works, places, none, monitor) : try reweighted(works, places, none, monitor)
    }

    /// The mean logarithm of by how many times a subject's own sources are likelier where they are.
    private func agreement(_ sources: [Int], _ ratios: [Double]?) -> Double? {
        guard !sources.isEmpty, let ratios else { return nil }
        return sources.reduce(0) { $0 + log(ratios[$1]) } / Double(sources.count)
    }

    /// Sources refined under what the others show, at the places of the group.
    private func refined(
        _ works: [Work], _ places: JointPlaces, _ none: Coupling, _ monitor: Monitor
    ) throws -> Coupling {
        monitor.report(.init(stage: "coupling", detail: "places of the group"))
        // A kernel much narrower than candidates are apart says nothing of where others have theirs.
        let spacing = works.reduce(0) { max($0, $1.posed.forward.sources.spacing) }
        let search = GroupSearch(
            works.map(\.searchable), places, width: settings.kernelWidth ?? max(JointSettings.searchWidth, spacing),
            coupling: settings.coupling, parallelism: settings.parallelism, monitor: monitor)
        if monitor.isCancelled() { throw CancellationError() }
        var coupling = none
        var found = search.places
        if let width = settings.kernelWidth {
            (coupling.width, found) = (width, found.filter { $0.gain > JointSettings.leastGain })
        } else {
            // A place that is not much likelier than sources of the same subjects anywhere is none that they share.
            let widths = JointSettings.widths.filter { $0 >= 0.6 * spacing || $0 == JointSettings.widths.last }
            let tried = widths.map { width in
                found.map { $0.with(GroupKernel($0.kernel.points, places, width: width)) }
                    .filter { $0.gain > JointSettings.leastGain }
            }
            coupling.widths = zip(widths, tried).map { ($0, $1.reduce(0) { $0 + $1.gain }) }
            guard let best = coupling.widths.indices.max(by: { coupling.widths[$0].score < coupling.widths[$1].score }),
                coupling.widths[best].score > 0
            else { return coupling }
            (coupling.width, found) = (coupling.widths[best].width, tried[best])
        }
        let shared = found
        coupling.ratios = try each(works.count) { GroupPlace.ratios(shared, of: $0, coupling: settings.coupling) }
        let (ratios, starts) = (coupling.ratios, works.indices.map(search.atoms))
        coupling.chosen = try each(works.count) { s in
            let work = works[s]
            guard let refining = work.posed.refining, let own = work.selected, let ratios = ratios[s] else {
                return work.separate
            }
            var prior = SourceChoice.PlacePrior()
            prior.ratios = ratios
            prior.starts = [own.patches, starts[s]]
            let selected = try work.posed.choice.selected(
                work.penalized, work.posed.origin, refining, prior: prior,
                monitor: Monitor(isCancelled: monitor.isCancelled))
            return try work.posed.choice.refined(work.penalized, selected, work.posed.origin, refining)
        }
        return coupling
    }

    /// Sources reweighted by a map that all share.
    private func reweighted(
        _ works: [Work], _ places: JointPlaces, _ none: Coupling, _ monitor: Monitor
    ) throws -> Coupling {
        var coupling = none
        let sources = works.map { $0.separate.atoms.active.blocks.map { (index: $0, weight: 1.0) } }
        func ratios(_ width: Double) -> [[Double]?] {
            works.indices.map { places.ratios($0, sources, width: width, coupling: settings.coupling) }
        }
        coupling.width = settings.kernelWidth
        if coupling.width == nil {
            coupling.widths = JointSettings.widths.map { width in
                let all = ratios(width)
                return (
                    width,
                    works.indices.reduce(0.0) { sum, s in
                        sources[s].reduce(sum) { $0 + log(all[s]?[$1.index] ?? 1) }
                    }
                )
            }
            guard let best = coupling.widths.max(by: { $0.score < $1.score }), best.score > 0 else { return coupling }
            coupling.width = best.width
        }
        let width = coupling.width ?? 0
        coupling.ratios = ratios(width)
        let problems = works.map(\.posed.origin.searched)
        var starts = works.map { $0.penalized.convex ?? $0.penalized.atoms.active }
        if settings.start == .together {
            monitor.report(.init(stage: "coupling", detail: "sources that all have"))
            starts =
                try SharedStart(
                    problems, noiseVariances: works.map(\.posed.prepared.noiseVariance), places,
                    stop: works[0].posed.choice.stop, parallelism: settings.parallelism, monitor: monitor
                ).parts ?? starts
        }
        let outcome = try CoupledReweighting(rounds: settings.rounds, coupling: settings.coupling).run(
            problems, from: starts,
            lambdas: works.map { max($0.penalized.curve.chosen.lambda, .leastNormalMagnitude) },
            map: { places.blurred($0, width: width) }, solver: AutomaticSolver(), stop: works[0].posed.choice.stop,
            parallelism: settings.parallelism, monitor: monitor)
        if monitor.isCancelled() { throw CancellationError() }
        coupling.chosen = zip(works, outcome.parts).map { work, part in
            var outcome = work.penalized
            outcome.atoms = ActiveAtoms(part.active)
            return outcome
        }
        return coupling
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
            guard choice.inverse == .mixedNorm else {
                throw InputError(
                    .method, found: "\(choice.inverse.name), of \(subject.name)",
                    expected: "\(MethodKind.mixedNorm.name): others are not coupled")
            }
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
    func each<Value: Sendable>(_ count: Int, _ body: @Sendable (Int) throws -> Value) throws -> [Value] {
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
