import CHDF5
import Foundation

extension HDF5File {
    /// Shape and type of a dataset.
    ///
    /// - Throws: ``HDF5Error`` when it is missing, not a dataset, damaged or stored outside the file.
    public func describe(_ dataset: String) throws(HDF5Error) -> HDF5Description {
        try HDF5Library.locked { () throws(HDF5Error) -> HDF5Description in
            let opened = try OpenDataset(self, dataset)
            return HDF5Description(shape: opened.shape, type: opened.type)
        }
    }

    /// Reads numbers of any type as doubles.
    ///
    /// - Throws: ``HDF5Error`` when the dataset is missing, not numeric, damaged or larger than its file can hold.
    public func doubles(_ dataset: String) throws(HDF5Error) -> HDF5Array<Double> {
        try HDF5Library.locked { () throws(HDF5Error) -> HDF5Array<Double> in
            let opened = try OpenDataset(self, dataset)
            try opened.requireNumbers()
            return HDF5Array(
                shape: opened.shape, elements: try opened.readAll(as: Double.self))
        }
    }

    /// Reads numbers as doubles by the address of their dataset: for those that many references lead to, which would be
    /// found one by one by their names.
    ///
    /// - Parameters:
    ///   - address: as ``links(in:)`` gives it; any other may be refused, or be another object.
    ///   - name: what messages call the dataset.
    ///   - mark: an attribute that says, where it is not zero, that the elements mean something else.
    /// - Returns: nil where the dataset is so marked.
    /// - Throws: ``HDF5Error`` as ``doubles(_:)`` does.
    public func doubles(
        at address: UInt64, named name: String, unlessMarked mark: String
    ) throws(HDF5Error) -> HDF5Array<Double>? {
        try HDF5Library.locked { () throws(HDF5Error) -> HDF5Array<Double>? in
            guard let handle = Handle(H5Oopen_by_addr(id, haddr_t(address))) else { throw damaged(name) }
            let exists = H5Aexists(handle.id, mark)
            guard exists >= 0 else { throw damaged(name) }
            if exists > 0, try isMarked(handle, mark, name) { return nil }
            let opened = try OpenDataset(self, name, handle)
            try opened.requireNumbers()
            return HDF5Array(
                shape: opened.shape, elements: try opened.readAll(as: Double.self))
        }
    }

    /// Reads numbers of any type as single-precision floats.
    ///
    /// - Throws: ``HDF5Error`` as ``doubles(_:)`` does.
    public func floats(_ dataset: String) throws(HDF5Error) -> HDF5Array<Float> {
        try HDF5Library.locked { () throws(HDF5Error) -> HDF5Array<Float> in
            let opened = try OpenDataset(self, dataset)
            try opened.requireNumbers()
            return HDF5Array(
                shape: opened.shape, elements: try opened.readAll(as: Float.self))
        }
    }

    /// Reads whole numbers: integers and booleans, or floating point without fractions, as MATLAB writes them.
    ///
    /// - Throws: ``HDF5Error`` as ``doubles(_:)`` does, and when a number has a fraction.
    public func integers(_ dataset: String) throws(HDF5Error) -> HDF5Array<Int> {
        try HDF5Library.locked { () throws(HDF5Error) -> HDF5Array<Int> in
            let opened = try OpenDataset(self, dataset)
            try opened.requireNumbers()
            guard case .float = opened.type else {
                return HDF5Array(shape: opened.shape, elements: try opened.readAll(0, as: foci_h5t_native_int64()))
            }
            let numbers = try opened.readAll(as: Double.self)
            var whole: [Int] = []
            whole.reserveCapacity(numbers.count)
            for (position, number) in numbers.enumerated() {
                guard let value = Int(exactly: number) else {
                    throw error(
                        .wrongType, dataset, found: "\(number) at position \(position)", expected: "whole numbers")
                }
                whole.append(value)
            }
            return HDF5Array(shape: opened.shape, elements: whole)
        }
    }

