import CHDF5
import Foundation

/// An HDF5 file that is open for reading.
///
/// Objects are named by their path from the root; nothing but this value stays open. The file is never locked, so that
/// it opens on read-only and network drives. Nothing outside the file is followed: external links, external storage,
/// virtual datasets and filters other than deflate, shuffle and Fletcher-32 are refused. Sizes are checked against
/// what the file can hold before memory is allocated.
///
/// Safe to use from several threads: calls wait for one another, for all files together.
public final class HDF5File: Sendable {
    let input: InputFile
    /// The path as the caller gave it.
    public var path: String { input.path }
    /// Size of the file in bytes.
    public var byteCount: Int { input.byteCount }

    let id: hid_t

    /// What stands at a path in a file.
    public enum ObjectKind: Sendable, Equatable {
        /// A group of further objects.
        case group
        /// An array.
        case dataset
        /// A stored type.
        case type
    }

    /// Opens a file.
    ///
    /// - Throws: ``HDF5Error`` of kind `missingFile`, `notRegularFile`, `unreadable`, `emptyFile`, `notHDF5`,
    ///   `truncated` or `damaged`.
    public convenience init(_ path: String) throws(HDF5Error) {
        try self.init(InputFile(path))
    }

    /// The HDF5 in a file that is open; its structure is checked before the library follows it.
    ///
    /// - Throws: ``HDF5Error`` of kind `notHDF5`, `truncated` or `damaged`.
    /// - Complexity: O(objects + chunks) reads of a page.
    public init(_ input: InputFile) throws(HDF5Error) {
        try Self.checkStructure(input)
        self.input = input
        id = try HDF5Library.locked { () throws(HDF5Error) -> hid_t in
            var source = foci_descriptor(descriptor: input.descriptor, byte_count: haddr_t(input.byteCount))
            guard let access = Handle(H5Pcreate(foci_h5p_file_access())),
                H5Pset_driver(access.id, HDF5Library.descriptorDriver, &source) >= 0
            else {
                throw HDF5Error(.damaged, file: input.path, found: "HDF5 failed: \(HDF5Library.lastFailure())")
            }
            let id = H5Fopen(input.path, foci_h5f_read_only(), access.id)
            guard id >= 0 else {
                let reason = HDF5Library.lastFailure()
                throw reason.contains("truncated file") || reason.contains("end of file")
                    ? Self.truncated(input) : Self.damaged(input, reason)
            }
            return id
        }
    }

    deinit {
        let id = id
        HDF5Library.locked { _ = H5Fclose(id) }
    }

    private static func truncated(_ input: InputFile) -> HDF5Error {
        HDF5Error(
            .truncated, file: input.path, found: "an HDF5 file that is cut off (truncated)",
            expected: "a complete file", advice: "copy or download it again")
    }

    private static func damaged(_ input: InputFile, _ reason: String) -> HDF5Error {
        HDF5Error(
            .damaged, file: input.path, found: "a damaged HDF5 file (\(reason))", expected: "an intact one",
            advice: "copy or make it again")
    }

    /// Throws unless a file is HDF5 whose structures do not contradict themselves.
    private static func checkStructure(_ input: InputFile) throws(HDF5Error) {
        switch FileSignature(input) {
        case .hdf5(let start):
            guard let damage = StructureCheck.damage(in: input, base: start) else { return }
            throw damage.isCutOff ? truncated(input) : damaged(input, damage.found)
        case .partOfHDF5: throw truncated(input)
        case .other(let name, let advice):
            throw HDF5Error(
                .notHDF5, file: input.path, found: "not an HDF5 file" + (name.map { ": it looks like \($0)" } ?? ""),
                expected: "HDF5", advice: advice)
        }
    }

    /// What stands at a path; nil when nothing does.
    ///
    /// - Throws: ``HDF5Error`` of kind `refused` when the path leads out of the file, `damaged` when it cannot be
    ///   followed.
    public func kind(of object: String) throws(HDF5Error) -> ObjectKind? {
        try HDF5Library.locked { () throws(HDF5Error) -> ObjectKind? in
            guard let handle = try open(object) else { return nil }
            switch H5Iget_type(handle.id) {
            case H5I_GROUP: return .group
            case H5I_DATASET: return .dataset
            default: return .type
            }
        }
    }

    /// An error about an object of this file.
    func error(
        _ kind: HDF5Error.Kind, _ object: String, found: String, expected: String = "", advice: String = ""
    ) -> HDF5Error {
        HDF5Error(kind, file: path, object: object, found: found, expected: expected, advice: advice)
    }

