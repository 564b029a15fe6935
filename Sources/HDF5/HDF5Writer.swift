import CHDF5
import Synchronization

/// Builds an HDF5 file in memory.
///
/// The finished bytes are written by the caller, in one go: a full disk never leaves half a file. The same calls give
/// the same bytes: no object keeps a time.
///
/// Groups are made as paths name them. Safe to use from several threads: calls wait for one another.
public struct HDF5Writer: ~Copyable, Sendable {
    private let id: hid_t
    /// Bytes before the HDF5 part.
    private let userBlock: [UInt8]

    private static let counter = Atomic<Int>(0)

    /// The type in which numbers are stored.
    public enum Precision: Sendable {
        /// IEEE, 4 bytes.
        case float32
        /// IEEE, 8 bytes.
        case float64

        fileprivate var fileType: hid_t {
            switch self {
            case .float32: foci_h5t_ieee_f32le()
            case .float64: foci_h5t_ieee_f64le()
            }
        }
    }

    /// The type in which whole numbers are stored.
    public enum IntegerWidth: Sendable {
        /// Signed, 1 byte.
        case int8
        /// Unsigned, 1 byte.
        case uint8
        /// Unsigned, 2 bytes.
        case uint16
        /// Signed, 4 bytes.
        case int32
        /// Signed, 8 bytes.
        case int64
        /// Unsigned, 8 bytes.
        case uint64

        fileprivate var fileType: hid_t {
            switch self {
            case .int8: foci_h5t_std_i8le()
            case .uint8: foci_h5t_std_u8le()
            case .uint16: foci_h5t_std_u16le()
            case .int32: foci_h5t_std_i32le()
            case .int64: foci_h5t_std_i64le()
            case .uint64: foci_h5t_std_u64le()
            }
        }

        /// The type of fewest bytes that holds all of some numbers; signed where both do.
        public static func narrowest(for values: [Int]) -> IntegerWidth {
            guard let least = values.min(), let most = values.max() else { return .int8 }
            return [.int8, .uint8, .uint16, .int32].first { $0.range.contains(least) && $0.range.contains(most) }
                ?? .int64
        }

        fileprivate var range: ClosedRange<Int> {
            switch self {
            case .int8: Int(Int8.min)...Int(Int8.max)
            case .uint8: 0...255
            case .uint16: 0...65535
            case .int32: Int(Int32.min)...Int(Int32.max)
            case .int64: Int.min...Int.max
            case .uint64: 0...Int.max
            }
        }
    }

    /// An empty file.
    ///
    /// - Parameter userBlock: bytes that stand before everything else; none, or 512, 1024, 2048, … of them.
    /// - Throws: ``HDF5Error`` of kind `notWritten` when the library cannot make one, as do all methods.
    public init(userBlock: [UInt8] = []) throws(HDF5Error) {
        self.userBlock = userBlock
        id = try HDF5Library.locked { () throws(HDF5Error) -> hid_t in
            guard let access = Handle(H5Pcreate(foci_h5p_file_access())),
                let creation = Handle(H5Pcreate(foci_h5p_file_create())),
                H5Pset_fapl_core(access.id, 4 << 20, false) >= 0, H5Pset_obj_track_times(creation.id, false) >= 0,
                H5Pset_userblock(creation.id, UInt64(userBlock.count)) >= 0
            else { throw Self.failure("") }
            // Nothing goes to disk under this name, but the library tells open files apart by it.
            let name = "memory-\(Self.counter.add(1, ordering: .relaxed).newValue)"
            let id = H5Fcreate(name, foci_h5f_truncate(), creation.id, access.id)
            guard id >= 0 else { throw Self.failure("") }
            return id
        }
    }

    deinit {
        let id = id
        HDF5Library.locked { _ = H5Fclose(id) }
    }

    /// The bytes of the file; the writer ends here.
    public consuming func finish() throws(HDF5Error) -> [UInt8] {
        let (id, userBlock) = (id, userBlock)
        return try HDF5Library.locked { () throws(HDF5Error) -> [UInt8] in
            guard H5Fflush(id, H5F_SCOPE_LOCAL) >= 0 else { throw Self.failure("") }
            let size = H5Fget_file_image(id, nil, 0)
            guard size > 0 else { throw Self.failure("") }
            // The library's image leaves the user block out, though addresses count from its beginning.
            var bytes = userBlock + [UInt8](repeating: 0, count: size)
            let copied = bytes.withUnsafeMutableBytes { buffer in
                H5Fget_file_image(id, buffer.baseAddress.map { $0 + userBlock.count }, size)
            }
            guard copied == size else { throw Self.failure("") }
            return bytes
        }
    }

