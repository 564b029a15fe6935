import CHDF5

/// What is stored of a dataset, held against what its shape claims: before memory is taken, and before the library
/// unpacks what it does not check itself. Used inside the lock.
struct StorageCheck {
    let file: HDF5File
    let name: String
    let shape: [Int]
    let elementSize: Int

    /// Number of elements.
    var count: Int { shape.reduce(1, *) }

    /// Deflate packs at best 1032 : 1.
    private static let bestCompression = 1040
    /// A dataset that was never written reads as its fill value; up to this size that is harmless.
    private static let unwrittenAllowance = 1 << 20

    private var unbelievable: HDF5Error { OpenDataset.unbelievable(shape, file, name) }

    /// Checks a dataset in one piece.
    ///
    /// - Returns: whether all bytes are stored, of at least one element; they are not where it was never written.
    func checkPiece(_ dataset: borrowing Handle, isContiguous: Bool) throws(HDF5Error) -> Bool {
        let bytes = count * elementSize
        guard bytes > 0 else { return false }
        let stored = Int(clamping: H5Dget_storage_size(dataset.id))
        if stored == 0, isContiguous {
            guard bytes <= Self.unwrittenAllowance else { throw unbelievable }
            return false
        }
        guard bytes <= min(stored, file.byteCount) else { throw unbelievable }
        if isContiguous {
            // Nor may they lie beyond the end that the file states, which the library minds and a direct reading does not.
            let start = H5Dget_offset(dataset.id)
            var end: haddr_t = 0
            guard H5Fget_eoa(file.id, &end) >= 0, start != foci_haddr_undefined(), start <= end,
                end <= UInt(file.byteCount), UInt(bytes) <= end - start
            else { throw unbelievable }
        }
        return true
    }

    /// Checks how many chunks there are and how large, then each of them.
    func checkChunks(
        _ chunk: [Int], _ dataset: borrowing Handle, _ space: borrowing Handle, isDeflated: Bool, filters: Int
    ) throws(HDF5Error) {
        guard count > 0 else { return }
        var chunkBytes = elementSize
        var needed = 1
        for (size, part) in zip(shape, chunk) {
            guard part > 0 else { throw file.damaged(name) }
            let (product, overflow) = chunkBytes.multipliedReportingOverflow(by: part)
            guard !overflow else { throw unbelievable }
            chunkBytes = product
            needed *= (size - 1) / part + 1
        }
        let bytes = count * elementSize
        let held = min(Int(clamping: H5Dget_storage_size(dataset.id)), file.byteCount)
        let limit = held * (isDeflated ? Self.bestCompression : 1) + Self.unwrittenAllowance
        guard bytes <= limit, chunkBytes <= limit else { throw unbelievable }
        var present: hsize_t = 0
        guard H5Dget_num_chunks(dataset.id, space.id, &present) >= 0 else { throw file.damaged(name) }
        guard bytes <= Self.unwrittenAllowance || present >= UInt64(needed) else { throw unbelievable }
        try checkPlaces(chunk, dataset, space, chunkBytes: chunkBytes, present: Int(present), filters: filters)
    }

    /// Checks where the chunks lie and how large they are stored.
    ///
    /// The library unpacks a chunk and copies as many bytes as its layout says a chunk has, without looking at how many
    /// came out. A layout that was damaged shows in chunks that start off its grid or have another size.
    private func checkPlaces(
        _ chunk: [Int], _ dataset: borrowing Handle, _ space: borrowing Handle, chunkBytes: Int, present: Int,
        filters: Int
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
}
