import Glibc

/// A place that subjects may share, and what the data of each say of it.
///
/// The place lies at one of some points, any as likely as another before data are seen. A subject has a source there with
/// probability ρ, at a candidate that the kernel around the point says; the odds are those of its data with the source against
/// those without, so that given the point subjects are independent and their logarithms add up.
struct GroupPlace: Sendable {
    /// Around the points where it may be.
    let kernel: GroupKernel
    /// Of each subject log odds of a source at every candidate, beside its other sources; empty where it says nothing.
    let fields: [[Double]]
    /// ρ.
    let coupling: Double
    /// How many points the group could have a place at.
    let count: Int
    /// Odds of a subject at each point.
    private let odds: [[Double]]
    /// log((1 − ρ) + ρ·odds), and their sum over subjects.
    private let logs: [[Double]]
    private let sums: [Double]

    /// A place.
    ///
    /// - Parameters:
    ///   - kernel: around the points where it may be.
    ///   - fields: of each subject log odds at every candidate; empty where it says nothing.
    ///   - coupling: ρ.
    ///   - count: how many points the group could have a place at.
    init(_ kernel: GroupKernel, fields: [[Double]], coupling: Double, count: Int) {
        (self.kernel, self.fields, self.coupling, self.count) = (kernel, fields, coupling, count)
        let odds = fields.indices.map { s in
            fields[s].isEmpty
                ? [Double](repeating: 0, count: kernel.points.count)
                : kernel.means(Self.odds(fields[s]), of: s)
        }
        let logs = odds.map { $0.map { log((1 - coupling) + coupling * $0) } }
        sums = kernel.points.indices.map { point in logs.reduce(0) { $0 + $1[point] } }
        (self.odds, self.logs) = (odds, logs)
    }

    /// Odds of logarithms, none so large that a product with weights is infinite.
    static func odds(_ logs: [Double]) -> [Double] { logs.map { exp(min($0, 300)) } }

    /// The same with another kernel, around the same points.
    func with(_ kernel: GroupKernel) -> GroupPlace {
        GroupPlace(kernel, fields: fields, coupling: coupling, count: count)
    }

    /// How likely it is at each point, by all subjects or all but one.
    func posterior(without subject: Int? = nil) -> [Double] {
        let exponents = sums.indices.map { point in sums[point] - (subject.map { logs[$0][point] } ?? 0) }
        let top = exponents.max() ?? 0
        let masses = exponents.map { exp($0 - top) }
        let sum = masses.reduce(0, +)
        return masses.map { $0 / sum }
    }

    /// How likely a subject has a source there, the place being where the others have it.
    func presence(_ subject: Int) -> Double {
        let odds = zip(posterior(without: subject), odds[subject]).reduce(0) { $0 + $1.0 * $1.1 }
        return coupling * odds / (1 - coupling + coupling * odds)
    }

    /// The logarithm of by how many times all data are likelier with a place there than without, as one of ``count``.
    var evidence: Double {
        let top = sums.max() ?? 0
        return top + log(sums.reduce(0) { $0 + exp($1 - top) } / Double(count))
    }

    /// The logarithm of by how many times all data are likelier with a place there than with sources of the same subjects
    /// anywhere.
    var gain: Double {
        fields.reduce(evidence) { sum, field in
            let mean = field.isEmpty ? 0 : Self.odds(field).reduce(0, +) / Double(field.count)
            return sum - log((1 - coupling) + coupling * mean)
        }
    }

    /// A subject's most likely source there, the place being where the others have it; nil where it more likely has none.
    ///
    /// - Parameter taken: blocks that have a source.
    func source(of subject: Int, besides taken: Set<Int>) -> Int? {
        guard presence(subject) > 0.5 else { return nil }
        var masses = [Double](repeating: 0, count: fields[subject].count)
        kernel.spread(posterior(without: subject), over: subject, into: &masses)
        var best: (block: Int, log: Double)?
        for (block, mass) in masses.enumerated() where mass > 0 && !taken.contains(block) {
            let value = log(mass) + fields[subject][block]
            if value > best?.log ?? -.infinity { best = (block, value) }
        }
        return best?.block
    }
}

extension GroupPlace {
    /// By how many times a source of a subject is likelier at each of its candidates than were all alike, as the other
    /// subjects say: (1 − ρ) + ρ·density, of mean one.
    ///
    /// The density is that of the places where others have a source, in proportion to how many, each where the others say.
    ///
    /// - Returns: nil where no other subject has a source at a place.
    static func ratios(_ places: [GroupPlace], of subject: Int, coupling: Double) -> [Double]? {
        guard let count = places.first?.fields[subject].count, count > 0 else { return nil }
        var density = [Double](repeating: 0, count: count)
        for place in places {
            let others = place.fields.indices.reduce(0.0) { $1 == subject ? $0 : $0 + place.presence($1) }
            place.kernel.spread(
                place.posterior(without: subject).map { $0 * others }, over: subject, into: &density)
        }
        let total = density.reduce(0, +)
        guard total > 0 else { return nil }
        return density.map { (1 - coupling) + coupling * $0 * Double(count) / total }
    }
}
