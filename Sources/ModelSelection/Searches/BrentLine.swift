/// Minimization along one coordinate without derivatives (Brent 1973): a bracket by growing steps, then parabolas and golden
/// sections within it. It is told values and asks for more.
struct BrentLine: Sendable {
    private enum Phase {
        case first
        case outward
        case otherWay
        case expanding
        case refining
    }

    private var phase: Phase
    private let lower: Double
    private let upper: Double
    private let resolution: Double
    /// Evaluations of the refinement left.
    private var refinementsLeft: Int
    private var (low, high) = (0.0, 0.0)
    private var (x, w, v) = (0.0, 0.0, 0.0)
    private var (fx, fw, fv) = (0.0, 0.0, 0.0)
    private var (step, previous) = (0.0, 0.0)
    /// While bracketing: the point behind the best one, and the stride that led to it.
    private var behind = 0.0
    private var stride: Double
    private var asked: Double?
    /// What the parabola through the last three points says of the next, and whether it was right about the last.
    private var foretold: Double?
    private var isForetold = false
    private var agreement = 0.0

    /// A line from a point, to be bracketed first.
    ///
    /// - Parameters:
    ///   - start: within the bounds.
    ///   - stride: the first step; the bracket is first looked for towards the middle of the bounds.
    ///   - resolution: width of the bracket at which to end.
    init(from start: Double, within bounds: ClosedRange<Double>, stride: Double, resolution: Double) {
        phase = .first
        (lower, upper) = (bounds.lowerBound, bounds.upperBound)
        self.resolution = resolution
        refinementsLeft = .max
        x = min(upper, max(lower, start))
        self.stride = x > 0.5 * (lower + upper) ? -abs(stride) : abs(stride)
    }

    /// A line whose bracket is known, with its values: none at an end is below that in the middle.
    ///
    /// - Parameter agreement: the line also ends where the minimum of a parabola lies within half the resolution of the
    ///   best point, once a parabola has foretold a value to within this.
    init(
        bracket ends: (Place, Place), middle: Place, resolution: Double, refinements: Int, agreement: Double
    ) {
        phase = .refining
        (lower, upper) = (min(ends.0.x, ends.1.x), max(ends.0.x, ends.1.x))
        self.resolution = resolution
        self.agreement = agreement
        refinementsLeft = refinements
        stride = 0
        (x, fx) = (middle.x, middle.value)
        beginRefining(lower, upper)
        // The first step is along the parabola already.
        let (near, far) = ends.0.value <= ends.1.value ? ends : (ends.1, ends.0)
        (w, fw, v, fv) = (near.x, near.value, far.x, far.value)
        step = previous
    }

    /// A point and its value.
    typealias Place = (x: Double, value: Double)

    /// A line from a point whose value is known, away from one where it is larger.
    init(
        from start: Double, value: Double, awayFrom behind: Double, within bounds: ClosedRange<Double>, stride: Double,
        resolution: Double
    ) {
        phase = .otherWay
        (lower, upper) = (bounds.lowerBound, bounds.upperBound)
        self.resolution = resolution
        refinementsLeft = .max
        (x, fx) = (start, value)
        self.behind = behind
        self.stride = behind > start ? -abs(stride) : abs(stride)
    }

    /// Where the smallest value was found, so far.
    var best: Double { x }

    private mutating func beginRefining(_ a: Double, _ b: Double) {
        phase = .refining
        (low, high) = (min(a, b), max(a, b))
        (w, v, fw, fv) = (x, x, fx, fx)
        (step, previous) = (0, high - low)
    }

    /// The next point to evaluate; nil when done.
    mutating func next() -> Double? {
        switch phase {
        case .first: asked = x
        case .outward, .otherWay, .expanding: asked = min(upper, max(lower, x + stride))
        case .refining: asked = refined()
        }
        if phase == .outward || phase == .otherWay || phase == .expanding, asked == x {
            // At a bound.
            switch phase {
            case .outward:
                stride = -stride
                behind = x
                phase = .otherWay
                return next()
            default:
                beginRefining(behind, x)
                return next()
            }
        }
        return asked
    }

    /// Tells the value at the point asked for last.
    mutating func tell(_ value: Double) {
        guard let u = asked else { return }
        switch phase {
        case .first:
            fx = value
            phase = .outward
        case .outward:
            if value < fx {
                advance(u, value)
            } else {
                behind = u
                stride = -stride
                phase = .otherWay
            }
        case .otherWay, .expanding:
            if value < fx { advance(u, value) } else { beginRefining(behind, u) }
        case .refining: absorb(u, value)
        }
    }

    private mutating func advance(_ u: Double, _ value: Double) {
        behind = x
        (x, fx) = (u, value)
        stride *= 1.618
        phase = .expanding
    }

    private mutating func refined() -> Double? {
        let tolerance = resolution / 2
        guard refinementsLeft > 0, max(high - x, x - low) > resolution else { return nil }
        var useGolden = true
        if w != v || fx != fw {
            // Parabola through x, w, v.
            let r = (x - w) * (fx - fv)
            var q = (x - v) * (fx - fw)
            var p = (x - v) * q - (x - w) * r
            q = 2 * (q - r)
            if q > 0 { p = -p } else { q = -q }
            if q > 0, abs(p) < abs(0.5 * q * previous), p > q * (low - x), p < q * (high - x) {
                (previous, step) = (step, p / q)
                useGolden = false
                if isForetold, abs(step) < tolerance { return nil }
            }
        }
        if useGolden {
            previous = x < (low + high) / 2 ? high - x : low - x
            step = 0.5 * (3 - 5.0.squareRoot()) * previous
        }
        refinementsLeft -= 1
        var u = x + step
        // A point next to an end or to the best tells nothing more than one a little further off.
        if min(u - low, high - u) < 2 * tolerance {
            u = x + (x < (low + high) / 2 ? tolerance : -tolerance)
        } else if abs(step) < tolerance {
            u = x + (step > 0 ? tolerance : -tolerance)
        }
        foretold = parabola(at: u)
        return u
    }

    /// The parabola through x, w and v; nil where they are not three points.
    private func parabola(at u: Double) -> Double? {
        guard x != w, x != v, w != v else { return nil }
        let first = (fw - fx) / (w - x)
        let second = ((fv - fx) / (v - x) - first) / (v - w)
        return fx + (u - x) * (first + (u - w) * second)
    }

    private mutating func absorb(_ u: Double, _ fu: Double) {
        isForetold = foretold.map { abs(fu - $0) <= agreement } ?? false
        if fu <= fx {
            if u < x { high = x } else { low = x }
            (v, fv, w, fw, x, fx) = (w, fw, x, fx, u, fu)
        } else {
            if u < x { low = u } else { high = u }
            if fu <= fw || w == x {
                (v, fv, w, fw) = (w, fw, u, fu)
            } else if fu <= fv || v == x || v == w {
                (v, fv) = (u, fu)
            }
        }
    }
}
