import Glibc

/// Gaussians around points of a common space, over the candidates of every subject: how likely a subject's source is at each
/// candidate when the group's place is at a point.
struct GroupKernel: Sendable {
    /// The points, m.
    let points: [SIMD3<Double>]
    /// A subject's rows; those of subjects with the same candidates are shared.
    private let rows: [Rows]

    /// Of each point the candidates within reach and their weights, of sum one; none where no candidate is near.
    struct Rows: Sendable {
        var offsets = [0]
        var candidates: [Int32] = []
        var weights: [Double] = []
        /// How many candidates there are, near or not.
        let count: Int
    }

    /// Beyond so many widths a Gaussian is left out.
    private static let reach = 3.5

    private init(_ points: [SIMD3<Double>], _ rows: [Rows]) { (self.points, self.rows) = (points, rows) }

    /// Gaussians around points.
    ///
    /// - Parameters:
    ///   - points: in the common space, m.
    ///   - places: the candidates of the subjects.
    ///   - width: σ, m.
    /// - Complexity: O(points · candidates) for each subject of other candidates than those before it.
    init(_ points: [SIMD3<Double>], _ places: JointPlaces, width: Double) {
        let (limit, factor) = (Self.reach * Self.reach * width * width, -0.5 / (width * width))
        var all: [Rows] = []
        for s in places.positions.indices {
            guard places.twins[s] == s else {
                all.append(all[places.twins[s]])
                continue
            }
            let candidates = places.positions[s]
            var rows = Rows(count: candidates.count)
            candidates.withUnsafeBufferPointer { candidates in
                for point in points {
                    let first = rows.weights.count
                    var sum = 0.0
                    for i in candidates.indices {
                        let d = candidates[i] - point
                        let square = (d * d).sum()
                        guard square < limit else { continue }
                        rows.candidates.append(Int32(i))
                        rows.weights.append(exp(factor * square))
                        sum += rows.weights[rows.weights.count - 1]
                    }
                    for i in first..<rows.weights.count { rows.weights[i] /= sum }
                    rows.offsets.append(rows.weights.count)
                }
            }
            all.append(rows)
        }
        self.init(points, all)
    }

    /// Around some of the points alone.
    func around(_ some: [Int]) -> GroupKernel {
        GroupKernel(
            some.map { points[$0] },
            rows.map { rows in
                var own = Rows(count: rows.count)
                for point in some {
                    let range = rows.offsets[point]..<rows.offsets[point + 1]
                    own.candidates += rows.candidates[range]
                    own.weights += rows.weights[range]
                    own.offsets.append(own.weights.count)
                }
                return own
            })
    }

    /// Points that are never further from a candidate of some subject's than the thinning: its candidates, but for such as lie
    /// within a part of the width of one that is kept.
    static func points(of candidates: [SIMD3<Double>], width: Double) -> [SIMD3<Double>] {
        let least = 0.49 * width * width
        var kept: [SIMD3<Double>] = []
        for candidate in candidates
        where !kept.contains(where: { (($0 - candidate) * ($0 - candidate)).sum() < least }) { kept.append(candidate) }
        return kept
    }

    /// The mean over a subject's candidates around each point, of values at the candidates.
    func means(_ values: [Double], of subject: Int) -> [Double] {
        let rows = rows[subject]
        return values.withUnsafeBufferPointer { values in
            points.indices.map { point in
                var sum = 0.0
                for i in rows.offsets[point]..<rows.offsets[point + 1] {
                    sum += rows.weights[i] * values[Int(rows.candidates[i])]
                }
                return sum
            }
        }
    }

    /// Adds to a value of each of a subject's candidates, from weights of the points.
    func spread(_ weights: [Double], over subject: Int, into values: inout [Double]) {
        let rows = rows[subject]
        for (point, weight) in weights.enumerated() where weight > 0 {
            for i in rows.offsets[point]..<rows.offsets[point + 1] {
                values[Int(rows.candidates[i])] += weight * rows.weights[i]
            }
        }
    }
}
