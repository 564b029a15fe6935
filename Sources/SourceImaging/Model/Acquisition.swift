import Glibc

/// How a recording or a forward model came about, as far as its file says it: what makes two files fit each other or not.
public struct Acquisition: Sendable, Equatable {
    /// From coordinates of the MEG device to those of the head.
    public var deviceToHead: RigidTransform?
    /// What positions of sensors are relative to, in the words of the program that wrote them: those of two files compare
    /// where it is the same.
    public var sensorFrame = ""
    /// Independent components of MEG that a Maxwell filter (signal-space separation; Taulu & Simola 2006) left.
    public var maxwellRank: Int?
    /// How many trials each sample averages, where that varies (trials of different lengths); NaN where there are no data. A
    /// localization counts the fewest of its window.
    public var averagesBySample: [Double]?
    /// Whom the sensors were on; empty when unknown.
    public var subject = ""
    /// What the reader of the file had to decide, one line each.
    public var notes: [Message] = []

    /// Nothing is known.
    public init() {}
}

/// A rotation and a translation.
public struct RigidTransform: Sendable, Equatable {
    /// Rows of the rotation.
    public let rotation: [SIMD3<Double>]
    /// m.
    public let translation: SIMD3<Double>

    /// A transform from its parts.
    ///
    /// - Throws: ``InputError`` unless there are three rows of finite numbers that turn, within 1e-3, and do not stretch.
    public init(rotation: [SIMD3<Double>], translation: SIMD3<Double>) throws(InputError) {
        let products = rotation.flatMap { row in rotation.map { (row * $0).sum() } }
        let isOrthonormal = products.enumerated().allSatisfy { abs($1 - ($0 % 4 == 0 ? 1 : 0)) < 1e-3 }
        guard rotation.count == 3, isOrthonormal, !Self.isMirror(rotation), (translation * translation).sum().isFinite
        else {
            throw InputError("transform", found: "no rotation and translation", expected: "three orthonormal rows")
        }
        self.rotation = rotation
        self.translation = translation
    }

    /// Whether the third row is the first two turned the wrong way.
    private static func isMirror(_ r: [SIMD3<Double>]) -> Bool {
        let third = SIMD3(
            r[0].y * r[1].z - r[0].z * r[1].y, r[0].z * r[1].x - r[0].x * r[1].z, r[0].x * r[1].y - r[0].y * r[1].x)
        return (third * r[2]).sum() < 0
    }

    /// How far another transform differs: between the images of the origin, m, and by which angle, rad.
    public func difference(to other: RigidTransform) -> (distance: Double, angle: Double) {
        let shift = translation - other.translation
        let trace = zip(rotation, other.rotation).reduce(0) { $0 + ($1.0 * $1.1).sum() }
        return ((shift * shift).sum().squareRoot(), acos(max(-1, min(1, (trace - 1) / 2))))
    }
}