    // MARK: Groups and attributes

    /// Makes a group, and those above it, unless it is there.
    public borrowing func group(_ path: String) throws(HDF5Error) {
        try HDF5Library.locked { () throws(HDF5Error) in try makeGroups(path) }
    }

    /// Writes an attribute: UTF-8 text of variable length.
    ///
    /// - Parameters:
    ///   - name: name of the attribute.
    ///   - object: path of a group or dataset; a group is made when there is none.
    ///   - value: the text.
    public borrowing func attribute(_ name: String, of object: String = "/", _ value: String) throws(HDF5Error) {
        try HDF5Library.locked { () throws(HDF5Error) in
            guard let type = Self.stringType() else { throw Self.failure(name) }
            try writeAttribute(name, of: object, type.id) { attribute in
                value.withCString { text in
                    var pointer: UnsafePointer<CChar>? = text
                    return H5Awrite(attribute, type.id, &pointer)
                }
            }
        }
    }

    /// Writes an attribute: ASCII text of fixed length, as MATLAB wants it; what is not ASCII is not refused.
    ///
    /// - Parameters: as for text.
    public borrowing func attribute(_ name: String, of object: String = "/", ascii value: String) throws(HDF5Error) {
        try HDF5Library.locked { () throws(HDF5Error) in
            let bytes = Array(value.utf8)
            guard let type = Handle(H5Tcopy(foci_h5t_c_string())), H5Tset_size(type.id, max(1, bytes.count)) >= 0 else {
                throw Self.failure(name)
            }
            try writeAttribute(name, of: object, type.id) { H5Awrite($0, type.id, bytes.isEmpty ? [0] : bytes) }
        }
    }

    /// Writes an attribute: an integer, of 64 bits unless another width is asked for; what that cannot hold is clipped.
    ///
    /// - Parameters: as for text; `width` how it is stored.
    public borrowing func attribute(
        _ name: String, of object: String = "/", _ value: Int, as width: IntegerWidth = .int64
    ) throws(HDF5Error) {
        try HDF5Library.locked { () throws(HDF5Error) in
            var value = Int64(value)
            try writeAttribute(name, of: object, width.fileType) { H5Awrite($0, foci_h5t_native_int64(), &value) }
        }
    }

    /// Writes an attribute: a 64-bit floating-point number.
    ///
    /// - Parameters: as for text.
    public borrowing func attribute(_ name: String, of object: String = "/", _ value: Double) throws(HDF5Error) {
        try HDF5Library.locked { () throws(HDF5Error) in
            var value = value
            try writeAttribute(name, of: object, foci_h5t_ieee_f64le()) {
                H5Awrite($0, foci_h5t_native_double(), &value)
            }
        }
    }

    // MARK: Datasets

    /// Writes an array of doubles.
    ///
    /// - Parameters:
    ///   - path: where; groups above are made.
    ///   - values: row-major, as many as the product of `shape`.
    ///   - shape: sizes of the dimensions.
    ///   - precision: how they are stored; what float32 cannot hold becomes infinite.
    public borrowing func dataset(
        _ path: String, _ values: [Double], shape: [Int], as precision: Precision = .float64
    ) throws(HDF5Error) {
        try HDF5Library.locked { () throws(HDF5Error) in
            try write(path, precision.fileType, values, as: foci_h5t_native_double(), shape: shape)
        }
    }

    /// Writes an array of whole numbers.
    ///
    /// - Parameters:
    ///   - path: where; groups above are made.
    ///   - values: row-major, as many as the product of `shape`, within the range of `width`.
    ///   - shape: sizes of the dimensions.
    ///   - width: how they are stored.
    public borrowing func dataset(
        _ path: String, integers values: [Int], shape: [Int], as width: IntegerWidth = .int64
    ) throws(HDF5Error) {
        try HDF5Library.locked { () throws(HDF5Error) in
            if let value = values.first(where: { !width.range.contains($0) }) {
                throw HDF5Error(
                    .notWritten, file: "", object: path, found: "\(value)",
                    expected: "\(width.range.lowerBound) to \(width.range.upperBound)")
            }
            try write(path, width.fileType, values, as: foci_h5t_native_int64(), shape: shape)
        }
    }

