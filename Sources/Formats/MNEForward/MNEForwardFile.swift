import HDF5
import SourceImaging

/// A forward model of MNE-Python in HDF5 (`-fwd.h5`), as its package h5io writes it: a dictionary is a group of `key_…`,
/// a list a group of `idx_…`, text an array of bytes, a number an array of one.
///
/// Objects are opened by path; the thousands of others are never visited.
struct MNEForwardFile: FormatReader {
    static let formatName = "HDF5 of MNE-Python"

    let contents: [FileContent] = [.forward]
    var path: String { file.path }

    private let file: HDF5File
    private static let root = "h5io/key_fwd"

    static func open(_ candidate: FileCandidate) throws(InputError) -> MNEForwardFile? {
        guard let file = candidate.hdf5, try reading(file.kind(of: root) == .group) else { return nil }
        return MNEForwardFile(file: file)
    }

    func forward(_ options: ReadingOptions) throws(InputError) -> Forward {
        let frame = try self.frame()
        let orientation = try integer("key_source_ori")
        guard orientation == 1 || orientation == 2 else {
            throw error("key_source_ori", "\(orientation)", "1 (fixed) or 2 (free)")
        }
        let isFixed = orientation == 1
        let isTurned = try integer("key_surf_ori") != 0
        let spaces = try spaces()
        let sensors = try sensors()
        let count = spaces.reduce(0) { $0 + $1.used.count }
        let columns = isFixed ? count : 3 * count
        let directions = try vectors("key_source_nn", count: columns)
        var gain = try reading(Matrix(file.matrix(name("key_sol/key_data"))))
        guard gain.columns == columns else {
            throw error("key_sol/key_data", "\(gain.columns) columns", "\(columns) for \(count) sources")
        }
        if !isFixed, isTurned { gain = Self.turned(gain, axes: directions) }
        var normals = spaces.flatMap(\.normals)
        if isFixed || isTurned {
            // The directions that the gain was computed along, or turned to.
            for (j, isVolume) in spaces.flatMap({ space in space.used.map { _ in space.isVolume } }).enumerated()
            where isFixed || !isVolume {
                normals[j] = directions[isFixed ? j : 3 * j + 2]
            }
        }
        let subject = try text("key_src/idx_0/key_subject_his_id") ?? ""
        var forward = try within(path) { () throws(InputError) in
            try Forward(
                subject: subject, gain: gain, orientations: isFixed ? 1 : 3, sensors: sensors,
                sources: sources(spaces, normals: normals, frame))
        }
        forward.acquisition.subject = subject
        forward.acquisition.sensorFrame = FIFChannels.sensorFrame
        forward.acquisition.take(deviceToHead: try transforms())
        return forward
    }

    func facts(_ options: ReadingOptions) throws(InputError) -> [FileFact] {
        var facts: [FileFact] = []
        let isTurned = try integer("key_surf_ori") != 0
        facts.append("stored orientation", isTurned ? "along the surface" : "x, y, z")
        return facts
    }

    // MARK: Parts

    /// One of the source spaces.
    private struct Space {
        /// Whether its points are no surface: a grid or a list.
        let isVolume: Bool
        let hemisphere: Hemisphere
        let used: [Int]
        let positions: [SIMD3<Double>]
        /// Mean normals of patches, or of points; zero in a volume.
        let normals: [SIMD3<Double>]
        /// Triangles between sources, by their indices among those of all spaces.
        let triangles: [SIMD3<Int32>]
    }

    private func sources(
        _ spaces: [Space], normals: [SIMD3<Double>], _ frame: CoordinateFrame
    ) throws(InputError) -> SourceSpace {
        var sources = try SourceSpace(
            positions: spaces.flatMap(\.positions), normals: normals.contains { $0 != .zero } ? normals : nil,
            hemispheres: spaces.flatMap { space in space.used.map { _ in space.hemisphere } },
            vertices: spaces.flatMap(\.used), frame: frame)
        sources.triangles = spaces.flatMap(\.triangles)
        return sources
    }

