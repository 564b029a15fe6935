/// Soft thresholds of groups and blocks, and the norms that go with them, in memory that is used again: a call allocates
/// nothing. One a thread.
///
/// `weights` are ω_g·w_g of the groups of a block; an infinite one excludes its group, also at a threshold of zero.
final class GroupShrinkage {
    private let frame: GaborFrame
    /// ‖V_g‖², then ‖V_g‖.
    private let sizes: Buffer
    private let factors: Buffer

    init(_ frame: GaborFrame, _ allocations: AllocationCount) {
        self.frame = frame
        sizes = Buffer(capacity: frame.groupCount, allocations)
        factors = Buffer(capacity: frame.groupCount, allocations)
    }

    /// Takes the square of each group of V, D × width, for what follows.
    func square(_ v: UnsafePointer<Double>, _ width: Int) {
        for r in 0..<width {
            let isFirst = r == 0
            for lattice in frame.lattices {
                let (w, half) = (lattice.window, lattice.window / 2)
                for i in 0..<lattice.frames {
                    let x = v + r * frame.size + lattice.first + i * w
                    let s = sizes.pointer + lattice.firstGroup + i * (half + 1)
                    if isFirst {
                        s[0] = x[0] * x[0]
                        for f in 1..<half { s[f] = x[2 * f - 1] * x[2 * f - 1] + x[2 * f] * x[2 * f] }
                        s[half] = x[w - 1] * x[w - 1]
                    } else {
                        s[0] += x[0] * x[0]
                        for f in 1..<half { s[f] += x[2 * f - 1] * x[2 * f - 1] + x[2 * f] * x[2 * f] }
                        s[half] += x[w - 1] * x[w - 1]
                    }
                }
            }
        }
    }

    /// Whether a group of the squares taken is not zero.
    func isNonzero(_ group: Int) -> Bool { sizes.pointer[group] > 0 }

    /// ‖S(V)‖ of the squares taken, with threshold·weights for each group.
    func shrunkenNorm(_ threshold: Double, _ weights: UnsafePointer<Double>) -> Double {
        let (s, count) = (sizes.pointer, frame.groupCount)
        var sums = SIMD4<Double>()
        var g = 0
        while g + 4 <= count {
            let limit = threshold * UnsafeRawPointer(weights + g).loadUnaligned(as: SIMD4<Double>.self)
            let square = UnsafeRawPointer(s + g).loadUnaligned(as: SIMD4<Double>.self)
            // False too for an excluded group at a threshold of zero.
            let isLeft = square .> limit * limit
            let rest = (square.squareRoot() - limit).replacing(with: 0, where: .!isLeft)
            sums += rest * rest
            g += 4
        }
        var sum = sums.sum()
        while g < count {
            let limit = threshold * weights[g]
            if s[g] > limit * limit {
                let rest = s[g].squareRoot() - limit
                sum += rest * rest
            }
            g += 1
        }
        return sum.squareRoot()
    }

    /// The dual norm of the squares taken, which are lost: Newton from below is monotone.
    ///
    /// - Parameters:
    ///   - block: (1−ρ)v.
    ///   - bound: of which the norm is known not to be below.
    func dualNorm(rho: Double, block: Double, _ weights: UnsafePointer<Double>, above bound: Double) -> Double {
        guard block < .infinity else { return 0 }
        let s = sizes.pointer
        for g in 0..<frame.groupCount { s[g] = weights[g] < .infinity ? s[g].squareRoot() : 0 }
        if rho == 0 {
            var sum = 0.0
            for g in 0..<frame.groupCount { sum += s[g] * s[g] }
            return sum.squareRoot() / block
        }
        if block == 0 {
            return (0..<frame.groupCount).reduce(0) { max($0, s[$1] / (rho * weights[$1])) }
        }
        var value = bound
        for _ in 0..<100 {
            var (square, slope) = (0.0, 0.0)
            for g in 0..<frame.groupCount {
                let rest = s[g] - rho * value * weights[g]
                if rest > 0 {
                    square += rest * rest
                    slope += weights[g] * rest
                }
            }
            guard square > 0 else { break }
            let norm = square.squareRoot()
            let change = (norm - block * value) / (rho * slope / norm + block)
            guard change > 1e-15 * value else { break }
            value += change
        }
        return value
    }

    /// V ← prox: groups are shrunk by groups·weights, then what is left by `block`.
    ///
    /// - Parameter v: D × width, overwritten.
    /// - Returns: ‖V‖ and Σ weights·‖V_g‖ of the result.
    func proximal(
        _ v: UnsafeMutablePointer<Double>, _ width: Int, groups: Double, _ weights: UnsafePointer<Double>, block: Double
    ) -> (norm: Double, entries: Double) {
        square(v, width)
        let (s, f) = (sizes.pointer, factors.pointer)
        var (square, entries) = (0.0, 0.0)
        for g in 0..<frame.groupCount {
            let limit = groups * weights[g]
            if s[g] > limit * limit {
                let size = s[g].squareRoot()
                let rest = size - limit
                square += rest * rest
                entries += weights[g] * rest
                f[g] = rest / size
            } else {
                f[g] = 0
            }
        }
        let norm = square.squareRoot()
        guard norm > block else {
            v.update(repeating: 0, count: frame.size * width)
            return (0, 0)
        }
        let factor = 1 - block / norm
        scale(v, width, factor)
        return (norm - block, factor * entries)
    }

