import Glibc
import Synchronization

/// Finds the places of a group by the data of all subjects at once, before any threshold of a single subject.
///
/// Places are chosen one after another: where the evidence of all subjects together, each beside its own sources so far, is
/// largest; orthogonal matching pursuit with a kernel over subjects in the place of one column. Each subject that more likely
/// than not has a source there gets its own best candidate near it. After every choice each place is sought again
/// anywhere, beside the others (alternating projection: Ziskind & Wax 1988).
///
/// The odds of a source follow its charge: noise makes a candidate explain S as rarely as the charge's distribution says,
/// τ·r^(−exponent) being exceeded r times as often as τ anywhere, so that at a single one of N candidates odds are
/// N·(S/τ)^(1/exponent).
final class GroupSearch {
    /// What is known of a subject.
    struct Subject: Sendable {
        /// Points alone: a patch explains much as the point in its middle does.
        let dictionary: AtomDictionary
        let response: Matrix
        /// τ, and the exponent of ``SourceChoice/exponent(_:)``.
        let charge: Double
        let exponent: Double
    }

    /// Evidence that a place has to have: what is left of fits that are not perfect reaches six.
    private static let leastEvidence = 8.0
    /// Most places.
    private static let most = 30
    /// How far a place is sought around where it is likeliest, m, at least.
    private static let around = 0.015

    /// Places that two subjects or more have.
    private(set) var places: [GroupPlace] = []
    private let subjects: [Subject?]
    private let profiles: [SubsetProfile?]
    private let kernel: GroupKernel
    private let coupling: Double
    private let radius: Double
    private let parallelism: Parallelism
    /// The place of each atom of each subject; nil of an atom that belongs to none.
    private var owners: [[Int?]]
    /// Log odds at all candidates beside the atoms so far, and their means around the points; renewed where atoms changed.
    private var fields: [[Double]]
    private var logs: [[Double]]

    /// Searches.
    ///
    /// - Parameters:
    ///   - subjects: nil where one has nothing to say.
    ///   - places: their candidates.
    ///   - width: σ of the kernel, m.
    ///   - coupling: ρ.
    ///   - parallelism: subjects are scored at the same time; no result depends on it.
    ///   - monitor: cancellation; what was found until then means nothing.
    /// - Complexity: memory O(points · candidates within reach) for each subject of its own candidates.
    init(
        _ subjects: [Subject?], _ places: JointPlaces, width: Double, coupling: Double, parallelism: Parallelism,
        monitor: Monitor
    ) {
        (self.subjects, self.coupling, self.parallelism) = (subjects, coupling, parallelism)
        radius = max(Self.around, 3 * width)
        let largest = places.positions.indices.max { places.positions[$0].count < places.positions[$1].count } ?? 0
        kernel = GroupKernel(
            GroupKernel.points(of: places.positions[largest], width: width), places, width: width)
        let (count, points) = (subjects.count, kernel.points.count)
        profiles = subjects.map { $0.map { SubsetProfile($0.dictionary, response: $0.response) } }
        owners = [[Int?]](repeating: [], count: count)
        fields = [[Double]](repeating: [], count: count)
        logs = [[Double]](repeating: [Double](repeating: log(1 - coupling), count: points), count: count)
        renew(subjects.indices.filter { subjects[$0] != nil })
        search(monitor)
    }

    /// The atoms that a subject was given.
    func atoms(of subject: Int) -> [AtomDictionary.Atom] { profiles[subject]?.atoms ?? [] }

    private func search(_ monitor: Monitor) {
        while places.count < Self.most, !monitor.isCancelled() {
            let place = best()
            guard place.evidence >= Self.leastEvidence, give(place, places.count) > 0 else { break }
            guard Self.isShared(place) else {
                // One subject's own source.
                for s in owners.indices { owners[s] = owners[s].map { $0 == places.count ? nil : $0 } }
                continue
            }
            places.append(place)
            guard places.count > 1 else { continue }
            for k in places.indices {
                take(k)
                places[k] = best()
                _ = give(places[k], k)
            }
        }
        places = places.filter { $0.evidence >= Self.leastEvidence && Self.isShared($0) }
    }

    private static func isShared(_ place: GroupPlace) -> Bool {
        place.fields.indices.reduce(0) { $0 + place.presence($1) } >= 1.5
    }

    /// The place of the largest evidence beside all atoms so far.
    private func best() -> GroupPlace {
        var (best, value) = (0, -Double.infinity)
        for point in kernel.points.indices {
            let sum = logs.reduce(0) { $0 + $1[point] }
            if sum > value { (best, value) = (point, sum) }
        }
        let middle = kernel.points[best]
        let near = kernel.points.indices.filter { kernel.points[$0].distance(to: middle) < radius }
        return GroupPlace(kernel.around(near), fields: fields, coupling: coupling, count: kernel.points.count)
    }

    /// Gives each subject its source at a place; how many have one.
    private func give(_ place: GroupPlace, _ number: Int) -> Int {
        var changed: [Int] = []
        for (s, profile) in profiles.enumerated() {
            guard let profile, let block = place.source(of: s, besides: Set(profile.atoms.map(\.block))),
                profile.atoms.count < Self.most
            else { continue }
            guard profile.move(to: profile.atoms + [AtomDictionary.Atom(family: 0, block: block)]) else { continue }
            owners[s].append(number)
            changed.append(s)
        }
        renew(changed)
        return changed.count
    }

    /// Takes from each subject its source at a place.
    private func take(_ number: Int) {
        var changed: [Int] = []
        for (s, profile) in profiles.enumerated() {
            guard let profile, let i = owners[s].firstIndex(of: number) else { continue }
            var atoms = profile.atoms
            atoms.remove(at: i)
            owners[s].remove(at: i)
            profile.move(to: atoms)
            changed.append(s)
        }
        renew(changed)
    }

    /// Log odds of subjects whose atoms changed.
    private func renew(_ changed: [Int]) {
        let (coupling, kernel) = (coupling, kernel)
        let found = Mutex([(field: [Double], logs: [Double])?](repeating: nil, count: changed.count))
        // A profile is one piece's alone.
        nonisolated(unsafe) let profiles = profiles
        let subjects = subjects
        parallelism.forEachPiece(of: changed.count, piece: 1) { number, _ in
            let s = changed[number]
            guard let subject = subjects[s], let scores = profiles[s]?.scores.first else { return }
            let most = log(Double(scores.count))
            let field = scores.map { most + log(max($0 / subject.charge, 1e-9)) / subject.exponent }
            let logs = kernel.means(GroupPlace.odds(field), of: s).map { log((1 - coupling) + coupling * $0) }
            found.withLock { $0[number] = (field, logs) }
        }
        for (s, own) in zip(changed, found.withLock { $0 }) {
            guard let own else { continue }
            (fields[s], logs[s]) = (own.field, own.logs)
        }
    }
}
