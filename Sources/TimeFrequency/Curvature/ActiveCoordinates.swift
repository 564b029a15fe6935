/// The real numbers of a solution that are not zero, source after source and group after group, with the second derivative
/// Λ of the penalty at them.
///
/// Λ = λ[(1−ρ)v_j(I − u_ju_jᵀ)/‖Z_j‖ ⊕ ρω_gw_jg(I − u_gu_gᵀ)/‖Z_jg‖] with u the directions of source and group. Real numbers
/// are essential: a complex coefficient is curved across its phase alone.
struct ActiveCoordinates {
    /// Numbers next to one another that share a norm.
    struct Part {
        let range: Range<Int>
        /// What the norm is multiplied with, λ and its share of ρ apart.
        let weight: Double
        let norm: Double
    }

    /// Places in the D × columns coefficients of the solution.
    private(set) var places: [Int] = []
    private(set) var values: [Double] = []
    /// One a source.
    private(set) var sources: [Part] = []
    /// One a group that is not zero.
    private(set) var groups: [Part] = []
    /// Of the frame, one a part of ``groups``; those of source i are `listOffsets[i]..<listOffsets[i + 1]`.
    private(set) var listed: [Int32] = []
    private(set) var listOffsets = [0]
    let lambda, rho: Double

    init(_ solution: TimeFrequencySolution, _ penalty: TimeFrequencyPenalty) {
        (lambda, rho) = (penalty.lambda, penalty.rho)
        let (frame, z) = (penalty.frame, solution.coefficients)
        for (i, block) in solution.active.blocks.enumerated() {
            let columns = solution.active.offsets[i]..<solution.active.offsets[i + 1]
            let scales = penalty.groupScales(of: block)
            let begin = places.count
            for g in 0..<frame.groupCount {
                let first = places.count
                let rows = frame.groupOffsets[g]..<frame.groupOffsets[g + 1]
                guard columns.contains(where: { c in rows.contains { z[$0, c] != 0 } }) else { continue }
                for c in columns {
                    for row in rows {
                        places.append(row + c * frame.size)
                        values.append(z[row, c])
                    }
                }
                groups.append(part(first..<places.count, scales[g]))
                listed.append(Int32(g))
            }
            listOffsets.append(listed.count)
            sources.append(part(begin..<places.count, penalty.spaceWeight(block)))
        }
    }

    private func part(_ range: Range<Int>, _ weight: Double) -> Part {
        Part(range: range, weight: weight, norm: range.reduce(0) { $0 + values[$1] * values[$1] }.squareRoot())
    }

    /// All parts with λ(1−ρ)v_j or λρω_gw_jg.
    var scaled: [(part: Part, scale: Double)] {
        sources.map { ($0, lambda * (1 - rho) * $0.weight) } + groups.map { ($0, lambda * rho * $0.weight) }
    }

    /// Adds Λw.
    func addCurved(_ w: UnsafePointer<Double>, to result: UnsafeMutablePointer<Double>) {
        values.withUnsafeBufferPointer { z in
            for (parts, share) in [(sources, lambda * (1 - rho)), (groups, lambda * rho)] where share > 0 {
                for part in parts {
                    let curvature = share * part.weight / part.norm
                    var along = 0.0
                    for k in part.range { along += z[k] * w[k] }
                    along /= part.norm * part.norm
                    for k in part.range { result[k] += curvature * (w[k] - along * z[k]) }
                }
            }
        }
    }

    /// ⟨w, ∂(gradient of the penalty)⟩ with respect to λ and to ρ.
    func slopes(_ w: [Double]) -> (lambda: Double, rho: Double) {
        func along(_ parts: [Part]) -> Double {
            parts.reduce(0) { sum, part in
                sum + part.weight / part.norm * part.range.reduce(0) { $0 + values[$1] * w[$1] }
            }
        }
        let (source, group) = (along(sources), along(groups))
        return ((1 - rho) * source + rho * group, lambda * (group - source))
    }

    /// ⟨K, Λ⟩ as it changes: with z at fixed λ and ρ, and with λ and ρ at fixed z.
    ///
    /// - Parameter k: of a range of numbers the trace of K restricted to it, and its product with their values.
    func kernelSlopes(
        _ k: (Range<Int>) -> (trace: Double, product: [Double])
    ) -> (values: [Double], lambda: Double, rho: Double) {
        var gradient = [Double](repeating: 0, count: values.count)
        func sum(_ parts: [Part], _ share: Double) -> Double {
            parts.reduce(0) { total, part in
                let (trace, product) = k(part.range)
                let square = part.norm * part.norm
                let along = zip(part.range, product).reduce(0) { $0 + values[$1.0] * $1.1 } / square
                let scale = lambda * share * part.weight / (square * part.norm)
                for (i, p) in zip(part.range, product) {
                    gradient[i] += scale * ((3 * along - trace) * values[i] - 2 * p)
                }
                return total + part.weight * (trace - along) / part.norm
            }
        }
        let (source, group) = (sum(sources, 1 - rho), sum(groups, rho))
        return (gradient, (1 - rho) * source + rho * group, lambda * (group - source))
    }
}
