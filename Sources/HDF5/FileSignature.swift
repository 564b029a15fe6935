/// What the first bytes of a file say about its format.
enum FileSignature: Equatable {
    /// HDF5, beginning at a byte: after a user block where there is one.
    case hdf5(start: Int)
    /// The beginning of an HDF5 file, cut off within its signature or superblock.
    case partOfHDF5
    /// Something else; in plain English when recognized.
    case other(String?, advice: String)

    /// The shortest superblock, signature included.
    private static let shortestHeader = 48

    static let bytes: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

    /// Reads the signature of a file: at 0, 512, 1024 and each further power of two.
    init(_ file: InputFile) {
        let byteCount = file.byteCount
        let head = (try? file.bytes(min(128, byteCount), at: 0)) ?? []
        if head.starts(with: Self.bytes) {
            self = byteCount < Self.shortestHeader ? .partOfHDF5 : .hdf5(start: 0)
            return
        }
        var offset = 512
        while offset < byteCount, offset <= 1 << 40 {
            if (try? file.bytes(8, at: offset)) == Self.bytes {
                self = byteCount - offset < Self.shortestHeader ? .partOfHDF5 : .hdf5(start: offset)
                return
            }
            offset *= 2
        }
        if head.count < 8, Self.bytes.starts(with: head) {
            self = .partOfHDF5
            return
        }
        if head.starts(with: Array("MATLAB 7.3 MAT-file".utf8)) {
            self = .partOfHDF5
        } else if let known = Self.known.first(where: { head.starts(with: $0.bytes) }) {
            self = .other(known.name, advice: known.advice)
        } else {
            let isText = head.allSatisfy { $0 == 9 || $0 == 10 || $0 == 13 || ($0 >= 32 && $0 < 127) }
            self = .other(isText && !head.isEmpty ? "a text file" : nil, advice: "")
        }
    }

    /// Files of others, told by their first bytes.
    private static let known: [(bytes: [UInt8], name: String, advice: String)] = [
        (
            Array("MATLAB 5.0 MAT-file".utf8), "a MATLAB file of version 5 or 7",
            "save it in MATLAB with the option '-v7.3'"
        ),
        ([0, 0, 0, 100, 0, 0, 0, 31], "a FIF file (MNE, MEGIN)", ""),
        ([0x1F, 0x8B], "a gzip-compressed file", "unpack it with gunzip"),
        ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59], "a NumPy .npy file", ""),
        ([0x50, 0x4B, 3, 4], "a zip archive (.npz or .zip)", ""),
    ]
}