    /// Writes a list of UTF-8 strings of variable length.
    public borrowing func dataset(_ path: String, strings values: [String]) throws(HDF5Error) {
        try HDF5Library.locked { () throws(HDF5Error) in
            guard let type = Self.stringType() else { throw Self.failure(path) }
            // One buffer of zero-terminated strings, and where each begins.
            var bytes: [CChar] = []
            var starts: [Int] = []
            for value in values {
                starts.append(bytes.count)
                bytes.append(contentsOf: value.utf8CString)
            }
            try bytes.withUnsafeBufferPointer { text throws(HDF5Error) in
                let pointers = starts.map { start in text.baseAddress.map { $0 + start } }
                try write(path, type.id, pointers, as: type.id, shape: [values.count])
            }
        }
    }

    /// Writes references to objects of this file.
    ///
    /// - Parameters:
    ///   - path: where; groups above are made.
    ///   - targets: paths of the objects, row-major, as many as the product of `shape`.
    ///   - shape: sizes of the dimensions.
    public borrowing func dataset(_ path: String, references targets: [String], shape: [Int]) throws(HDF5Error) {
        try HDF5Library.locked { () throws(HDF5Error) in
            var references = [hobj_ref_t](repeating: 0, count: targets.count)
            for (position, target) in targets.enumerated() {
                guard H5Rcreate(&references[position], id, target, H5R_OBJECT, -1) >= 0 else {
                    throw Self.failure(target)
                }
            }
            try write(
                path, foci_h5t_std_ref_object(), references, as: foci_h5t_std_ref_object(), shape: shape)
        }
    }

    /// Writes a matrix, turned from column-major order to the file's row-major order.
    ///
    /// - Parameters:
    ///   - path: where; groups above are made.
    ///   - rows: first dimension.
    ///   - columns: second dimension.
    ///   - columnMajor: element (i, j) at `i + j * rows`.
    ///   - precision: how they are stored.
    ///   - compressed: whether to pack with shuffle and deflate.
    /// - Complexity: O(rows · columns); a sixteenth of the matrix in memory beside the file.
    public borrowing func matrix(
        _ path: String, rows: Int, columns: Int, columnMajor: [Double], as precision: Precision = .float64,
        compressed: Bool = false
    ) throws(HDF5Error) {
        try matrices(
            path, [columnMajor], shape: [rows, columns], rows: rows, columns: columns, precision, compressed)
    }

    /// Writes a stack of matrices of one size as [count, rows, columns].
    ///
    /// - Parameters: as of ``matrix(_:rows:columns:columnMajor:as:compressed:)``, one array a matrix.
    public borrowing func matrices(
        _ path: String, rows: Int, columns: Int, columnMajor: [[Double]], as precision: Precision = .float64,
        compressed: Bool = false
    ) throws(HDF5Error) {
        try matrices(
            path, columnMajor, shape: [columnMajor.count, rows, columns], rows: rows, columns: columns, precision,
            compressed)
    }

    private borrowing func matrices(
        _ path: String, _ stack: [[Double]], shape: [Int], rows: Int, columns: Int, _ precision: Precision,
        _ compressed: Bool
    ) throws(HDF5Error) {
        try HDF5Library.locked { () throws(HDF5Error) in
            for matrix in stack { try checkCount(path, matrix.count, [rows, columns]) }
            let dataset = try makeDataset(path, precision.fileType, shape, compressed: compressed)
            guard rows > 0, columns > 0, let space = Handle(H5Dget_space(dataset.id)) else { return }
            let chunkRows = compressed ? Self.chunk(shape)[shape.count - 2] : 1
            let fit = max(1, max(rows * columns / 16, 1 << 16) / columns / chunkRows)
            let band = min(rows, fit * chunkRows)
            var buffer = [Double](repeating: 0, count: band * columns)
            for (e, matrix) in stack.enumerated() {
                for first in stride(from: 0, to: rows, by: band) {
                    let height = min(band, rows - first)
                    for j in 0..<columns {
                        for i in 0..<height { buffer[i * columns + j] = matrix[first + i + j * rows] }
                    }
                    let start = (shape.count == 3 ? [e] : []) + [first, 0]
                    let extent = (shape.count == 3 ? [1] : []) + [height, columns]
                    let sizes = extent.map { UInt64($0) }
                    guard
                        H5Sselect_hyperslab(space.id, H5S_SELECT_SET, start.map { UInt64($0) }, nil, sizes, nil) >= 0,
                        let memory = Handle(H5Screate_simple(Int32(sizes.count), sizes, nil)),
                        H5Dwrite(dataset.id, foci_h5t_native_double(), memory.id, space.id, 0, buffer) >= 0
                    else { throw Self.failure(path) }
                }
            }
        }
    }

