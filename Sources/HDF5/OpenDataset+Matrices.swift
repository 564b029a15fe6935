import CHDF5

/// Matrices, turned from the file's row-major order to column-major.
extension OpenDataset {
    /// The one matrix of two dimensions, or the stack of three.
    func readMatrices<Element: Real>(as _: Element.Type) throws(HDF5Error) -> [HDF5Matrix<Element>] {
        let full = shape.count == 3 ? shape : [1] + shape
        let (stack, rows, columns) = (full[0], full[1], full[2])
        guard stack <= 1 << 24 else {
            throw file.error(.implausibleSize, name, found: "\(stack) matrices", expected: "at most 16 million")
        }
        guard count > 0 else {
            return (0..<stack).map { _ in HDF5Matrix(rows: rows, columns: columns, elements: []) }
        }
        guard let plain, plain.elementSize <= MemoryLayout<Element>.size else { return try readInBlocks(full) }
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

    private func readInBlocks<Element: Real>(_ full: [Int]) throws(HDF5Error) -> [HDF5Matrix<Element>] {
        let (stack, rows, columns) = (full[0], full[1], full[2])
        let part = blockSize(full)
        var blocks = try DatasetBlocks<Element>(self, capacity: part[0] * part[1] * part[2])
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
                    try blocks.read(at: [e, r, c].suffix(shape.count), extent.suffix(shape.count))
                    for i in 0..<extent[0] {
                        let block = i * extent[1] * extent[2]
                        blocks.buffer.withUnsafeBufferPointer { from in
                            results[e + i].withUnsafeMutableBufferPointer { to in
                                guard let from = from.baseAddress, let to = to.baseAddress else { return }
                                transpose(
                                    from + block, rows: extent[1], columns: extent[2], pitch: extent[2],
                                    to: to + c * rows + r, stride: rows
                                ) { $0 }
                            }
                        }
                    }
                }
            }
        }
        return results.map { HDF5Matrix(rows: rows, columns: columns, elements: $0) }
    }

    /// Size of the blocks to read. Of data in one piece: parts of all rows, which fit a core's cache and are turned there.
    /// Of chunked data: whole chunks, so that none is unpacked twice, as many as fit in a sixteenth of the result; of a
    /// chunk larger than that, bands of rows.
    private func blockSize(_ full: [Int]) -> [Int] {
        guard let chunk else {
            let room = 1 << 18
            let rows = min(full[1], max(1, room / min(full[2], 512)))
            return [1, rows, min(full[2], max(1, room / rows))]
        }
        let budget = max(count / 16, 1 << 16)
        var part = zip(full, (shape.count == 3 ? chunk : [1] + chunk)).map { min($0, $1) }
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
}

/// Blocks of a dataset that the library reads, one after the other, into one buffer. Lives inside the lock.
struct DatasetBlocks<Element: Real>: ~Copyable {
    /// The block that was read last, row-major, at the beginning.
    private(set) var buffer: [Element]

    private let file: HDF5File
    private let name: String
    private let dataset: Handle
    private let space: Handle

    /// - Parameter capacity: elements of the largest block.
    init(_ opened: borrowing OpenDataset, capacity: Int) throws(HDF5Error) {
        guard let access = Handle(H5Pcreate(foci_h5p_dataset_access())) else { throw opened.file.damaged(opened.name) }
        if let chunk = opened.chunk {
            // A cache that holds one chunk, where a chunk is larger than the library would keep. The product was found
            // not to overflow when the dataset was opened.
            let size = H5Tget_size(opened.storedType.id)
            let bytes = chunk.reduce(size) { $0.multipliedReportingOverflow(by: $1).partialValue }
            if bytes > 1 << 20 { H5Pset_chunk_cache(access.id, 1, bytes, 1) }
        }
        guard let dataset = Handle(Self.reopen(opened.handle, access)), let space = Handle(H5Dget_space(dataset.id))
        else { throw opened.file.damaged(opened.name) }
        (file, name) = (opened.file, opened.name)
        self.dataset = dataset
        self.space = space
        buffer = [Element](repeating: .zero, count: capacity)
    }

    /// By its own name, which is a path of hard links: the handle was found by following the path link by link.
    private static func reopen(_ handle: borrowing Handle, _ access: borrowing Handle) -> hid_t {
        let length = H5Iget_name(handle.id, nil, 0)
        guard length > 0, let owner = Handle(H5Iget_file_id(handle.id)) else { return -1 }
        var path = [CChar](repeating: 0, count: length + 1)
        guard H5Iget_name(handle.id, &path, path.count) > 0 else { return -1 }
        return H5Dopen2(owner.id, path, access.id)
    }

    /// Reads a block.
    ///
    /// - Parameters:
    ///   - start: its first element, an index a dimension.
    ///   - extent: its size along each dimension; no more elements than the capacity.
    mutating func read(at start: some Sequence<Int>, _ extent: some Sequence<Int>) throws(HDF5Error) {
        let from = start.map { UInt64($0) }
        let sizes = extent.map { UInt64($0) }
        guard H5Sselect_hyperslab(space.id, H5S_SELECT_SET, from, nil, sizes, nil) >= 0,
            let memory = Handle(H5Screate_simple(Int32(sizes.count), sizes, nil)),
            H5Dread(dataset.id, Element.memoryType, memory.id, space.id, 0, &buffer) >= 0
        else { throw file.damaged(name) }
    }
}
