import HDF5
import SourceImaging

/// A file of the program's own layout that is open, and how its parts common to several formats are read.
struct NativeReader {
    /// The newest version of the layout that is understood.
    static let version = 1

    let file: HDF5File
    var path: String { file.path }

    /// Opens a file and checks what it holds.
    ///
    /// - Throws: ``InputError`` when it cannot be read, holds something else or is of a newer version.
    init(_ path: String, content: FileContent) throws(InputError) {
        try self.init(reading(HDF5File(path)), content: content)
    }

    /// Checks what a file that is open holds.
    ///
    /// - Throws: ``InputError`` when it holds something else or is of a newer version.
    init(_ file: HDF5File, content: FileContent) throws(InputError) {
        self.file = file
        let path = file.path
        guard let found = try Self.content(of: file) else {
            throw InputError(
                path, found: "an HDF5 file without the attribute 'format'", expected: content.phrase)
        }
        guard found == content else {
            throw InputError(
                path, found: found.phrase, expected: content.phrase,
                advice: "check which file is given for which purpose")
        }
        let version = try reading(file.integer(attribute: "version"))
        guard (version ?? 1) >= 1, (version ?? 1) <= Self.version else {
            throw InputError(
                "\(path): @version", found: "\(version ?? 1)", expected: "\(Self.version)",
                advice: "the file was written by a newer program")
        }
    }