    /// V_g ← factor·f_g·V_g.
    private func scale(_ v: UnsafeMutablePointer<Double>, _ width: Int, _ factor: Double) {
        for lattice in frame.lattices {
            let (w, half) = (lattice.window, lattice.window / 2)
            for i in 0..<lattice.frames {
                let f = factors.pointer + lattice.firstGroup + i * (half + 1)
                for r in 0..<width {
                    let x = v + r * frame.size + lattice.first + i * w
                    x[0] *= factor * f[0]
                    for k in 1..<half {
                        let own = factor * f[k]
                        x[2 * k - 1] *= own
                        x[2 * k] *= own
                    }
                    x[w - 1] *= factor * f[half]
                }
            }
        }
    }

    /// The same of some groups, group after group as ``FrameTransform`` has them, all others being zero.
    func proximal(
        _ v: UnsafeMutablePointer<Double>, _ width: Int, listed: UnsafeBufferPointer<Int32>, groups: Double,
        _ weights: UnsafePointer<Double>, block: Double
    ) -> (norm: Double, entries: Double) {
        var (square, entries, end) = (0.0, 0.0, 0)
        for g in listed {
            let (limit, range) = (groups * weights[Int(g)], numbers(of: g, width, from: &end))
            var own = 0.0
            for k in range { own += v[k] * v[k] }
            guard own > limit * limit else {
                for k in range { v[k] = 0 }
                continue
            }
            let size = own.squareRoot()
            let rest = size - limit
            square += rest * rest
            entries += weights[Int(g)] * rest
            for k in range { v[k] *= rest / size }
        }
        let norm = square.squareRoot()
        guard norm > block else {
            v.update(repeating: 0, count: end)
            return (0, 0)
        }
        let factor = 1 - block / norm
        for k in 0..<end { v[k] *= factor }
        return (norm - block, factor * entries)
    }

    /// ‖Z‖ and Σ weights·‖Z_g‖ of some groups, all others being zero.
    func norms(
        _ z: UnsafePointer<Double>, _ width: Int, listed: UnsafeBufferPointer<Int32>, _ weights: UnsafePointer<Double>
    ) -> (norm: Double, entries: Double) {
        var (square, entries, end) = (0.0, 0.0, 0)
        for g in listed {
            var own = 0.0
            for k in numbers(of: g, width, from: &end) { own += z[k] * z[k] }
            guard own > 0 else { continue }
            square += own
            entries += weights[Int(g)] * own.squareRoot()
        }
        return (square.squareRoot(), entries)
    }

    /// Where the numbers of the next listed group are.
    private func numbers(of group: Int32, _ width: Int, from end: inout Int) -> Range<Int> {
        let begin = end
        end += width * (frame.groupOffsets[Int(group) + 1] - frame.groupOffsets[Int(group)])
        return begin..<end
    }

    /// ‖Z‖ and Σ weights·‖Z_g‖.
    func norms(
        _ z: UnsafePointer<Double>, _ width: Int, _ weights: UnsafePointer<Double>
    ) -> (norm: Double, entries: Double) {
        square(z, width)
        let s = sizes.pointer
        var (square, entries) = (0.0, 0.0)
        for g in 0..<frame.groupCount where s[g] > 0 {
            square += s[g]
            entries += weights[g] * s[g].squareRoot()
        }
        return (square.squareRoot(), entries)
    }
}

/// ω_g·w_jg of all blocks of a penalty, in memory that the caller keeps.
struct GroupScales: @unchecked Sendable {
    private let first: UnsafePointer<Double>
    /// Zero where all blocks share them.
    private let stride: Int

    /// Writes those of a penalty into a buffer.
    ///
    /// - Complexity: O(groups · blocks) with time weights.
    init(_ penalty: TimeFrequencyPenalty, in buffer: Buffer) {
        let base = penalty.frame.groupWeights
        let count = base.count
        let time = penalty.weights.time
        buffer.reserve(count * max(1, time?.columns ?? 1))
        for j in 0..<(time?.columns ?? 1) {
            for g in 0..<count { buffer.pointer[j * count + g] = base[g] * (time?.elements[j * count + g] ?? 1) }
        }
        first = UnsafePointer(buffer.pointer)
        stride = time == nil ? 0 : count
    }

    subscript(block: Int) -> UnsafePointer<Double> { first + block * stride }
}
