import SparseRegression

/// Sources that all subjects have at a place or none has, each with its own amplitudes: where reweighting may start from
/// (multi-subject MxNE; Lim et al. 2017).
struct SharedStart: Sendable {
    /// Of each subject its sources; nil where no subject has any.
    let parts: [ActiveSet]?

    /// How far the candidates of two subjects that are one place are apart at most, m.
    private static let reach = 0.010

    /// Finds them, λ by the risk of all.
    ///
    /// - Parameters:
    ///   - problems: of the subjects, a block a candidate.
    ///   - noiseVariances: of each.
    ///   - places: where the candidates are.
    ///   - stop: when each solve stops.
    ///   - parallelism: threads; no result depends on it.
    ///   - monitor: cancellation.
    /// - Throws: ``SharedSupportLasso/Invalid``.
    init(
        _ problems: [RegressionProblem], noiseVariances: [Double], _ places: JointPlaces, stop: StopRule,
        parallelism: Parallelism, monitor: Monitor
    ) throws(SharedSupportLasso.Invalid) {
        let lasso = try SharedSupportLasso(problems, groups: places.matched(within: Self.reach))
        let chosen = try lasso.chosen(
            noiseVariances: noiseVariances, stop: stop, parallelism: parallelism,
            monitor: Monitor(isCancelled: monitor.isCancelled))
        parts = chosen.solution.active.isEmpty ? nil : chosen.solution.parts
    }
}

extension JointPlaces {
    /// The candidates of all subjects, one a subject, that are the same place as nearly as can be: those of each are matched to
    /// those of the first, the nearest pairs first and none twice. What is matched to none is a place by itself.
    ///
    /// - Parameter reach: how far matched candidates are apart at most, m.
    /// - Returns: of each place the candidate of each subject; nil where it has none.
    /// - Complexity: O(candidates²) an anatomy.
    func matched(within reach: Double) -> [[Int?]] {
        var count = positions[0].count
        // Of each subject the place of each candidate.
        var numbers = [Array(positions[0].indices)]
        for s in positions.indices.dropFirst() {
            if twins[s] < s {
                numbers.append(numbers[twins[s]])
                continue
            }
            var pairs: [(square: Double, own: Int, first: Int)] = []
            for (own, position) in positions[s].enumerated() {
                for (first, other) in positions[0].enumerated() {
                    let d = position - other
                    let square = (d * d).sum()
                    if square <= reach * reach { pairs.append((square, own, first)) }
                }
            }
            pairs.sort { ($0.square, $0.own, $0.first) < ($1.square, $1.own, $1.first) }
            var own = [Int?](repeating: nil, count: positions[s].count)
            var isTaken = [Bool](repeating: false, count: positions[0].count)
            for pair in pairs where own[pair.own] == nil && !isTaken[pair.first] {
                own[pair.own] = pair.first
                isTaken[pair.first] = true
            }
            numbers.append(
                own.map { place in
                    if let place { return place }
                    count += 1
                    return count - 1
                })
        }
        var places = [[Int?]](repeating: [Int?](repeating: nil, count: positions.count), count: count)
        for (s, own) in numbers.enumerated() {
            for (candidate, place) in own.enumerated() { places[place][s] = candidate }
        }
        return places
    }
}
