import CHDF5

/// A dataset that is open, and has been found safe to read. Lives inside the lock.
struct OpenDataset: ~Copyable {
    let file: HDF5File
    let name: String
    let handle: Handle
    let storedType: Handle
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

    /// Opens a dataset and checks that its size is one that the file can hold.
    init(_ file: HDF5File, _ name: String) throws(HDF5Error) {
        try self.init(file, name, try file.openExisting(name, expected: "a dataset of this name"))
    }

    /// Takes over an object that is open under a name, and checks the same.
    init(_ file: HDF5File, _ name: String, _ handle: consuming Handle) throws(HDF5Error) {
        guard H5Iget_type(handle.id) == H5I_DATASET else {
            throw file.error(.wrongType, name, found: "a group", expected: "a dataset")
        }
        guard let creation = Handle(H5Dget_create_plist(handle.id)) else { throw file.damaged(name) }
        let layout = try Self.layout(creation, file, name)
        let isDeflated = try Self.checkFilters(creation, file, name)
        guard let space = Handle(H5Dget_space(handle.id)), let storedType = Handle(H5Dget_type(handle.id)) else {
            throw file.damaged(name)
        }
        let shape = try Self.shape(space, elementSize: H5Tget_size(storedType.id), file, name)
        let chunk = layout == H5D_CHUNKED ? try Self.chunk(creation, rank: shape.count, file, name) : nil
        let stored = StorageCheck(file: file, name: name, shape: shape, elementSize: H5Tget_size(storedType.id))
        var isWhole = false
        if let chunk {
            let filters = Int(H5Pget_nfilters(creation.id))
            try stored.checkChunks(chunk, handle, space, isDeflated: isDeflated, filters: filters)
        } else {
            isWhole = try stored.checkPiece(handle, isContiguous: layout == H5D_CONTIGUOUS)
        }
        plain =
            isWhole && layout == H5D_CONTIGUOUS ? PlainStorage(handle, type: storedType, in: file.input) : nil
        type = HDF5File.elementType(storedType)
        self.handle = handle
        self.storedType = storedType
        self.file = file
        self.name = name
        self.shape = shape
        self.chunk = chunk
        self.isWhole = isWhole
        count = stored.count
    }

    /// How a dataset is stored; refused where that is in other files.
    private static func layout(
        _ creation: borrowing Handle, _ file: HDF5File, _ name: String
    ) throws(HDF5Error) -> H5D_layout_t {
        let layout = H5Pget_layout(creation.id)
        guard layout == H5D_COMPACT || layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED else {
            throw file.error(
                .refused, name, found: "a virtual dataset, made of other files", expected: "data within the file",
                advice: "copy the data into one file with 'h5repack -l CONTI OLD NEW'")
        }
        guard H5Pget_external_count(creation.id) == 0 else {
            throw file.error(
                .refused, name, found: "data stored in another file", expected: "data within the file",
                advice: "copy the data into one file with 'h5repack -l CONTI OLD NEW'")
        }
        return layout
    }

    /// Refuses filters that are not harmless and everywhere available; says whether deflate is among them.
    private static func checkFilters(
        _ creation: borrowing Handle, _ file: HDF5File, _ name: String
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
                // From 256 on filters are not the library's own: its tools cannot unpack them either.
                throw file.error(
                    .refused, name, found: "data packed with filter \(filter)",
                    expected: "no filter but deflate (gzip), shuffle and Fletcher-32",
                    advice: filter < 256
                        ? "repack with 'h5repack -f GZIP=4 OLD NEW'"
                        : "read it in the program that wrote it, write it again with gzip (h5py: compression='gzip')")
            }
        }
        guard deflates <= 1 else {
            throw file.error(.refused, name, found: "data packed more than once", expected: "one deflate filter")
        }
        return deflates == 1
    }

    /// Sizes of the dimensions: their product, also that of those that are not zero, is one that memory can have, since
    /// shapes are multiplied again later.
    private static func shape(
        _ space: borrowing Handle, elementSize: Int, _ file: HDF5File, _ name: String
    ) throws(HDF5Error) -> [Int] {
        let rank = Int(H5Sget_simple_extent_ndims(space.id))
        guard rank >= 0, rank <= 32 else { throw file.damaged(name) }
        var dimensions = [UInt64](repeating: 0, count: max(rank, 1))
        guard H5Sget_simple_extent_dims(space.id, &dimensions, nil) >= 0 else { throw file.damaged(name) }
        dimensions = Array(dimensions.prefix(rank))
        guard H5Sget_simple_extent_type(space.id) != H5S_NULL else {
            throw file.error(.wrongShape, name, found: "an empty (null) dataset", expected: "data")
        }
        var product = 1
        var shape: [Int] = []
        for dimension in dimensions {
            guard let size = Int(exactly: dimension),
                case let (next, overflow) = product.multipliedReportingOverflow(by: max(size, 1)), !overflow,
                next < 1 << 56
            else { throw unbelievable(dimensions, file, name) }
            product = next
            shape.append(size)
        }
        let count = shape.contains(0) ? 0 : product
        guard elementSize > 0, !count.multipliedReportingOverflow(by: elementSize).overflow else {
            throw unbelievable(dimensions, file, name)
        }
        return shape
    }

    private static func chunk(
        _ creation: borrowing Handle, rank: Int, _ file: HDF5File, _ name: String
    ) throws(HDF5Error) -> [Int] {
        var sizes = [UInt64](repeating: 0, count: max(rank, 1))
        guard rank > 0, H5Pget_chunk(creation.id, Int32(rank), &sizes) == rank else { throw file.damaged(name) }
        return sizes.map { Int(clamping: $0) }
    }

    /// The error of a dataset that its file cannot hold.
    static func unbelievable(_ dimensions: [some BinaryInteger], _ file: HDF5File, _ name: String) -> HDF5Error {
        let sizes = dimensions.map { "\($0)" }.joined(separator: " × ")
        return file.error(
            .implausibleSize, name, found: "\(sizes) elements in a file of \(file.byteCount) bytes",
            expected: "a size that the file can hold", advice: "the file is damaged; copy or make it again")
    }

    // MARK: What callers require

    func wrongType(expected: String) -> HDF5Error {
        file.error(.wrongType, name, found: "\(type)", expected: expected)
    }

    func requireNumbers() throws(HDF5Error) {
        switch type {
        case .float, .integer: return
        default: throw wrongType(expected: "32- or 64-bit floating point, or integers")
        }
    }

    func requireDimensions(_ range: ClosedRange<Int>, _ expected: String) throws(HDF5Error) {
        guard range.contains(shape.count) else {
            throw file.error(.wrongShape, name, found: HDF5.describe(shape: shape), expected: expected)
        }
    }
}