    /// Reads strings of fixed or variable length.
    ///
    /// - Throws: ``HDF5Error`` when the dataset is missing, not of strings, damaged or larger than its file can hold.
    public func strings(_ dataset: String) throws(HDF5Error) -> HDF5Array<String> {
        try HDF5Library.locked { () throws(HDF5Error) -> HDF5Array<String> in
            let opened = try OpenDataset(self, dataset)
            guard case .string = opened.type else { throw opened.wrongType(expected: "strings") }
            return HDF5Array(shape: opened.shape, elements: try opened.readStrings())
        }
    }

    /// Reads a matrix of numbers, turned from the file's row-major order to column-major.
    ///
    /// - Throws: ``HDF5Error`` as ``doubles(_:)`` does, and when the dataset has not two dimensions.
    /// - Complexity: O(rows · columns); memory of the result and a sixteenth, or one chunk if that is more.
    public func matrix(_ dataset: String) throws(HDF5Error) -> HDF5Matrix<Double> {
        try matrix(dataset, as: Double.self)
    }

    /// Reads a matrix in single precision, for datasets that are stored so.
    ///
    /// - Throws: ``HDF5Error`` as ``matrix(_:)`` does.
    /// - Complexity: as ``matrix(_:)``.
    public func singleMatrix(_ dataset: String) throws(HDF5Error) -> HDF5Matrix<Float> {
        try matrix(dataset, as: Float.self)
    }

    private func matrix<Element: Real>(
        _ dataset: String, as _: Element.Type
    ) throws(HDF5Error) -> HDF5Matrix<Element> {
        let stack = try matrices(dataset, dimensions: 2...2, as: Element.self)
        guard let matrix = stack.first else {
            throw error(.wrongShape, dataset, found: "no matrix", expected: "one")
        }
        return matrix
    }

    /// Reads a matrix, or a stack of matrices [count, rows, columns], turned to column-major order.
    ///
    /// - Throws: ``HDF5Error`` as ``matrix(_:)`` does.
    /// - Complexity: as ``matrix(_:)``.
    public func matrices(_ dataset: String) throws(HDF5Error) -> [HDF5Matrix<Double>] {
        try matrices(dataset, dimensions: 2...3, as: Double.self)
    }

    /// Reads numbers in slabs along the first dimension, so that a caller may put them in another order without a second
    /// copy of all.
    ///
    /// - Parameters:
    ///   - dataset: of one to three dimensions.
    ///   - body: called with the first index of a slab, how many indices it spans, and its elements, row-major.
    /// - Throws: ``HDF5Error`` as ``doubles(_:)`` does, and when the dataset has another number of dimensions.
    /// - Complexity: memory of a sixteenth of the dataset, or of what one chunk's height of it takes if that is more.
    public func slabs(
        _ dataset: String, _ body: (_ start: Int, _ height: Int, _ elements: UnsafeBufferPointer<Double>) -> Void
    ) throws(HDF5Error) {
        try HDF5Library.locked { () throws(HDF5Error) in
            let opened = try OpenDataset(self, dataset)
            try opened.requireNumbers()
            guard (1...3).contains(opened.shape.count) else {
                throw error(
                    .wrongShape, dataset, found: HDF5.describe(shape: opened.shape),
                    expected: "one to three dimensions")
            }
            try opened.readSlabs(body)
        }
    }

    private func matrices<Element: Real>(
        _ dataset: String, dimensions: ClosedRange<Int>, as _: Element.Type
    ) throws(HDF5Error) -> [HDF5Matrix<Element>] {
        try HDF5Library.locked { () throws(HDF5Error) -> [HDF5Matrix<Element>] in
            let opened = try OpenDataset(self, dataset)
            try opened.requireNumbers()
            guard dimensions.contains(opened.shape.count) else {
                throw error(
                    .wrongShape, dataset, found: HDF5.describe(shape: opened.shape),
                    expected: dimensions.upperBound == 2 ? "two dimensions" : "two or three dimensions")
            }
            return try opened.readMatrices(as: Element.self)
        }
    }
}

