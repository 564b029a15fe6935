import SourceImaging

/// An estimate as MNE-Python's source estimates order it: by hemisphere, then by vertex, ascending.
struct SourceEstimateRows {
    /// What kind of source space the rows belong to.
    enum Space: String {
        case surface
        case volume
        case mixed
    }

    let space: Space
    /// Vertices of each part, ascending: left and right; the volume; or left, right and the volume.
    let vertices: [[Int]]
    /// The sources, in the order of the vertices.
    let sources: [EstimatedSource]
    /// Time of the first sample, s.
    let firstTime: Double
    /// Seconds between samples; 1 where there is but one.
    let timeStep: Double

    /// Whether amplitudes are vectors: some dipole may turn.
    var isVector: Bool { sources.contains { $0.amplitudes.rows > 1 } }

    /// Rows of an estimate.
    ///
    /// - Throws: ``InputError`` when sources have no vertices, two share one, or times are uneven.
    init(_ estimate: Estimate) throws(InputError) {
        var parts: [Hemisphere: [EstimatedSource]] = [:]
        for source in estimate.sources {
            guard let vertex = source.vertex, vertex >= 0, let hemisphere = source.hemisphere else {
                throw InputError(
                    "sources/vertex", found: "no vertex or hemisphere of source \(source.index)",
                    expected: "the vertex of each source in its surface or volume",
                    advice: "use a forward that has them, or write .dip or .mat")
            }
            parts[hemisphere, default: []].append(source)
        }
        let hasVolume = parts[.volume] != nil
        let hasSurface = parts[.left] != nil || parts[.right] != nil
        space = hasVolume ? (hasSurface ? .mixed : .volume) : .surface
        let order: [Hemisphere] =
            switch space {
            case .surface: [.left, .right]
            case .volume: [.volume]
            case .mixed: [.left, .right, .volume]
            }
        let sorted = order.map { part in (parts[part] ?? []).sorted { ($0.vertex ?? 0) < ($1.vertex ?? 0) } }
        for part in sorted {
            for (one, next) in zip(part, part.dropFirst()) where one.vertex == next.vertex {
                throw InputError(
                    "sources/vertex", found: "sources \(one.index) and \(next.index) at vertex \(one.vertex ?? 0)",
                    expected: "one source a vertex")
            }
        }
        vertices = sorted.map { $0.compactMap(\.vertex) }
        sources = sorted.flatMap { $0 }

        let times = estimate.times
        guard let first = times.first, let last = times.last else {
            throw InputError("times", found: "no samples", expected: "at least one")
        }
        firstTime = first
        // One sample has no step; 1 s is what MNE-Python itself gives single maps.
        timeStep = times.count > 1 ? (last - first) / Double(times.count - 1) : 1
        for (sample, time) in times.enumerated() {
            guard abs(time - first - Double(sample) * timeStep) <= 0.01 * timeStep else {
                throw InputError("times", found: "uneven steps at sample \(sample)", expected: "evenly spaced times")
            }
        }
    }
}

extension EstimatedSource {
    /// The dipole moment over time in the frame of the estimate, A·m; 3 × samples.
    ///
    /// - Throws: ``InputError`` when the direction is not known.
    func moments() throws(InputError) -> Matrix {
        guard let axes, axes.count == amplitudes.rows else {
            throw InputError(
                "sources/axes", found: "no direction of source \(index)", expected: "a direction for each amplitude",
                advice: "use a forward with normals, or free orientation")
        }
        return Matrix(rows: 3, columns: amplitudes.columns) { component, t in
            axes.indices.reduce(0) { $0 + axes[$1][component] * amplitudes[$1, t] }
        }
    }
}
