import SourceImaging

/// Source estimates as `.stc`, the binary format of MNE: `*-lh.stc` and `*-rh.stc`, or `*-vl.stc` for a volume.
///
/// 32-bit floats, A·m, signed for fixed orientation. The format has no vectors: where a dipole may turn, its magnitude.
enum SourceEstimateBinary: FormatWriter {
    static let formatName = "MNE source estimate (.stc)"
    static let endings = [".stc"]

    static func encode(_ value: FileValue, to path: String) throws(InputError) -> [(path: String, bytes: [UInt8])] {
        guard case .estimate(let estimate) = value else { throw cannotHold(value.content, path) }
        let rows = try SourceEstimateRows(estimate)
        let suffixes: [String]
        switch rows.space {
        case .surface: suffixes = ["-lh.stc", "-rh.stc"]
        case .volume: suffixes = ["-vl.stc"]
        case .mixed:
            throw InputError(
                path, found: "surface and volume sources in one estimate", expected: "one kind in a .stc file",
                advice: "end the name in -stc.h5")
        }
        var stem = path[...]
        for ending in ["-lh.stc", "-rh.stc", "-vl.stc", "-vol.stc", ".stc"] where stem.hasSuffix(ending) {
            stem = stem.dropLast(ending.count)
            break
        }
        var files: [(path: String, bytes: [UInt8])] = []
        var next = 0
        for (suffix, vertices) in zip(suffixes, rows.vertices) {
            let sources = rows.sources[next..<(next + vertices.count)]
            next += vertices.count
            files.append((stem + suffix, try encode(vertices, sources, rows, samples: estimate.times.count)))
        }
        return files
    }

    /// Big-endian: first time and step in ms, vertices with their count, then sample after sample.
    private static func encode(
        _ vertices: [Int], _ sources: ArraySlice<EstimatedSource>, _ rows: SourceEstimateRows, samples: Int
    ) throws(InputError) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ word: UInt32) { withUnsafeBytes(of: word.bigEndian) { bytes.append(contentsOf: $0) } }
        func append(_ value: Double) { append(Float(value).bitPattern) }
        func count(_ value: Int, _ what: String) throws(InputError) -> UInt32 {
            guard let word = UInt32(exactly: value) else {
                throw InputError(what, found: "\(value)", expected: "at most \(UInt32.max) in a .stc file")
            }
            return word
        }
        append(rows.firstTime * 1000)
        append(rows.timeStep * 1000)
        append(try count(vertices.count, "sources"))
        for vertex in vertices { append(try count(vertex, "sources/vertex")) }
        append(try count(samples, "times"))
        let courses = sources.map(\.timeCourse)
        for t in 0..<samples {
            for course in courses { append(course[t]) }
        }
        return bytes
    }
}
