import CHDF5

/// Elements in the order of the file, row-major.
extension OpenDataset {
    /// All elements as doubles.
    func doubles() throws(HDF5Error) -> HDF5Array<Double> {
        try requireNumbers()
        return HDF5Array(shape: shape, elements: try readAll(as: Double.self))
    }

    /// All elements.
    func readAll<Element: Real>(as _: Element.Type) throws(HDF5Error) -> [Element] {
        guard count > 0, let plain, plain.elementSize <= MemoryLayout<Element>.size else {
            return try readAll(Element.zero, as: Element.memoryType)
        }
        return try filled(count) { plain.read($0, from: 0) }
    }

    /// An array that `fill` writes all elements of, or says that it could not.
    func filled<Element: Real>(
        _ count: Int, _ fill: (UnsafeMutableBufferPointer<Element>) -> Bool
    ) throws(HDF5Error) -> [Element] {
        var isComplete = false
        let elements = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            isComplete = fill(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = isComplete ? count : 0
        }
        guard isComplete else { throw file.damaged(name) }
        return elements
    }

    /// All elements, converted by the library to a type of memory.
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
        guard status >= 0 else { throw file.damaged(name) }
        return elements
    }

    func readStrings() throws(HDF5Error) -> [String] {
        guard count > 0 else { return [] }
        if H5Tis_variable_str(storedType.id) > 0 {
            let strings = VariableStrings.read(from: file, count: count) { type, buffer in
                H5Dread(handle.id, type, foci_h5s_all(), foci_h5s_all(), 0, buffer) >= 0
            }
            guard let strings else { throw file.damaged(name) }
            return strings
        }
        let length = H5Tget_size(storedType.id)
        var bytes = [UInt8](repeating: 0, count: count * length)
        guard H5Dread(handle.id, storedType.id, foci_h5s_all(), foci_h5s_all(), 0, &bytes) >= 0 else {
            throw file.damaged(name)
        }
        let padding = H5Tget_strpad(storedType.id)
        return (0..<count).map { HDF5File.text(bytes[($0 * length)..<(($0 + 1) * length)], padding: padding) }
    }

    /// Reads slabs of whole chunks along the first dimension.
    func readSlabs(
        _ body: (_ start: Int, _ height: Int, _ elements: UnsafeBufferPointer<Double>) -> Void
    ) throws(HDF5Error) {
        guard count > 0 else { return }
        let width = count / shape[0]
        let unit = min(chunk?.first ?? 1, shape[0])
        let height = min(shape[0], unit * max(1, max(count / 16, 1 << 16) / (width * unit)))
        var blocks = try DatasetBlocks<Double>(self, capacity: height * width)
        let rest = [Int](repeating: 0, count: shape.count - 1)
        for start in stride(from: 0, to: shape[0], by: height) {
            let span = min(height, shape[0] - start)
            try blocks.read(at: [start] + rest, [span] + shape.dropFirst())
            blocks.buffer.withUnsafeBufferPointer {
                body(start, span, UnsafeBufferPointer(rebasing: $0[..<(span * width)]))
            }
        }
    }
}