/// A dataset that is open, and has been found safe to read. Lives inside the lock.
struct OpenDataset: ~Copyable {
    let file: String
    let name: String
    let handle: Handle
    let shape: [Int]
    let type: HDF5Description.ElementType
    /// Sizes of a chunk; nil when the dataset is stored in one piece.
    let chunk: [Int]?
    /// Number of elements; the bytes of as many doubles fit an Int.
    let count: Int
    /// Whether all bytes are stored, in one piece.
    let isWhole: Bool
    /// Where the elements lie as they do in memory; nil where only the library can read them.
    let plain: PlainStorage?
    private let storedType: Handle
    private let fileByteCount: Int
    private let fileID: hid_t

    /// Deflate packs at best 1032 : 1.
    private static let bestCompression = 1040
    /// A dataset that was never written reads as its fill value; up to this size that is harmless.
    private static let unwrittenAllowance = 1 << 20

    /// Opens a dataset and checks that its size is one that the file can hold.
    init(_ file: borrowing HDF5File, _ name: String) throws(HDF5Error) {
        try self.init(file, name, try file.openExisting(name, expected: "a dataset of this name"))
    }

    /// Takes over an object that is open under a name, and checks the same.
    init(_ file: borrowing HDF5File, _ name: String, _ handle: consuming Handle) throws(HDF5Error) {
        guard H5Iget_type(handle.id) == H5I_DATASET else {
            throw file.error(.wrongType, name, found: "a group", expected: "a dataset")
        }
        guard let creation = Handle(H5Dget_create_plist(handle.id)) else { throw file.damaged(name) }
        let layout = H5Pget_layout(creation.id)
        guard layout == H5D_COMPACT || layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED else {
            throw file.error(
                .refused, name, found: "a virtual dataset, made of other files", expected: "data within the file",
                advice: "copy the data into one file (h5repack)")
        }
        guard H5Pget_external_count(creation.id) == 0 else {
            throw file.error(
                .refused, name, found: "data stored in another file", expected: "data within the file",
                advice: "copy the data into one file (h5repack)")
        }
        let isDeflated = try Self.checkFilters(creation, file, name)
        guard let space = Handle(H5Dget_space(handle.id)), let storedType = Handle(H5Dget_type(handle.id)) else {
            throw file.damaged(name)
        }
        let rank = Int(H5Sget_simple_extent_ndims(space.id))
        guard rank >= 0, rank <= 32 else { throw file.damaged(name) }
        var dimensions = [UInt64](repeating: 0, count: max(rank, 1))
        guard H5Sget_simple_extent_dims(space.id, &dimensions, nil) >= 0 else { throw file.damaged(name) }
        dimensions = Array(dimensions.prefix(rank))
        let elementSize = H5Tget_size(storedType.id)

        let unbelievable = file.error(
            .implausibleSize, name,
            found:
                "\(dimensions.map(String.init).joined(separator: " × ")) elements in a file of \(file.byteCount) bytes",
            expected: "a size that the file can hold", advice: "the file is damaged; copy or make it again")
        guard H5Sget_simple_extent_type(space.id) != H5S_NULL else {
            throw file.error(.wrongShape, name, found: "an empty (null) dataset", expected: "data")
        }
        // Also the product of the dimensions that are not zero: shapes are multiplied again later.
        var product = 1
        var shape: [Int] = []
        for dimension in dimensions {
            guard let size = Int(exactly: dimension) else { throw unbelievable }
            let (next, overflow) = product.multipliedReportingOverflow(by: max(size, 1))
            guard !overflow, next < 1 << 56 else { throw unbelievable }
            product = next
            shape.append(size)
        }
        let count = shape.contains(0) ? 0 : product
        let (bytes, overflow) = count.multipliedReportingOverflow(by: max(elementSize, 1))
        guard !overflow, elementSize > 0 else { throw unbelievable }

        var chunk: [Int]?
        if layout == H5D_CHUNKED {
            var sizes = [UInt64](repeating: 0, count: max(rank, 1))
            guard rank > 0, H5Pget_chunk(creation.id, Int32(rank), &sizes) == rank else { throw file.damaged(name) }
            chunk = sizes.map { Int(clamping: $0) }
        }
        var isWhole = false
        if count > 0 {
            let stored = Int(clamping: H5Dget_storage_size(handle.id))
            let held = min(stored, file.byteCount)
            if let chunk {
                var chunkBytes = elementSize
                var needed = 1
                for (size, part) in zip(shape, chunk) {
                    guard part > 0 else { throw file.damaged(name) }
                    let (product, overflow) = chunkBytes.multipliedReportingOverflow(by: part)
                    guard !overflow else { throw unbelievable }
                    chunkBytes = product
                    needed *= (size - 1) / part + 1
                }
                let limit = held * (isDeflated ? Self.bestCompression : 1) + Self.unwrittenAllowance
                guard bytes <= limit, chunkBytes <= limit else { throw unbelievable }
                var present: hsize_t = 0
                guard H5Dget_num_chunks(handle.id, space.id, &present) >= 0 else { throw file.damaged(name) }
                guard bytes <= Self.unwrittenAllowance || present >= UInt64(needed) else { throw unbelievable }
                try Self.checkChunks(
                    handle, space, file, name, shape: shape, chunk: chunk, chunkBytes: chunkBytes,
                    present: Int(present),
                    filters: Int(H5Pget_nfilters(creation.id)))
            } else if stored == 0, layout == H5D_CONTIGUOUS {
                guard bytes <= Self.unwrittenAllowance else { throw unbelievable }
            } else {
                guard bytes <= held else { throw unbelievable }
                isWhole = true
                if layout == H5D_CONTIGUOUS {
                    // The library's buffer for small reads overruns when data lie beyond the end that the file states.
                    let start = H5Dget_offset(handle.id)
                    var end: haddr_t = 0
                    guard H5Fget_eoa(file.id, &end) >= 0, start != foci_haddr_undefined(), start <= end,
                        end <= UInt(file.byteCount), UInt(bytes) <= end - start
                    else { throw unbelievable }
                }
            }
        }
        self.type = HDF5File.elementType(storedType)
        self.plain =
            isWhole && layout == H5D_CONTIGUOUS ? PlainStorage(handle, type: storedType, file: file.id) : nil
        self.handle = handle
        self.storedType = storedType
        self.file = file.path
        self.fileByteCount = file.byteCount
        self.fileID = file.id
        self.name = name
        self.shape = shape
        self.chunk = chunk
        self.count = count
        self.isWhole = isWhole
    }

