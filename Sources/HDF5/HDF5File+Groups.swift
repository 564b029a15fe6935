import CHDF5

extension HDF5File {
    /// What a link in a group leads to.
    public struct Link: Sendable, Equatable {
        /// Name of the link in its group.
        public let name: String
        /// Address of the object, as object references store it; nil for a soft link.
        public let address: UInt64?
    }

    /// More links than any real group has; a group whose index was damaged may list for ever.
    private static let mostLinks = 1 << 22

    /// The links of a group, by name; those that lead to other files are left out.
    ///
    /// - Throws: ``HDF5Error`` when the object is missing, no group, or damaged.
    /// - Complexity: O(links); no object is opened.
    public func links(in group: String = "/") throws(HDF5Error) -> [Link] {
        try HDF5Library.locked { () throws(HDF5Error) -> [Link] in
            let opened = try openExisting(group, expected: "a group of this name")
            guard H5Iget_type(opened.id) == H5I_GROUP else {
                throw error(.wrongType, group, found: "a dataset", expected: "a group")
            }
            // Every link takes more than 16 bytes of the file: a longer list goes in circles.
            var listing = Listing(limit: min(Self.mostLinks, byteCount / 16))
            var position: hsize_t = 0
            let status = withUnsafeMutablePointer(to: &listing) { listing in
                H5Literate(
                    opened.id, H5_INDEX_NAME, H5_ITER_NATIVE, &position,
                    { _, name, info, context in
                        guard let name, let info, let context else { return -1 }
                        let listing = context.assumingMemoryBound(to: Listing.self)
                        guard listing.pointee.links.count < listing.pointee.limit else { return -1 }
                        let kind = info.pointee.type
                        guard kind == H5L_TYPE_HARD || kind == H5L_TYPE_SOFT else { return 0 }
                        listing.pointee.links.append(
                            Link(
                                name: String(cString: name),
                                address: kind == H5L_TYPE_HARD ? UInt64(info.pointee.u.address) : nil))
                        return 0
                    }, listing)
            }
            guard status >= 0 else { throw damaged(group) }
            return listing.links
        }
    }

    private struct Listing {
        let limit: Int
        var links: [Link] = []
    }

    /// Reads references to objects as the addresses of these; 0 where a reference is empty.
    ///
    /// - Throws: ``HDF5Error`` when the dataset is missing, holds something else, or is damaged.
    public func references(_ dataset: String) throws(HDF5Error) -> HDF5Array<UInt64> {
        try withDataset(dataset) { opened throws(HDF5Error) in
            guard opened.type == .reference else { throw opened.wrongType(expected: "references to objects") }
            return HDF5Array(
                shape: opened.shape, elements: try opened.readAll(UInt64(0), as: foci_h5t_std_ref_object()))
        }
    }
}