    private func frame() throws(InputError) -> CoordinateFrame {
        switch try integer("key_coord_frame") {
        case 4: return .head
        case 5: return .mri
        case let other: throw error("key_coord_frame", "\(other)", "4 (head) or 5 (MRI)")
        }
    }

    /// The transform from device to head coordinates, where there is one.
    private func transforms() throws(InputError) -> [FIFTransform] {
        let object = "key_info/key_dev_head_t"
        guard try contains("\(object)/key_trans") else { return [] }
        let array = try reading(file.doubles(name("\(object)/key_trans")))
        guard array.shape == [4, 4] else { throw error("\(object)/key_trans", sizes(array.shape), "4 × 4") }
        let rows = (0..<3).map { array.elements[4 * $0..<4 * $0 + 3] }
        return [
            FIFTransform(
                from: Int32(clamping: try integer("\(object)/key_from")),
                to: Int32(clamping: try integer("\(object)/key_to")),
                rotation: rows.map { SIMD3($0) },
                translation: SIMD3(array.elements[3], array.elements[7], array.elements[11]))
        ]
    }

    private func spaces() throws(InputError) -> [Space] {
        let frame = try integer("key_coord_frame")
        var spaces: [Space] = []
        var sourceCount = 0
        while try contains("key_src/idx_\(spaces.count)") {
            guard spaces.count < 4096 else { throw error("key_src", "\(spaces.count) source spaces", "fewer") }
            let space = try space("key_src/idx_\(spaces.count)", frame: frame, firstSource: sourceCount)
            sourceCount += space.used.count
            spaces.append(space)
        }
        return spaces
    }

    private func space(_ group: String, frame: Int, firstSource: Int) throws(InputError) -> Space {
        let stored = try integer("\(group)/key_coord_frame")
        guard stored == frame else {
            throw error("\(group)/key_coord_frame", "frame \(stored)", "\(frame), the frame of the forward model")
        }
        let type = try text("\(group)/key_type") ?? ""
        guard ["surf", "vol", "discrete"].contains(type) else {
            throw error("\(group)/key_type", "'\(type)'", "'surf', 'vol' or 'discrete'")
        }
        let points = try vectors("\(group)/key_rr")
        let used = try integers("\(group)/key_vertno")
        if let vertex = used.first(where: { !points.indices.contains($0) }) {
            throw error("\(group)/key_vertno", "vertex \(vertex)", "0 to \(points.count - 1)")
        }
        let directions = try vectors("\(group)/key_nn", count: points.count)
        var normals = used.map { type == "surf" ? directions[$0] : SIMD3.zero }
        if type == "surf", try title("\(group)/key_nearest") == "ndarray" {
            let nearest = try integers("\(group)/key_nearest")
            guard nearest.count == points.count else {
                throw error("\(group)/key_nearest", "\(nearest.count) entries", "\(points.count), one a point")
            }
            normals =
                FIFSourceSpaces.patchNormals(
                    directions, nearest: nearest.map(Double.init), used: used
                ).normals
        }
        let hemisphere: Hemisphere =
            switch (type, try integer("\(group)/key_id")) {
            case ("surf", 101): .left
            case ("surf", 102): .right
            case ("surf", _): points.reduce(0) { $0 + $1.x } <= 0 ? .left : .right
            default: .volume
            }
        return Space(
            isVolume: type != "surf", hemisphere: hemisphere, used: used, positions: used.map { points[$0] },
            normals: normals,
            triangles: type == "surf"
                ? triangles(group, SurfaceTriangles(pointCount: points.count, used: used, firstSource: firstSource))
                : [])
    }

    /// The triangles between sources: those of the surface that was thinned out to them, else of the whole surface. What is
    /// malformed is no reason to refuse a file, since nothing is computed from triangles.
    private func triangles(_ group: String, _ none: SurfaceTriangles) -> [SIMD3<Int32>] {
        for object in ["\(group)/key_use_tris", "\(group)/key_tris"] {
            guard (try? title(object)) == "ndarray", let corners = try? file.integers(name(object)),
                corners.shape.count == 2, corners.shape[1] == 3
            else { continue }
            var surface = none
            surface.add(corners.elements)
            if !surface.triangles.isEmpty { return surface.triangles }
        }
        return []
    }