    /// Checks where the chunks lie and how large they are stored.
    ///
    /// The library unpacks a chunk and copies as many bytes as its layout says a chunk has, without looking at how many
    /// came out. A layout that was damaged shows in chunks that start off its grid or have another size.
    private static func checkChunks(
        _ dataset: borrowing Handle, _ space: borrowing Handle, _ file: borrowing HDF5File, _ name: String,
        shape: [Int], chunk: [Int], chunkBytes: Int, present: Int, filters: Int
    ) throws(HDF5Error) {
        let damaged = file.error(
            .damaged, name, found: "chunks that do not fit its shape", expected: "an intact file",
            advice: "copy or make it again")
        var (sizes, limits) = ([hsize_t](repeating: 0, count: 32), [hsize_t](repeating: 0, count: 32))
        guard H5Sget_simple_extent_dims(space.id, &sizes, &limits) == shape.count else { throw file.damaged(name) }
        // Chunks of a dataset that cannot grow are never larger than it; an unlimited dimension has the largest limit.
        for (part, limit) in zip(chunk, limits) where UInt64(part) > UInt64(limit) { throw damaged }
        // Finding the k-th chunk takes k steps; no real file comes near the bound.
        for position in 0..<min(present, 1 << 13) {
            var offset = [hsize_t](repeating: 0, count: 32)
            var (skipped, address, size): (UInt32, haddr_t, hsize_t) = (0, 0, 0)
            guard
                H5Dget_chunk_info(dataset.id, space.id, hsize_t(position), &offset, &skipped, &address, &size) >= 0
            else { throw file.damaged(name) }
            for (start, part) in zip(offset, chunk) where !start.isMultiple(of: hsize_t(part)) { throw damaged }
            guard size <= UInt64(file.byteCount), UInt64(address) <= UInt64(file.byteCount) - UInt64(size) else {
                throw damaged
            }
            // A filter may be left out of a chunk that it would not shrink; only then is the size known beforehand.
            let isPlain = filters == 0 || skipped == (UInt32(1) << UInt32(filters)) - 1
            guard filters == 0 || skipped >> UInt32(filters) == 0, !isPlain || size == UInt64(chunkBytes) else {
                throw damaged
            }
        }
    }