    // MARK: Inside the lock

    private static func failure(_ object: String) -> HDF5Error {
        HDF5Error(
            .notWritten, file: "", object: object, found: "HDF5 could not write it (\(HDF5Library.lastFailure()))")
    }

    private static func stringType() -> Handle? {
        guard let type = Handle(H5Tcopy(foci_h5t_c_string())), H5Tset_size(type.id, foci_h5t_variable()) >= 0,
            H5Tset_cset(type.id, H5T_CSET_UTF8) >= 0
        else { return nil }
        return type
    }

    private func checkCount(_ path: String, _ count: Int, _ shape: [Int]) throws(HDF5Error) {
        guard shape.allSatisfy({ $0 >= 0 }),
            shape.reduce(1, { $0.multipliedReportingOverflow(by: $1).partialValue }) == count
        else {
            throw HDF5Error(
                .notWritten, file: "", object: path, found: "\(count) values", expected: describe(shape: shape))
        }
    }

    /// Chunks of about 64 thousand elements, whole rows where they fit.
    private static func chunk(_ shape: [Int]) -> [Int] {
        var room = 1 << 16
        var chunk: [Int] = []
        for size in shape.reversed() {
            let part = max(1, min(size, room))
            chunk.insert(part, at: 0)
            room = max(1, room / part)
        }
        return chunk
    }

    private func makeGroups(_ path: String) throws(HDF5Error) {
        var walked = ""
        for component in path.split(separator: "/") {
            walked += "/\(component)"
            if H5Lexists(id, walked, 0) > 0 { continue }
            guard let creation = Handle(H5Pcreate(foci_h5p_group_create())),
                H5Pset_obj_track_times(creation.id, false) >= 0,
                H5Pset_attr_creation_order(creation.id, UInt32(H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED)) >= 0,
                Handle(H5Gcreate2(id, walked, 0, creation.id, 0)) != nil
            else { throw Self.failure(path) }
        }
    }

    private func makeDataset(
        _ path: String, _ type: hid_t, _ shape: [Int], compressed: Bool
    ) throws(HDF5Error) -> Handle {
        let components = path.split(separator: "/")
        try makeGroups(components.dropLast().joined(separator: "/"))
        let sizes = shape.map { UInt64($0) }
        guard
            let space = Handle(
                sizes.isEmpty ? H5Screate(H5S_SCALAR) : H5Screate_simple(Int32(sizes.count), sizes, nil)),
            let creation = Handle(H5Pcreate(foci_h5p_dataset_create())),
            H5Pset_obj_track_times(creation.id, false) >= 0
        else { throw Self.failure(path) }
        if compressed, !shape.contains(0), !shape.isEmpty {
            let chunk = Self.chunk(shape).map { UInt64($0) }
            guard H5Pset_chunk(creation.id, Int32(chunk.count), chunk) >= 0, H5Pset_shuffle(creation.id) >= 0,
                H5Pset_deflate(creation.id, 4) >= 0
            else { throw Self.failure(path) }
        }
        guard let dataset = Handle(H5Dcreate2(id, path, type, space.id, 0, creation.id, 0)) else {
            throw Self.failure(path)
        }
        return dataset
    }

    private func writeAttribute(
        _ name: String, of object: String, _ type: hid_t, _ write: (_ attribute: hid_t) -> herr_t
    ) throws(HDF5Error) {
        guard !name.isEmpty, !name.utf8.contains(0) else {
            throw HDF5Error(.notWritten, file: "", object: object, found: "an attribute without a name")
        }
        if object != "/", H5Lexists(id, object, 0) <= 0 { try makeGroups(object) }
        guard let owner = Handle(H5Oopen(id, object, 0)), let space = Handle(H5Screate(H5S_SCALAR)),
            let attribute = Handle(H5Acreate2(owner.id, name, type, space.id, 0, 0)), write(attribute.id) >= 0
        else { throw Self.failure("\(object)@\(name)") }
    }

    /// Writes a dataset whose elements stand in memory as `memoryType` says.
    private func write<Element: BitwiseCopyable>(
        _ path: String, _ type: hid_t, _ elements: [Element], as memoryType: hid_t, shape: [Int]
    ) throws(HDF5Error) {
        try checkCount(path, elements.count, shape)
        let dataset = try makeDataset(path, type, shape, compressed: false)
        guard !elements.isEmpty else { return }
        guard H5Dwrite(dataset.id, memoryType, foci_h5s_all(), foci_h5s_all(), 0, elements) >= 0 else {
            throw Self.failure(path)
        }
    }
}
