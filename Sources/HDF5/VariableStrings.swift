import CHDF5

/// Reads strings of variable length without the library's own conversion.
///
/// Such strings are stored as references (length, address of a heap, number in it) into global heaps. HDF5 up to 1.10
/// trusts both: a damaged length or number makes it write or read beyond its buffers. Therefore the references are
/// fetched as they are stored, and the heaps are taken apart here, with every bound checked.
enum VariableStrings {
    /// Teaches the library to hand over references as opaque bytes, a conversion that it has not. Inside the lock.
    static func registerRawConversion() {
        guard let source = Handle(H5Tcopy(foci_h5t_c_string())), H5Tset_size(source.id, foci_h5t_variable()) >= 0,
            let destination = Handle(H5Tcreate(H5T_OPAQUE, 16))
        else { return }
        _ = H5Tregister(
            H5T_PERS_SOFT, "references", source.id, destination.id,
            { source, destination, data, _, _, _, _, _, _ in
                // The bytes are already what is wanted: nothing to convert, only to agree at the beginning.
                guard let data, data.pointee.command == H5T_CONV_INIT else { return 0 }
                let fits = H5Tis_variable_str(source) > 0 && H5Tget_size(source) == H5Tget_size(destination)
                return fits ? 0 : -1
            })
    }

    /// The strings behind references, in order.
    ///
    /// - Parameters:
    ///   - file: the file they were read from. Inside the lock.
    ///   - count: how many.
    ///   - read: fills a buffer with references, given the type to read them as; false when that fails.
    /// - Returns: nil when a reference or a heap is damaged.
    static func read(
        from file: HDF5File, count: Int, _ read: (_ type: hid_t, _ buffer: UnsafeMutableRawPointer) -> Bool
    ) -> [String]? {
        guard let creation = Handle(H5Fget_create_plist(file.id)) else { return nil }
        var (addressSize, lengthSize, userBlock): (Int, Int, UInt64) = (0, 0, 0)
        guard H5Pget_sizes(creation.id, &addressSize, &lengthSize) >= 0, H5Pget_userblock(creation.id, &userBlock) >= 0,
            (2...8).contains(addressSize), (2...8).contains(lengthSize), userBlock <= UInt64(file.byteCount)
        else { return nil }
        let referenceSize = 4 + addressSize + 4
        guard let type = Handle(H5Tcreate(H5T_OPAQUE, referenceSize)), H5Tset_tag(type.id, "reference") >= 0 else {
            return nil
        }
        var references = [UInt8](repeating: 0, count: count * referenceSize)
        let done = references.withUnsafeMutableBytes { buffer in
            buffer.baseAddress.map { read(type.id, $0) } ?? (count == 0)
        }
        guard done else { return nil }
        var heaps: [UInt64: GlobalHeap] = [:]
        var strings: [String] = []
        // Many references may share one string: the total is limited by more than the size of the file.
        var room = file.byteCount + (64 << 20)
        for k in 0..<count {
            let reference = references[(k * referenceSize)..<((k + 1) * referenceSize)]
            let length = reference.littleEndian(0, 4)
            let address = reference.littleEndian(4, addressSize)
            let number = reference.littleEndian(4 + addressSize, 4)
            guard length > 0 else {
                strings.append("")
                continue
            }
            if heaps[address] == nil {
                let (start, overflow) = address.addingReportingOverflow(userBlock)
                guard !overflow, let start = Int(exactly: start) else { return nil }
                heaps[address] = GlobalHeap(file.input, at: start, lengthSize: lengthSize)
            }
            guard let bytes = heaps[address]?[number], bytes.count == Int(clamping: length), room >= bytes.count else {
                return nil
            }
            room -= bytes.count
            strings.append(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
        }
        return strings
    }
}

/// A collection of objects in an HDF5 file, signature `GCOL` (HDF5 file format specification, section III.E).
private struct GlobalHeap {
    private let bytes: [UInt8]
    private var objects: [UInt64: Range<Int>] = [:]

    /// Reads a collection; nil when it is not one or contradicts itself.
    init?(_ input: InputFile, at start: Int, lengthSize: Int) {
        let header = 8 + lengthSize
        guard start >= 0, start <= input.byteCount - header,
            let head = try? input.bytes(header, at: start), Array(head.prefix(5)) == [0x47, 0x43, 0x4F, 0x4C, 1],
            let size = Int(exactly: head[...].littleEndian(8, lengthSize)), size >= header,
            size <= input.byteCount - start, let bytes = try? input.bytes(size, at: start)
        else { return nil }
        self.bytes = bytes
        var position = (header + 7) & ~7
        let objectHeader = 8 + lengthSize
        while position + objectHeader <= size {
            let number = bytes[position...].littleEndian(0, 2)
            // Number 0 is the free space at the end.
            if number == 0 { break }
            guard let length = Int(exactly: bytes[position...].littleEndian(8, lengthSize)) else { return nil }
            let begin = (position + objectHeader + 7) & ~7
            guard begin <= size, length <= size - begin else { return nil }
            objects[number] = begin..<(begin + length)
            position = begin + ((length + 7) & ~7)
        }
    }

    /// The bytes of an object.
    subscript(_ number: UInt64) -> ArraySlice<UInt8>? { objects[number].map { bytes[$0] } }
}

extension ArraySlice<UInt8> {
    /// An unsigned integer of up to 8 bytes, stored lowest byte first, at an offset from the beginning of the slice.
    fileprivate func littleEndian(_ offset: Int, _ count: Int) -> UInt64 {
        dropFirst(offset).prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