    /// What a file of this layout holds; nil for another layout.
    ///
    /// - Throws: ``InputError`` when its attribute `format` names nothing that is known.
    static func content(of file: HDF5File) throws(InputError) -> FileContent? {
        guard let name = try reading(file.string(attribute: "format")) else {
            // A problem file may come without the attribute: two datasets say all.
            for name in ["gain", "data"] where try reading(file.kind(of: name)) != .dataset { return nil }
            return .problem
        }
        guard let content = FileContent(rawValue: name) else {
            throw InputError(
                "\(file.path): @format", found: "'\(name)'",
                expected: "one of " + FileContent.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", "))
        }
        return content
    }

    // MARK: Attributes

    func text(_ name: String, of object: String = "/") throws(InputError) -> String? {
        try reading(file.string(attribute: name, of: object))
    }

    func integer(_ name: String, of object: String = "/") throws(InputError) -> Int? {
        try reading(file.integer(attribute: name, of: object))
    }

    func double(_ name: String, of object: String = "/") throws(InputError) -> Double? {
        try reading(file.double(attribute: name, of: object))
    }

    /// A value that must be there.
    func required<T>(_ value: T?, _ name: String, of object: String = "/", _ expected: String) throws(InputError) -> T {
        guard let value else {
            throw InputError(
                object == "/" ? "\(path): @\(name)" : "\(path): \(object)@\(name)", found: "no such attribute",
                expected: expected)
        }
        return value
    }

    /// All attributes of a group as text, in the file's order.
    func settings(of group: String) throws(InputError) -> [Setting] {
        guard try contains(group) else { return [] }
        let names = try reading(file.attributeNames(of: group))
        var settings: [Setting] = []
        for name in names { settings.append(Setting(name, try text(name, of: group) ?? "")) }
        return settings
    }

    // MARK: Datasets

    func contains(_ object: String) throws(InputError) -> Bool {
        try reading(file.kind(of: object) != nil)
    }

    func matrix(_ name: String) throws(InputError) -> Matrix {
        try reading(Matrix(file.matrix(name)))
    }

    /// A matrix in the precision that it is stored in.
    func design(_ name: String) throws(InputError) -> Design {
        guard try reading(file.describe(name).type == .float(bytes: 4)) else { return Design(try matrix(name)) }
        let read = try reading(file.singleMatrix(name))
        return Design(rows: read.rows, columns: read.columns, elements: read.elements)
    }

    func optionalMatrix(_ name: String) throws(InputError) -> Matrix? {
        try contains(name) ? try matrix(name) : nil
    }

    /// One number for each of `count` items, or however many there are.
    func doubles(_ name: String, count: Int? = nil, _ item: String) throws(InputError) -> [Double] {
        try list(reading(file.doubles(name)), name, count, item)
    }

    /// One whole number for each item.
    func integers(_ name: String, count: Int? = nil, _ item: String) throws(InputError) -> [Int] {
        try list(reading(file.integers(name)), name, count, item)
    }

    /// One string for each item.
    func strings(_ name: String, count: Int? = nil, _ item: String) throws(InputError) -> [String] {
        try list(reading(file.strings(name)), name, count, item)
    }

    private func list<T>(
        _ array: HDF5Array<T>, _ name: String, _ count: Int?, _ item: String
    ) throws(InputError) -> [T] {
        guard array.shape.count == 1, count == nil || array.shape[0] == count else {
            throw shapeError(name, array.shape, count.map { "\($0), one \(item)" } ?? "a list, one entry \(item)")
        }
        return array.elements
    }

    /// A [count, 3] dataset as vectors.
    func vectors(_ name: String, count: Int? = nil) throws(InputError) -> [SIMD3<Double>] {
        let array = try reading(file.doubles(name))
        guard array.shape.count == 2, array.shape[1] == 3, count == nil || array.shape[0] == count else {
            throw shapeError(name, array.shape, "\(count.map(String.init) ?? "sources") × 3")
        }
        return Formats.vectors(rowMajor: array.elements)
    }

    func shapeError(_ name: String, _ shape: [Int], _ expected: String) -> InputError {
        InputError(
            "\(path): \(name)",
            found: shape.isEmpty ? "a single value" : sizes(shape),
            expected: expected)
    }

    // MARK: Parts of several formats

    /// The group `sensors`.
    func sensors() throws(InputError) -> Sensors {
        let names = try strings("sensors/name", "a channel")
        let written = try strings("sensors/kind", count: names.count, "a channel")
        var kinds: [SensorKind] = []
        for (name, kind) in zip(names, written) {
            guard let kind = SensorKind(rawValue: kind) else {
                throw InputError(
                    "\(path): sensors/kind", found: "'\(kind)' for channel '\(name)'",
                    expected: SensorKind.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", "),
                    advice: "drop channels of other kinds")
            }
            kinds.append(kind)
        }
        let bad: [Bool]? =
            try contains("sensors/bad")
            ? try integers("sensors/bad", count: names.count, "a channel").map { $0 != 0 } : nil
        let locations = try optionalMatrix("sensors/location")
        let compensations =
            try contains("sensors/compensation")
            ? try strings("sensors/compensation", count: names.count, "a channel") : nil
        return try within(path) { () throws(InputError) in
            try Sensors(names: names, kinds: kinds, bad: bad, locations: locations, compensations: compensations)
        }
    }

    /// Sources of a group: `position` and attribute `frame`, optional `normal`, `hemisphere`, `vertex` and `triangles`.
    ///
    /// - Parameters:
    ///   - group: name of the group.
    ///   - count: number of sources; nil for however many there are.
    func sourceSpace(in group: String, count: Int? = nil) throws(InputError) -> SourceSpace {
        let positions = try vectors("\(group)/position", count: count)
        let count = positions.count
        let normals = try contains("\(group)/normal") ? try vectors("\(group)/normal", count: count) : nil
        let hemispheres =
            try contains("\(group)/hemisphere") ? try hemispheres("\(group)/hemisphere", count: count) : nil
        let vertices =
            try contains("\(group)/vertex") ? try integers("\(group)/vertex", count: count, "a source") : nil
        let frame = try frame(of: group)
        let triangles = try triangles("\(group)/triangles", sourceCount: count)
        do throws(InputError) {
            var sources = try SourceSpace(
                positions: positions, normals: normals, hemispheres: hemispheres, vertices: vertices, frame: frame)
            sources.triangles = triangles
            return sources
        } catch {
            // Sources do not know in which group they stand.
            let place = error.place.text { $0.rawValue }.replacing("sources/", with: "\(group)/", maxReplacements: 1)
            throw InputError("\(path): \(place)", found: error.found, expected: error.expected, advice: error.advice)
        }
    }

    /// A [triangle, 3] dataset of indices of sources; none where there is no such dataset.
    private func triangles(_ name: String, sourceCount: Int) throws(InputError) -> [SIMD3<Int32>] {
        guard try contains(name) else { return [] }
        let array = try reading(file.integers(name))
        guard array.shape.count == 2, array.shape[1] == 3 else { throw shapeError(name, array.shape, "triangles × 3") }
        if let index = array.elements.first(where: { !(0..<min(sourceCount, Int(Int32.max))).contains($0) }) {
            throw InputError(
                "\(path): \(name)", found: "source \(index)", expected: "0 to \(sourceCount - 1), the sources")
        }
        return stride(from: 0, to: array.elements.count, by: 3).map { first in
            SIMD3(
                Int32(array.elements[first]), Int32(array.elements[first + 1]), Int32(array.elements[first + 2]))
        }
    }

    /// The group `acquisition`; nothing is known where there is none.
    func acquisition() throws(InputError) -> Acquisition {
        var acquisition = Acquisition()
        guard try contains("acquisition") else { return acquisition }
        acquisition.subject = try text("subject", of: "acquisition") ?? ""
        acquisition.sensorFrame = try text("sensor_frame", of: "acquisition") ?? ""
        acquisition.maxwellRank = try integer("maxwell_rank", of: "acquisition")
        if let rank = acquisition.maxwellRank, rank < 1 {
            throw InputError("\(path): acquisition@maxwell_rank", found: "\(rank)", expected: "1 or more components")
        }
        if try contains("acquisition/device_to_head") {
            let name = "acquisition/device_to_head"
            let matrix = try matrix(name)
            guard matrix.rows == 4, matrix.columns == 4 else {
                throw shapeError(name, [matrix.rows, matrix.columns], "4 × 4")
            }
            func row(_ i: Int) -> SIMD3<Double> { SIMD3(matrix[i, 0], matrix[i, 1], matrix[i, 2]) }
            do throws(InputError) {
                acquisition.deviceToHead = try RigidTransform(
                    rotation: (0..<3).map(row), translation: SIMD3(matrix[0, 3], matrix[1, 3], matrix[2, 3]))
            } catch {
                throw InputError("\(path): \(name)", found: error.found, expected: error.expected)
            }
        }
        if try contains("acquisition/averages") {
            acquisition.averagesBySample = try doubles("acquisition/averages", "a sample")
        }
        if try contains("acquisition/note") {
            acquisition.notes = try strings("acquisition/note", "a note").map { Message($0) }
        }
        return acquisition
    }

    /// The attribute `frame` of a group of sources.
    func frame(of group: String = "sources") throws(InputError) -> CoordinateFrame {
        let name = try required(try text("frame", of: group), "frame", of: group, CoordinateFrame.choices)
        guard let frame = CoordinateFrame(rawValue: name) else {
            throw InputError("\(path): \(group)@frame", found: "'\(name)'", expected: CoordinateFrame.choices)
        }
        return frame
    }

    /// A dataset of hemisphere numbers.
    func hemispheres(_ name: String, count: Int) throws(InputError) -> [Hemisphere] {
        var hemispheres: [Hemisphere] = []
        for (j, number) in try integers(name, count: count, "a source").enumerated() {
            guard let hemisphere = Hemisphere(rawValue: number) else {
                throw InputError(
                    "\(path): \(name)", found: "\(number) for source \(j)",
                    expected: "0 (left), 1 (right) or -1 (volume)")
            }
            hemispheres.append(hemisphere)
        }
        return hemispheres
    }

    /// The attribute `orientations` of a dataset or of the root.
    func orientations(of object: String) throws(InputError) -> Int {
        let value = try required(
            try integer("orientations", of: object), "orientations", of: object, "1 (fixed) or 3 (free)")
        guard value == 1 || value == 3 else {
            throw InputError("\(path): \(object)@orientations", found: "\(value)", expected: "1 (fixed) or 3 (free)")
        }
        return value
    }
}

extension Matrix {
    /// The matrix that was read.
    init(_ read: HDF5Matrix<Double>) {
        self.init(rows: read.rows, columns: read.columns, elements: read.elements)
    }
}
