import HDF5

/// A value of MATLAB's types.
indirect enum MATLABValue {
    /// An array of doubles: sizes, and elements with the first index fastest.
    case array(size: [Int], [Double])
    /// A row of characters.
    case text(String)
    /// True or false.
    case logical(Bool)
    /// A cell array: sizes, and elements with the first index fastest.
    case cell(size: [Int], [MATLABValue])
    /// A struct with its fields in order.
    case structure([(name: String, value: MATLABValue)])

    static func number(_ value: Double) -> MATLABValue { .array(size: [1, 1], [value]) }
    static func row(_ values: [Double]) -> MATLABValue { .array(size: [1, values.count], values) }
    static func column(_ values: [Double]) -> MATLABValue { .array(size: [values.count, 1], values) }
    static func texts(_ values: [String]) -> MATLABValue { .cell(size: [values.count, 1], values.map { .text($0) }) }
}

/// Builds a MATLAB 7.3 file in memory.
struct MATLABEncoder: ~Copyable {
    private let writer: HDF5Writer
    private var cellCount = 0

    init() throws(HDF5Error) {
        writer = try HDF5Writer(userBlock: Self.userBlock)
    }

    /// 116 characters of text, 8 bytes of nothing, version 2.0 and the mark of little-endian numbers; then zeros.
    private static var userBlock: [UInt8] {
        var bytes = Array("MATLAB 7.3 MAT-file, Platform: foci, HDF5 schema 1.00 .".utf8)
        bytes += [UInt8](repeating: 0x20, count: 116 - bytes.count) + [UInt8](repeating: 0, count: 8)
        bytes += [0x00, 0x02, 0x49, 0x4D]
        return bytes + [UInt8](repeating: 0, count: 512 - bytes.count)
    }

    /// Adds a variable; its name and those of fields must be MATLAB's.
    mutating func add(_ name: String, _ value: MATLABValue) throws(HDF5Error) {
        try write(name, value)
    }

    /// The bytes of the file.
    consuming func finish() throws(HDF5Error) -> [UInt8] { try writer.finish() }

    private mutating func write(_ path: String, _ value: MATLABValue) throws(HDF5Error) {
        switch value {
        case .array(let size, let elements):
            if elements.isEmpty { return try empty(path, size, "double") }
            try writer.dataset(path, elements, shape: size.reversed())
            try mark(path, "double")
        case .text(let text):
            let codes = text.utf16.map { Int($0) }
            if codes.isEmpty {
                try empty(path, [0, 0], "char")
            } else {
                try writer.dataset(path, integers: codes, shape: [codes.count, 1], as: .uint16)
                try mark(path, "char")
            }
            try writer.attribute("MATLAB_int_decode", of: path, 2, as: .int32)
        case .logical(let isTrue):
            try writer.dataset(path, integers: [isTrue ? 1 : 0], shape: [1, 1], as: .uint8)
            try mark(path, "logical")
            try writer.attribute("MATLAB_int_decode", of: path, 1, as: .int32)
        case .cell(let size, let elements):
            if elements.isEmpty { return try empty(path, size, "cell") }
            var targets: [String] = []
            for element in elements {
                cellCount += 1
                targets.append("#refs#/c\(cellCount)")
                try write(targets[targets.count - 1], element)
            }
            try writer.dataset(path, references: targets, shape: size.reversed())
            try mark(path, "cell")
        case .structure(let fields):
            try writer.group(path)
            try mark(path, "struct")
            for field in fields { try write("\(path)/\(field.name)", field.value) }
        }
    }

    /// An array without elements: its sizes stand in place of these.
    private func empty(_ path: String, _ size: [Int], _ name: String) throws(HDF5Error) {
        try writer.dataset(path, integers: size, shape: [size.count], as: .uint64)
        try mark(path, name)
        try writer.attribute("MATLAB_empty", of: path, 1, as: .uint8)
    }

    private func mark(_ path: String, _ name: String) throws(HDF5Error) {
        try writer.attribute("MATLAB_class", of: path, ascii: name)
    }
}