    private func sensors() throws(InputError) -> Sensors {
        var rows: [String] = []
        while let name = try text("key_sol/key_row_names/idx_\(rows.count)") { rows.append(name) }
        var channels: [String: FIFChannel] = [:]
        var index = 0
        while try contains("key_info/key_chs/idx_\(index)") {
            let group = "key_info/key_chs/idx_\(index)"
            let name = try text("\(group)/key_ch_name") ?? ""
            let location = try reading(file.doubles(self.name("\(group)/key_loc")).elements)
            guard location.count == 12 else { throw error("\(group)/key_loc", "\(location.count) numbers", "12") }
            channels[name] = FIFChannel(
                shortName: name, name: name, kind: try integer("\(group)/key_kind"),
                unit: try integer("\(group)/key_unit"), unitMultiplier: try integer("\(group)/key_unit_mul"),
                coilType: try integer("\(group)/key_coil_type"), calibration: 1, location: location)
            index += 1
        }
        var bad: Set<String> = []
        while let name = try text("key_info/key_bads/idx_\(bad.count)") {
            guard bad.insert(name).inserted else { break }
        }
        var (kinds, locations, compensations) = ([SensorKind](), [[Double]](), [String]())
        for name in rows {
            guard let channel = channels[name] else {
                throw error("key_sol/key_row_names", "channel '\(name)', which key_info does not describe", "all rows")
            }
            let kind = try within(path) { () throws(InputError) in try channel.sensorKind() }
            guard let kind else {
                throw error("channel '\(name)'", "kind \(channel.kind)", "1 (MEG) or 2 (EEG)")
            }
            kinds.append(kind)
            locations.append(channel.location)
            compensations.append(channel.compensation)
        }
        return try within(path) { () throws(InputError) in
            try Sensors(
                names: rows, kinds: kinds, bad: rows.map { bad.contains($0) },
                locations: Matrix(rows: rows.count, columns: 12) { locations[$0][$1] }, compensations: compensations)
        }
    }

    /// The gain along x, y and z, of one along three axes of each source.
    private static func turned(_ gain: Matrix, axes: [SIMD3<Double>]) -> Matrix {
        var result = Matrix(rows: gain.rows, columns: gain.columns)
        for j in stride(from: 0, to: gain.columns, by: 3) {
            for k in 0..<3 {
                for d in 0..<3 {
                    let factor = axes[j + k][d]
                    for i in 0..<gain.rows { result[i, j + d] += gain[i, j + k] * factor }
                }
            }
        }
        return result
    }

    // MARK: Objects

    private func name(_ object: String) -> String { "\(Self.root)/\(object)" }

    private func error(_ object: String, _ found: String, _ expected: String) -> InputError {
        InputError("\(path): \(object)", found: found, expected: expected)
    }

    private func contains(_ object: String) throws(InputError) -> Bool {
        try reading(file.kind(of: name(object)) != nil)
    }

    private func title(_ object: String) throws(InputError) -> String? {
        guard try contains(object) else { return nil }
        return try reading(file.string(attribute: "TITLE", of: name(object)))
    }

    private func integers(_ object: String) throws(InputError) -> [Int] {
        try reading(file.integers(name(object)).elements)
    }

    private func integer(_ object: String) throws(InputError) -> Int {
        let values = try integers(object)
        guard values.count == 1 else { throw error(object, "\(values.count) numbers", "one") }
        return values[0]
    }

    /// Text; nil where there is none or it is None.
    private func text(_ object: String) throws(InputError) -> String? {
        guard let title = try title(object), title != "None" else { return nil }
        return String(decoding: try integers(object).map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    }

    private func vectors(_ object: String, count: Int? = nil) throws(InputError) -> [SIMD3<Double>] {
        let array = try reading(file.doubles(name(object)))
        guard array.shape.count == 2, array.shape[1] == 3, count == nil || array.shape[0] == count else {
            throw error(object, sizes(array.shape), "\(count.map(String.init) ?? "points") × 3")
        }
        return Formats.vectors(rowMajor: array.elements)
    }
}