    /// An error about an object that the library could not read, with the library's reason.
    func damaged(_ object: String) -> HDF5Error {
        let reason = HDF5Library.lastFailure()
        return error(
            .damaged, object, found: "cannot be read" + (reason.isEmpty ? "" : " (HDF5: \(reason))"),
            expected: "an intact file", advice: "copy or make it again")
    }

    /// Opens an object by its path; nil when there is none. Inside the lock.
    ///
    /// Follows the path link by link, since HDF5 can only say that a whole path failed.
    func open(_ object: String) throws(HDF5Error) -> Handle? {
        guard !object.utf8.contains(0) else { return nil }
        guard let access = Handle(H5Pcreate(foci_h5p_link_access())),
            // A soft link may pass through an external one: no other file is opened, ever.
            H5Pset_elink_cb(access.id, { _, _, _, _, _, _, _ in -1 }, nil) >= 0
        else { throw damaged(object) }
        var walked = ""
        for component in object.split(separator: "/") where component != "." {
            if !walked.isEmpty {
                guard let above = Handle(H5Oopen(id, walked, access.id)) else { throw damaged(object) }
                guard H5Iget_type(above.id) == H5I_GROUP else { return nil }
            }
            walked += "/\(component)"
            let exists = H5Lexists(id, walked, access.id)
            if exists < 0 { throw damaged(object) }
            if exists == 0 { return nil }
            let type = foci_h5l_type(id, walked)
            guard type == H5L_TYPE_HARD.rawValue || type == H5L_TYPE_SOFT.rawValue else {
                throw error(
                    .refused, walked, found: type < 0 ? "a damaged link" : "a link to another file",
                    expected: "data within the file", advice: "copy the data into one file (h5copy)")
            }
            if type == H5L_TYPE_SOFT.rawValue, H5Oexists_by_name(id, walked, access.id) <= 0 {
                throw error(.refused, walked, found: "a link that leads nowhere in this file")
            }
        }
        guard let handle = Handle(H5Oopen(id, walked.isEmpty ? "/" : walked, access.id)) else { throw damaged(object) }
        return handle
    }

    /// Opens an object that must be there. Inside the lock.
    func openExisting(_ object: String, expected: String) throws(HDF5Error) -> Handle {
        guard let handle = try open(object) else {
            throw error(.missingObject, object, found: "not in the file", expected: expected)
        }
        return handle
    }

    /// Classifies an element type. Inside the lock.
    static func elementType(_ type: borrowing Handle) -> HDF5Description.ElementType {
        let bytes = H5Tget_size(type.id)
        switch H5Tget_class(type.id) {
        case H5T_FLOAT:
            // Only IEEE types: a damaged or exotic one is not worth the library's general conversion.
            let known = [foci_h5t_ieee_f32le(), foci_h5t_ieee_f32be(), foci_h5t_ieee_f64le(), foci_h5t_ieee_f64be()]
            return known.contains { H5Tequal(type.id, $0) > 0 }
                ? .float(bytes: bytes) : .other("\(bytes)-byte floating point")
        case H5T_INTEGER:
            return isPlainInteger(type.id, bytes) ? .integer(bytes: bytes) : .other("\(bytes)-byte integers")
        case H5T_ENUM:
            guard let base = Handle(H5Tget_super(type.id)), isPlainInteger(base.id, bytes) else {
                return .other("an enumeration")
            }
            return .integer(bytes: bytes)
        case H5T_STRING: return .string
        case H5T_COMPOUND: return .other("compound records")
        case H5T_REFERENCE:
            // References to regions lead into heaps, through code of the library that trusts them.
            return H5Tequal(type.id, foci_h5t_std_ref_object()) > 0 ? .reference : .other("references to regions")
        case H5T_VLEN: return .other("variable-length lists")
        case H5T_ARRAY: return .other("arrays")
        case H5T_OPAQUE: return .other("opaque bytes")
        case H5T_BITFIELD: return .other("bit fields")
        default: return .other("an unknown type")
        }
    }

    /// Whether an integer type uses all of its 1, 2, 4 or 8 bytes.
    private static func isPlainInteger(_ type: hid_t, _ bytes: Int) -> Bool {
        [1, 2, 4, 8].contains(bytes) && H5Tget_precision(type) == 8 * bytes && H5Tget_offset(type) == 0
            && H5Tget_size(type) == bytes
    }
}