    /// Refuses filters that are not harmless and everywhere available; says whether deflate is among them.
    private static func checkFilters(
        _ creation: borrowing Handle, _ file: borrowing HDF5File, _ name: String
    ) throws(HDF5Error) -> Bool {
        let count = H5Pget_nfilters(creation.id)
        guard count >= 0, count <= 8 else { throw file.damaged(name) }
        var deflates = 0
        for position in 0..<UInt32(count) {
            var (flags, valueCount, configuration): (UInt32, Int, UInt32) = (0, 0, 0)
            let filter = H5Pget_filter2(creation.id, position, &flags, &valueCount, nil, 0, nil, &configuration)
            switch filter {
            case H5Z_FILTER_DEFLATE: deflates += 1
            case H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32: break
            default:
                throw file.error(
                    .refused, name, found: "data packed with filter \(filter)",
                    expected: "no filter but deflate (gzip), shuffle and Fletcher-32",
                    advice: "repack with 'h5repack -f GZIP=4 OLD NEW'")
            }
        }
        guard deflates <= 1 else {
            throw file.error(.refused, name, found: "data packed more than once", expected: "one deflate filter")
        }
        return deflates == 1
    }

    func wrongType(expected: String) -> HDF5Error {
        HDF5Error(.wrongType, file: file, object: name, found: "\(type)", expected: expected)
    }

    func requireNumbers() throws(HDF5Error) {
        switch type {
        case .float, .integer: return
        default: throw wrongType(expected: "32- or 64-bit floating point, or integers")
        }
    }

    private func unreadable() -> HDF5Error {
        let reason = HDF5Library.lastFailure()
        return HDF5Error(
            .damaged, file: file, object: name,
            found: "cannot be read" + (reason.isEmpty ? "" : " (HDF5: \(reason))"), expected: "an intact file",
            advice: "copy or make it again")
    }

    /// All elements, row-major.
    func readAll<Element: Real>(as _: Element.Type) throws(HDF5Error) -> [Element] {
        guard count > 0, let plain, plain.elementSize <= MemoryLayout<Element>.size else {
            return try readAll(Element.zero, as: Element.memoryType)
        }
        return try filled(count) { plain.read($0, from: 0) }
    }

    /// An array that `fill` writes all elements of, or says that it could not.
    private func filled<Element: Real>(
        _ count: Int, _ fill: (UnsafeMutableBufferPointer<Element>) -> Bool
    ) throws(HDF5Error) -> [Element] {
        var isComplete = false
        let elements = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            isComplete = fill(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = isComplete ? count : 0
        }
        guard isComplete else { throw unreadable() }
        return elements
    }

