import Glibc
import LinearAlgebra

/// λ by segments held out: the largest whose error there is not above the smallest by more than it varies, or than a share of
/// what all connections gain (a penalty that shrinks loses fit before it loses connections).
struct NetworkChoice: Sendable {
    /// One value of λ and how well its network goes on where it did not learn.
    struct Candidate: Sendable, Equatable {
        let lambda: Double
        /// Mean squared error of held-out segments, of standardized variables; infinite where training failed.
        let error: Double
        /// Standard error of the difference to the smallest.
        let deviation: Double
    }

    let candidates: [Candidate]
    /// Number of the candidate chosen.
    let chosen: Int

    /// - Returns: nil where no network could be trained.
    init?(_ training: NetworkTraining, _ kind: NetworkPenaltyKind, seed: UInt64, parallelism: Parallelism) {
        let (kept, heldOut) = training.segments.split()
        guard !kept.isEmpty, !heldOut.isEmpty else { return nil }
        let lambdas = kind.lambdas
        var errors = [[Double]?](repeating: nil, count: lambdas.count)
        if kind.isPath {
            let path = training.path(kind, lambdas, kept, seed: seed)
            for (k, parameters) in path.enumerated() { errors[k] = parameters.flatMap { training.errors($0, heldOut) } }
        } else {
            errors.withUnsafeMutableBufferPointer { buffer in
                nonisolated(unsafe) let buffer = buffer
                parallelism.forEachPiece(of: lambdas.count, piece: 1) { k, _ in
                    let trained = training.fit(kind.penalty(lambdas[k]), kept, seed: seed)
                    buffer[k] = trained.flatMap { training.errors($0.parameters, heldOut) }
                }
            }
        }
        let blocks = Self.blocks(training.segments, heldOut)
        let means = errors.map { errors in errors.map { own in blocks.map { Self.mean(own, $0) } } }
        self.init(lambdas: lambdas, blocks: means, lostShare: kind.lostShare)
    }

    /// - Parameter blocks: mean errors of stretches of segments, for every λ; nil where training failed.
    init?(lambdas: [Double], blocks: [[Double]?], lostShare: Double?) {
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let overall = blocks.map { $0.map(mean) ?? .infinity }
        guard let best = overall.indices.min(by: { overall[$0] < overall[$1] }), let least = blocks[best] else {
            return nil
        }
        let candidates = lambdas.indices.map { k in
            guard let own = blocks[k] else {
                return Candidate(lambda: lambdas[k], error: .infinity, deviation: .infinity)
            }
            let differences = zip(own, least).map(-)
            let center = mean(differences)
            let squares = differences.reduce(0) { $0 + ($1 - center) * ($1 - center) }
            let count = Double(differences.count)
            return Candidate(
                lambda: lambdas[k], error: overall[k],
                deviation: count > 1 ? (squares / (count * (count - 1))).squareRoot() : 0)
        }
        self.candidates = candidates
        let alone = candidates.last { $0.error.isFinite }?.error ?? overall[best]
        chosen =
            candidates.indices.last {
                let lost = candidates[$0].error - overall[best]
                return lost.isFinite
                    && lost <= (lostShare.map { $0 * (alone - overall[best]) } ?? candidates[$0].deviation)
            } ?? best
    }

    /// Stretches of held-out segments that are nearly independent of one another: of an epoch each, or of about fifty.
    private static func blocks(_ segments: Segments, _ heldOut: [Int]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var first = 0
        for place in heldOut.indices {
            let isEnd = place + 1 == heldOut.count
            let isBorder =
                isEnd || segments.epochs[heldOut[place + 1]] != segments.epochs[heldOut[place]]
                || place + 1 - first >= 50
            if isBorder {
                result.append(first..<(place + 1))
                first = place + 1
            }
        }
        return result
    }

    private static func mean(_ values: [Double], _ range: Range<Int>) -> Double {
        values[range].reduce(0, +) / Double(range.count)
    }
}

extension NetworkTraining {
    /// A network from its beginning at one λ.
    func fit(_ penalty: any NetworkPenalty, _ kept: [Int], seed: UInt64) -> Result? {
        run(
            penalty, kept, from: Self.initial(shape, seed: seed), steps: settings.steps,
            seed: seed ^ 0x6A09_E667_F3BC_C908)
    }

    /// Networks along growing λ, each from the one before: half the steps for the first, as many for all others together.
    func path(_ kind: NetworkPenaltyKind, _ lambdas: [Double], _ kept: [Int], seed: UInt64) -> [[Double]?] {
        var parameters: [Double]? = Self.initial(shape, seed: seed)
        return lambdas.enumerated().map { number, lambda in
            let steps = number == 0 ? settings.steps / 2 : settings.steps / (2 * max(1, lambdas.count - 1))
            parameters = parameters.flatMap {
                run(
                    kind.penalty(lambda), kept, from: $0, steps: max(1, steps), seed: seed ^ UInt64(number))?.parameters
            }
            return parameters
        }
    }
}
