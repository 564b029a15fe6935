/// The space in which positions of several subjects compare.
public enum CommonSpace: Sendable, Equatable {
    /// All members have the same candidates, those of a template brain, in this frame.
    case shared(CoordinateFrame)
    /// Each subject's positions are taken to MNI coordinates by a transform of its own.
    case transformed([String: BrainTransform])
    /// Each subject's own coordinates in this frame: heads differ, and so do the places of like parts of the brain, by about
    /// a centimetre.
    case head(CoordinateFrame)

    /// The space for some members: the shared one where all have the same candidates, else that of the transforms where
    /// there are any, else each subject's own coordinates.
    ///
    /// - Parameter transforms: from the frame of the estimates, m, to MNI, by subject; may be empty.
    /// - Throws: ``InputError`` where a subject has no transform although others do, or where frames differ without transforms.
    /// - Complexity: O(members · candidates).
    public static func choose(
        for members: [GroupMember], transforms: [String: BrainTransform] = [:]
    ) throws(InputError) -> CommonSpace {
        guard let first = members.first else { return .head(.head) }
        if members.allSatisfy({ $0.frame == first.frame && $0.hasCandidates(of: first) }) {
            return .shared(first.frame)
        }
        if !transforms.isEmpty {
            if let missing = members.first(where: { transforms[$0.subject] == nil }) {
                throw InputError(
                    "transforms", found: "none for the subject \(missing.subject)", expected: "one for each subject",
                    advice: "add it, or leave the subject out")
            }
            return .transformed(transforms)
        }
        if let other = members.first(where: { $0.frame != first.frame }) {
            throw InputError(
                "group",
                found:
                    "\(first.name) is in the frame '\(first.frame.rawValue)', \(other.name) in '\(other.frame.rawValue)'",
                expected: "one frame", advice: "give a transform to MNI for each subject")
        }
        return .head(first.frame)
    }

    /// Where a position of a subject, m, lies in the common space, m; not finite for a subject without transform.
    public func position(_ position: SIMD3<Double>, of subject: String) -> SIMD3<Double> {
        guard case .transformed(let transforms) = self else { return position }
        return transforms[subject]?.apply(position) ?? SIMD3(repeating: .nan)
    }

    /// The frame that tells which way its axes point; MNI has right, front and up like an image.
    public var axes: CoordinateFrame {
        switch self {
        case .shared(let frame), .head(let frame): frame
        case .transformed: .mri
        }
    }

    /// Its name for tables: `shared head`, `MNI`, `own head`.
    public var name: String {
        switch self {
        case .shared(let frame): "shared \(frame.rawValue)"
        case .transformed: "MNI"
        case .head(let frame): "own \(frame.rawValue)"
        }
    }

    /// Distance within which sources of different subjects count as one place, m: 15 mm, 20 mm in own coordinates.
    public var defaultRadius: Double {
        if case .head = self { return 0.020 }
        return 0.015
    }
}

/// An affine map from the coordinates of a subject, m, to those of MNI.
public struct BrainTransform: Sendable, Equatable {
    /// Rows of the linear part, mm a m.
    private let rows: [SIMD3<Double>]
    /// mm.
    private let shift: SIMD3<Double>

    /// A map from its matrix.
    ///
    /// - Parameter matrix: 4 × 4, from m to mm: [mm; 1] = matrix · [m; 1]; the last row is 0 0 0 1.
    /// - Throws: ``InputError`` unless it is such a matrix, of finite numbers, that stretches by 300 to 3000 along every axis
    ///   (where brains seem ten times smaller or larger than MNI, units are wrong), does not flatten and shifts by less than
    ///   a metre.
    public init(_ matrix: Matrix) throws(InputError) {
        guard matrix.rows == 4, matrix.columns == 4 else {
            throw InputError("transform", found: "\(matrix.rows) × \(matrix.columns) numbers", expected: "4 × 4")
        }
        guard matrix.elements.allSatisfy(\.isFinite), (0..<4).allSatisfy({ matrix[3, $0] == ($0 < 3 ? 0 : 1) }) else {
            throw InputError("transform", found: "no affine map", expected: "finite numbers, the last row 0 0 0 1")
        }
        let columns = (0..<3).map { k in SIMD3(matrix[0, k], matrix[1, k], matrix[2, k]) }
        let lengths = columns.map { $0.distance(to: .zero) }
        guard let shortest = lengths.min(), let longest = lengths.max(), shortest > 300, longest < 3000 else {
            throw InputError(
                "transform", found: "a map that stretches by \(lengths.map { $0.rounded() })",
                expected: "about 1000, from m to mm", advice: "multiply the linear part by 1000 if it maps mm to mm")
        }
        let (a, b) = (columns[0], columns[1])
        let cross = SIMD3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
        guard abs((cross * columns[2]).sum()) > 0.05 * lengths.reduce(1, *) else {
            throw InputError("transform", found: "a map that flattens the brain", expected: "independent columns")
        }
        let shift = SIMD3(matrix[0, 3], matrix[1, 3], matrix[2, 3])
        guard shift.distance(to: .zero) < 1000 else {
            throw InputError("transform", found: "a shift of more than a metre", expected: "a shift in mm")
        }
        rows = (0..<3).map { i in SIMD3(matrix[i, 0], matrix[i, 1], matrix[i, 2]) }
        self.shift = shift
    }

    /// Where a position, m, lies in MNI coordinates, m.
    public func apply(_ position: SIMD3<Double>) -> SIMD3<Double> {
        (SIMD3((rows[0] * position).sum(), (rows[1] * position).sum(), (rows[2] * position).sum()) + shift) / 1000
    }
}