    /// All elements, row-major, converted to a type of memory.
    func readAll<Element: Sendable>(_ zero: Element, as memoryType: hid_t) throws(HDF5Error) -> [Element] {
        guard count > 0 else { return [] }
        var status: herr_t = -1
        let elements = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            // Of data stored in one piece the library writes every element or fails; a chunk that is missing may leave
            // its place as it was.
            if !isWhole { buffer.initialize(repeating: zero) }
            status = H5Dread(handle.id, memoryType, foci_h5s_all(), foci_h5s_all(), 0, buffer.baseAddress)
            initialized = status >= 0 ? count : 0
        }
        guard status >= 0 else { throw unreadable() }
        return elements
    }

    // MARK: Strings

    func readStrings() throws(HDF5Error) -> [String] {
        guard count > 0 else { return [] }
        if H5Tis_variable_str(storedType.id) > 0 { return try readVariableStrings() }
        let length = H5Tget_size(storedType.id)
        var bytes = [UInt8](repeating: 0, count: count * length)
        guard H5Dread(handle.id, storedType.id, foci_h5s_all(), foci_h5s_all(), 0, &bytes) >= 0 else {
            throw unreadable()
        }
        let padding = H5Tget_strpad(storedType.id)
        return (0..<count).map { HDF5File.text(bytes[($0 * length)..<(($0 + 1) * length)], padding: padding) }
    }

    private func readVariableStrings() throws(HDF5Error) -> [String] {
        let strings = VariableStrings.read(from: fileID, byteCount: fileByteCount, count: count) { type, buffer in
            H5Dread(handle.id, type, foci_h5s_all(), foci_h5s_all(), 0, buffer) >= 0
        }
        guard let strings else { throw unreadable() }
        return strings
    }

    // MARK: Matrices

    func readMatrices<Element: Real>(as _: Element.Type) throws(HDF5Error) -> [HDF5Matrix<Element>] {
        let full = shape.count == 3 ? shape : [1] + shape
        let (stack, rows, columns) = (full[0], full[1], full[2])
        guard stack <= 1 << 24 else {
            throw HDF5Error(
                .implausibleSize, file: file, object: name, found: "\(stack) matrices", expected: "at most 16 million")
        }
        guard count > 0 else {
            return (0..<stack).map { _ in HDF5Matrix(rows: rows, columns: columns, elements: []) }
        }
        if let plain, plain.elementSize <= MemoryLayout<Element>.size {
            var results: [HDF5Matrix<Element>] = []
            results.reserveCapacity(stack)
            for e in 0..<stack {
                let elements: [Element] = try filled(rows * columns) {
                    plain.readTransposed($0, rows: rows, columns: columns, from: e * rows * columns)
                }
                results.append(HDF5Matrix(rows: rows, columns: columns, elements: elements))
            }
            return results
        }
        let part = tile(full)
        let dataset = try reopenedForTiles()
        guard let space = Handle(H5Dget_space(dataset.id)) else { throw unreadable() }
        var buffer = [Element](repeating: .zero, count: part[0] * part[1] * part[2])
        var results = (0..<stack).map { _ in
            [Element](unsafeUninitializedCapacity: rows * columns) { buffer, initialized in
                buffer.initialize(repeating: .zero)
                initialized = buffer.count
            }
        }
        for e in stride(from: 0, to: stack, by: part[0]) {
            for r in stride(from: 0, to: rows, by: part[1]) {
                for c in stride(from: 0, to: columns, by: part[2]) {
                    let extent = [min(part[0], stack - e), min(part[1], rows - r), min(part[2], columns - c)]
                    try read(&buffer, at: [e, r, c], extent, dataset, space)
                    for i in 0..<extent[0] {
                        let block = i * extent[1] * extent[2]
                        buffer.withUnsafeBufferPointer { from in
                            results[e + i].withUnsafeMutableBufferPointer { to in
                                Self.transpose(
                                    UnsafeBufferPointer(rebasing: from[block...]), rows: extent[1], columns: extent[2],
                                    to: UnsafeMutableBufferPointer(rebasing: to[(c * rows + r)...]), stride: rows)
                            }
                        }
                    }
                }
            }
        }
        return results.map { HDF5Matrix(rows: rows, columns: columns, elements: $0) }
    }

    /// Puts a row-major block into a column-major matrix, in squares that fit the first cache.
    private static func transpose<Element>(
        _ from: UnsafeBufferPointer<Element>, rows: Int, columns: Int, to: UnsafeMutableBufferPointer<Element>,
        stride: Int
    ) {
        let side = 32
        for left in Swift.stride(from: 0, to: columns, by: side) {
            for top in Swift.stride(from: 0, to: rows, by: side) {
                for k in left..<min(left + side, columns) {
                    for j in top..<min(top + side, rows) { to[k * stride + j] = from[j * columns + k] }
                }
            }
        }
    }

    /// Reads slabs of whole chunks along the first dimension.
    func readSlabs(
        _ body: (_ start: Int, _ height: Int, _ elements: UnsafeBufferPointer<Double>) -> Void
    ) throws(HDF5Error) {
        guard count > 0 else { return }
        let width = count / shape[0]
        let unit = min(chunk?.first ?? 1, shape[0])
        let height = min(shape[0], unit * max(1, max(count / 16, 1 << 16) / (width * unit)))
        let dataset = try reopenedForTiles()
        guard let space = Handle(H5Dget_space(dataset.id)) else { throw unreadable() }
        var buffer = [Double](repeating: 0, count: height * width)
        let rest = [Int](repeating: 0, count: shape.count - 1)
        let missing = [Int](repeating: 0, count: 3 - shape.count)
        for start in stride(from: 0, to: shape[0], by: height) {
            let span = min(height, shape[0] - start)
            try read(
                &buffer, at: missing + [start] + rest, missing + [span] + shape.dropFirst(), dataset, space)
            buffer.withUnsafeBufferPointer { body(start, span, UnsafeBufferPointer(rebasing: $0[..<(span * width)])) }
        }
    }

    /// Reads one block into the beginning of a buffer, row-major.
    private func read<Element: Real>(
        _ buffer: inout [Element], at start: [Int], _ extent: [Int], _ dataset: borrowing Handle,
        _ space: borrowing Handle
    ) throws(HDF5Error) {
        let drop = 3 - shape.count
        let from = start.dropFirst(drop).map { UInt64($0) }
        let sizes = extent.dropFirst(drop).map { UInt64($0) }
        guard H5Sselect_hyperslab(space.id, H5S_SELECT_SET, from, nil, sizes, nil) >= 0,
            let memory = Handle(H5Screate_simple(Int32(sizes.count), sizes, nil)),
            H5Dread(dataset.id, Element.memoryType, memory.id, space.id, 0, &buffer) >= 0
        else { throw unreadable() }
    }

    /// Size of the blocks to read. Of data in one piece: parts of all rows, which fit a core's cache and are turned there.
    /// Of chunked data: whole chunks, so that none is unpacked twice, as many as fit in a sixteenth of the result; of a
    /// chunk larger than that, bands of rows.
    private func tile(_ full: [Int]) -> [Int] {
        if chunk == nil {
            let room = 1 << 18
            let rows = min(full[1], max(1, room / min(full[2], 512)))
            return [1, rows, min(full[2], max(1, room / rows))]
        }
        let budget = max(count / 16, 1 << 16)
        var part = [1, 1, 1]
        if let chunk { part = zip(full, (shape.count == 3 ? chunk : [1] + chunk)).map { min($0, $1) } }
        func elements() -> Int { part[0] * part[1] * part[2] }
        if elements() <= budget {
            for axis in [2, 1, 0] {
                let fit = max(1, budget / elements())
                part[axis] = min(full[axis], part[axis] * fit)
            }
        } else {
            part[0] = 1
            part[1] = max(1, min(part[1], budget / part[2]))
        }
        return part
    }

    /// The dataset with a cache that holds one chunk, where a chunk is larger than the library would keep.
    private func reopenedForTiles() throws(HDF5Error) -> Handle {
        guard let access = Handle(H5Pcreate(foci_h5p_dataset_access())) else { throw unreadable() }
        if let chunk {
            // The product was found not to overflow when the dataset was opened.
            let bytes = chunk.reduce(H5Tget_size(storedType.id)) { $0.multipliedReportingOverflow(by: $1).partialValue }
            if bytes > 1 << 20 { H5Pset_chunk_cache(access.id, 1, bytes, 1) }
        }
        guard let dataset = Handle(reopen(access)) else { throw unreadable() }
        return dataset
    }

    private func reopen(_ access: borrowing Handle) -> hid_t {
        // By its own name, which is a path of hard links: the handle was found by following the path link by link.
        let length = H5Iget_name(handle.id, nil, 0)
        guard length > 0, let owner = Handle(H5Iget_file_id(handle.id)) else { return -1 }
        var path = [CChar](repeating: 0, count: length + 1)
        guard H5Iget_name(handle.id, &path, path.count) > 0 else { return -1 }
        return H5Dopen2(owner.id, path, access.id)
    }
}
