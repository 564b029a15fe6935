/// The frame in which positions are given.
public enum CoordinateFrame: String, Sendable, Codable {
    /// Head coordinates: x to the right ear, y to the nose, z up.
    case head
    /// Coordinates of the magnetic resonance image (FreeSurfer surface coordinates).
    case mri
    /// Head coordinates of CTF, 4D and Brainstorm: x to the nose, y to the left ear, z up; the origin lies between the
    /// ears.
    case ctf

    /// The frames' names, for messages: `'head', 'mri' or 'ctf'`.
    public static let choices = "'head', 'mri' or 'ctf'"

    /// A position or direction with its axes renamed so that x points to the right, y to the front and z up.
    ///
    /// For drawing: the origin stays, so that positions of different frames still do not compare.
    public func rightAnteriorSuperior(_ vector: SIMD3<Double>) -> SIMD3<Double> {
        self == .ctf ? SIMD3(-vector.y, vector.x, vector.z) : vector
    }
}

/// Which part of the brain a source belongs to.
public enum Hemisphere: Int, Sendable, Codable {
    /// A point of a volume, in neither hemisphere's surface.
    case volume = -1
    /// Left hemisphere.
    case left = 0
    /// Right hemisphere.
    case right = 1

    /// The part in plain English.
    public var name: String {
        switch self {
        case .volume: "volume"
        case .left: "left"
        case .right: "right"
        }
    }
}

/// The candidate sources of a forward model.
public struct SourceSpace: Sendable, Equatable {
    /// Positions in m, one a source, in `frame`.
    public let positions: [SIMD3<Double>]
    /// Unit vectors normal to the cortical surface; zero for points of a volume, which have none; nil when unknown.
    public let normals: [SIMD3<Double>]?
    /// Hemisphere of each source; nil when unknown.
    public let hemispheres: [Hemisphere]?
    /// Vertex number of each source in its surface; nil when unknown.
    public let vertices: [Int]?
    /// Frame of positions and normals.
    public let frame: CoordinateFrame
    /// Triangles of the surface between sources, three indices of sources each; empty when unknown. For drawing alone: that
    /// they are indices of sources is checked where they are drawn.
    public var triangles: [SIMD3<Int32>] = []

    /// Number of sources.
    public var count: Int { positions.count }

    /// The normal of a source; nil where it has none or it is unknown.
    public func normal(_ source: Int) -> SIMD3<Double>? {
        guard let normal = normals?[source], normal != .zero else { return nil }
        return normal
    }

    /// The median distance of a source to its nearest neighbour, m; of a few hundred sources where there are many.
    ///
    /// - Complexity: O(400 · count).
    var spacing: Double {
        let step = max(1, count / 400)
        let distances = stride(from: 0, to: count, by: step).map { j in
            positions.indices.reduce(Double.infinity) {
                $1 == j || positions[$1] == positions[j] ? $0 : min($0, positions[$1].distance(to: positions[j]))
            }
        }.filter(\.isFinite).sorted()
        return distances.isEmpty ? 0.005 : distances[distances.count / 2]
    }

    /// Sources from their columns.
    ///
    /// Normals are scaled to length one. Positions may coincide.
    ///
    /// - Parameters:
    ///   - positions: m, at least one.
    ///   - normals: of any length, one a position; zero where `hemispheres` says volume.
    ///   - hemispheres: one a position; nil when unknown.
    ///   - vertices: one a position; nil when unknown.
    ///   - frame: of positions and normals.
    /// - Throws: ``InputError`` when lengths disagree, a position is not finite or lies further than 0.5 m from the
    ///   origin (millimetres by mistake), or a normal has no direction and its source is not of a volume.
    public init(
        positions: [SIMD3<Double>], normals: [SIMD3<Double>]? = nil, hemispheres: [Hemisphere]? = nil,
        vertices: [Int]? = nil, frame: CoordinateFrame
    ) throws(InputError) {
        func check(_ name: String, _ count: Int?) throws(InputError) {
            if let count, count != positions.count {
                throw InputError(
                    "sources/\(name)", found: "\(count) entries", expected: "\(positions.count), one a source")
            }
        }
        try check("normal", normals?.count)
        try check("hemisphere", hemispheres?.count)
        try check("vertex", vertices?.count)
        guard !positions.isEmpty else {
            throw InputError("sources/position", found: "no sources", expected: "at least one")
        }
        for (j, p) in positions.enumerated() {
            guard p.x.isFinite, p.y.isFinite, p.z.isFinite else {
                throw InputError("sources/position", found: "source \(j) is at NaN or infinity", expected: "metres")
            }
            guard (p * p).sum() < 0.25 else {
                throw InputError(
                    "sources/position",
                    found: "source \(j) lies \(((p * p).sum().squareRoot() * 10).rounded() / 10) m from the origin",
                    expected: "positions in metres within a head", advice: "divide by 1000 if they are in millimetres")
            }
        }
        if let normals {
            var units: [SIMD3<Double>] = []
            units.reserveCapacity(normals.count)
            for (j, n) in normals.enumerated() {
                let length = (n * n).sum().squareRoot()
                if n == .zero, hemispheres?[j] == .volume {
                    units.append(n)
                    continue
                }
                guard length.isFinite, length > 0 else {
                    throw InputError("sources/normal", found: "source \(j) has no direction", expected: "unit vectors")
                }
                units.append(n / length)
            }
            self.normals = units
        } else {
            self.normals = nil
        }
        self.positions = positions
        self.hemispheres = hemispheres
        self.vertices = vertices
        self.frame = frame
    }
}
