/// How a source may point.
public enum Orientation: Sendable, Equatable {
    /// Along the normal of the cortex only.
    case fixed
    /// Any direction, none preferred.
    case free
    /// Any direction; tangential components are scaled by √ℓ before the penalty, 0 < ℓ ≤ 1 (Lin et al. 2006).
    case loose(Double)

    /// An orientation from its name: `fixed`, `free` or `loose:0.2`.
    ///
    /// - Throws: ``InputError`` for another name or ℓ outside of 0…1.
    public init(name: String) throws(InputError) {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        switch (parts.first, parts.count) {
        case ("fixed", 1): self = .fixed
        case ("free", 1): self = .free
        case ("loose", 1): self = .loose(0.2)
        case ("loose", 2):
            guard let value = Double(parts[1]), value > 0, value <= 1 else {
                throw InputError(
                    .orientation, found: "'\(name)'", expected: "loose:ℓ with 0 < ℓ ≤ 1, for example loose:0.2")
            }
            self = .loose(value)
        default:
            throw InputError(.orientation, found: "'\(name)'", expected: "fixed, free or loose:ℓ")
        }
    }

    /// The name that ``init(name:)`` reads.
    public var name: String {
        switch self {
        case .fixed: "fixed"
        case .free: "free"
        case .loose(let value): "loose:\(value)"
        }
    }

    /// The orientation to use: what was asked for, where the forward allows it.
    ///
    /// - Throws: ``InputError`` where it does not, or ℓ is outside of 0…1.
    static func resolved(_ wanted: Orientation?, for forward: Forward) throws(InputError) -> Orientation {
        let hasNormals = forward.sources.normals != nil
        let lacking = (0..<forward.sources.count).count { forward.sources.normal($0) == nil }
        let isFree = forward.orientations == 3
        guard let wanted else { return isFree ? (hasNormals ? .loose(0.2) : .free) : .fixed }
        switch wanted {
        case .fixed where isFree && !hasNormals:
            throw InputError(
                .orientation, found: "fixed, but the forward has no sources/normal", expected: "normals",
                advice: "use \(.orientation) free")
        case .fixed where isFree && lacking > 0:
            throw InputError(
                .orientation, found: "fixed, but \(lacking) of \(forward.sources.count) sources have no normal",
                expected: "normals", advice: "use \(.orientation) loose:0.2, in which sources of volumes are free")
        case .free where !isFree, .loose where !isFree:
            throw InputError(
                .orientation, found: "\(wanted.name), but the forward has one orientation a source",
                expected: "a forward with three", advice: "use \(.orientation) fixed")
        case .loose where !hasNormals:
            throw InputError(
                .orientation, found: "\(wanted.name), but the forward has no sources/normal", expected: "normals",
                advice: "use \(.orientation) free")
        case .loose(let value) where !(value > 0 && value <= 1):
            throw InputError(.orientation, found: "loose:\(value)", expected: "loose:ℓ with 0 < ℓ ≤ 1")
        default: return wanted
        }
    }

    /// The axes a source keeps of its three, and the factor on each column before the penalty.
    ///
    /// - Parameter normal: unit normal of the source; needed by all but `free`.
    func axes(normal: SIMD3<Double>?) -> (axes: [SIMD3<Double>], factors: [Double]) {
        let cartesian = [SIMD3<Double>(1, 0, 0), SIMD3(0, 1, 0), SIMD3(0, 0, 1)]
        switch (self, normal) {
        case (.fixed, let normal?): return ([normal], [1])
        case (.loose(let looseness), let normal?):
            let (first, second) = Self.tangents(of: normal)
            return ([first, second, normal], [looseness.squareRoot(), looseness.squareRoot(), 1])
        default: return (cartesian, [1, 1, 1])
        }
    }

    /// Two unit vectors that make a right-handed orthonormal frame with a unit normal, continuous but at one point
    /// (Duff et al. 2017). The penalty does not depend on which two they are.
    static func tangents(of n: SIMD3<Double>) -> (SIMD3<Double>, SIMD3<Double>) {
        let sign = n.z < 0 ? -1.0 : 1.0
        let a = -1 / (sign + n.z)
        let b = n.x * n.y * a
        return (SIMD3(1 + sign * n.x * n.x * a, sign * b, -sign * n.x), SIMD3(b, sign + n.y * n.y * a, -n.y))
    }
}
