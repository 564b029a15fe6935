import HDF5
import SourceImaging
import Synchronization

/// A file whose format is yet to be told: what the formats look at. It is opened once, for all of them.
public struct FileCandidate: Sendable {
    /// Bytes of the beginning that are looked at.
    static let headCount = 4096

    /// The file.
    let input: InputFile
    /// The first bytes, at most ``headCount``.
    let head: [UInt8]
    /// The file as HDF5; nil when it is not HDF5.
    let hdf5: HDF5File?
    /// Why the file is not HDF5, with what it looks like.
    let notHDF5: HDF5Error?
    /// What the channels of a file of any format measure, for formats that do not say it of theirs.
    let sensors: SensorLookUp?

    /// The path as the caller gave it.
    var path: String { input.path }

    /// Opens a file far enough to tell what it is.
    ///
    /// - Parameters:
    ///   - path: of the file.
    ///   - sensors: how to look into another file for what channels measure; passed in, since no format knows all others.
    /// - Throws: ``InputError`` when it is missing, empty, no regular file or unreadable, or HDF5 that is damaged.
    init(_ path: String, sensors: SensorLookUp? = nil) throws(InputError) {
        self.sensors = sensors
        let input = try reading(InputFile(path))
        self.input = input
        head = (try? input.bytes(min(Self.headCount, input.byteCount), at: 0)) ?? []
        do {
            hdf5 = try HDF5File(input)
            notHDF5 = nil
        } catch {
            guard error.kind == .notHDF5 else { throw InputError(error) }
            hdf5 = nil
            notHDF5 = error
        }
    }
}

/// Looks up what the channels of a file measure.
typealias SensorLookUp = @Sendable (ChannelFile) throws(InputError) -> Sensors

/// A file that describes the channels of others: opened when the first of them asks for it, and once.
final class ChannelFile: Sendable {
    let path: String
    private let opened = Mutex<FileCandidate?>(nil)

    init(_ path: String) { self.path = path }

    /// The file, open.
    ///
    /// - Throws: ``InputError`` as ``FileCandidate/init(_:sensors:)`` does.
    func candidate() throws(InputError) -> FileCandidate {
        try opened.withLock { opened throws(InputError) in
            if let opened { return opened }
            let candidate = try FileCandidate(path)
            opened = candidate
            return candidate
        }
    }
}
