import CHDF5
import Foundation

extension HDF5File {
    /// Reads an attribute as text.
    ///
    /// - Parameters:
    ///   - name: name of the attribute.
    ///   - object: path of the group or dataset that bears it.
    /// - Returns: the text; nil when there is no such attribute.
    /// - Throws: ``HDF5Error`` when the object is missing or the attribute is not one string.
    public func string(attribute name: String, of object: String = "/") throws(HDF5Error) -> String? {
        try withAttribute(name, of: object) { attribute, type, place throws(HDF5Error) -> String in
            guard case .string = Self.elementType(type) else {
                throw wrongAttribute(type, place, expected: "a string")
            }
            return try string(attribute, type, place)
        }
    }

    /// Reads an attribute as an integer; a floating-point number without a fraction will do.
    ///
    /// - Parameters:
    ///   - name: name of the attribute.
    ///   - object: path of the group or dataset that bears it.
    /// - Returns: the number; nil when there is no such attribute.
    /// - Throws: ``HDF5Error`` when the object is missing or the attribute is not one whole number.
    public func integer(attribute name: String, of object: String = "/") throws(HDF5Error) -> Int? {
        try withAttribute(name, of: object) { attribute, type, place throws(HDF5Error) -> Int in
            switch Self.elementType(type) {
            case .integer:
                var value: Int64 = 0
                guard H5Aread(attribute.id, foci_h5t_native_int64(), &value) >= 0 else { throw damaged(place) }
                return Int(value)
            case .float:
                var value = 0.0
                guard H5Aread(attribute.id, foci_h5t_native_double(), &value) >= 0 else { throw damaged(place) }
                guard let whole = Int(exactly: value) else {
                    throw error(.wrongType, place, found: "\(value)", expected: "a whole number")
                }
                return whole
            default: throw wrongAttribute(type, place, expected: "a whole number")
            }
        }
    }

    /// Reads an attribute as a floating-point number; an integer will do.
    ///
    /// - Parameters:
    ///   - name: name of the attribute.
    ///   - object: path of the group or dataset that bears it.
    /// - Returns: the number; nil when there is no such attribute.
    /// - Throws: ``HDF5Error`` when the object is missing or the attribute is not one number.
    public func double(attribute name: String, of object: String = "/") throws(HDF5Error) -> Double? {
        try withAttribute(name, of: object) { attribute, type, place throws(HDF5Error) -> Double in
            switch Self.elementType(type) {
            case .integer, .float:
                var value = 0.0
                guard H5Aread(attribute.id, foci_h5t_native_double(), &value) >= 0 else { throw damaged(place) }
                return value
            default: throw wrongAttribute(type, place, expected: "a number")
            }
        }
    }

    /// Whether an attribute that an open object has is a number other than zero. Inside the lock.
    func isMarked(_ owner: borrowing Handle, _ name: String, _ object: String) throws(HDF5Error) -> Bool {
        guard let attribute = Handle(H5Aopen(owner.id, name, 0)), let type = Handle(H5Aget_type(attribute.id)),
            let space = Handle(H5Aget_space(attribute.id))
        else { throw damaged("\(object)@\(name)") }
        guard H5Sget_simple_extent_npoints(space.id) == 1, case .integer = Self.elementType(type) else {
            throw wrongAttribute(type, "\(object)@\(name)", expected: "a whole number")
        }
        var value: Int64 = 0
        guard H5Aread(attribute.id, foci_h5t_native_int64(), &value) >= 0 else { throw damaged("\(object)@\(name)") }
        return value != 0
    }

    /// Names of the attributes of an object: in the order they were made when the file keeps it, else by name.
    ///
    /// - Throws: ``HDF5Error`` when the object is missing or damaged.
    public func attributeNames(of object: String = "/") throws(HDF5Error) -> [String] {
        try HDF5Library.locked { () throws(HDF5Error) -> [String] in
            let owner = try openExisting(object, expected: "a group or dataset of this name")
            let count = H5Aget_num_attrs(owner.id)
            guard count >= 0 else { throw damaged(object) }
            var names: [String] = []
            for position in 0..<UInt64(count) {
                var attribute = Handle(
                    H5Aopen_by_idx(owner.id, ".", H5_INDEX_CRT_ORDER, H5_ITER_INC, position, 0, 0))
                if attribute == nil {
                    attribute = Handle(H5Aopen_by_idx(owner.id, ".", H5_INDEX_NAME, H5_ITER_INC, position, 0, 0))
                }
                guard let attribute else { throw damaged(object) }
                let length = H5Aget_name(attribute.id, 0, nil)
                guard length >= 0, length < 1 << 16 else { throw damaged(object) }
                var buffer = [CChar](repeating: 0, count: length + 1)
                guard H5Aget_name(attribute.id, buffer.count, &buffer) >= 0 else { throw damaged(object) }
                names.append(String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self))
            }
            return names
        }
    }

    /// Opens an attribute of one element and hands it over with its type and its name for messages.
    private func withAttribute<T: Sendable>(
        _ name: String, of object: String,
        _ body: (_ attribute: borrowing Handle, _ type: borrowing Handle, _ place: String) throws(HDF5Error) -> T
    ) throws(HDF5Error) -> T? {
        try HDF5Library.locked { () throws(HDF5Error) -> T? in
            let place = object == "/" ? "@\(name)" : "\(object)@\(name)"
            guard !name.isEmpty, !name.utf8.contains(0) else { return nil }
            let owner = try openExisting(object, expected: "a group or dataset of this name")
            let exists = H5Aexists(owner.id, name)
            guard exists >= 0 else { throw damaged(place) }
            guard exists > 0 else { return nil }
            guard let attribute = Handle(H5Aopen(owner.id, name, 0)), let type = Handle(H5Aget_type(attribute.id)),
                let space = Handle(H5Aget_space(attribute.id))
            else { throw damaged(place) }
            let count = H5Sget_simple_extent_npoints(space.id)
            guard count == 1 else {
                throw error(.wrongShape, place, found: "\(max(0, count)) values", expected: "one value")
            }
            return try body(attribute, type, place)
        }
    }

    private func wrongAttribute(_ type: borrowing Handle, _ place: String, expected: String) -> HDF5Error {
        error(.wrongType, place, found: "\(Self.elementType(type))", expected: expected)
    }

    private func string(
        _ attribute: borrowing Handle, _ type: borrowing Handle, _ place: String
    ) throws(HDF5Error) -> String {
        if H5Tis_variable_str(type.id) > 0 {
            let strings = VariableStrings.read(from: self, count: 1) { type, buffer in
                H5Aread(attribute.id, type, buffer) >= 0
            }
            guard let string = strings?.first else { throw damaged(place) }
            return string
        }
        let length = H5Tget_size(type.id)
        guard length > 0, length <= byteCount else {
            throw error(.implausibleSize, place, found: "a string of \(length) bytes", expected: "a short string")
        }
        var bytes = [UInt8](repeating: 0, count: length)
        guard H5Aread(attribute.id, type.id, &bytes) >= 0 else { throw damaged(place) }
        return Self.text(bytes[...], padding: H5Tget_strpad(type.id))
    }

    /// A string of fixed length without its padding.
    static func text(_ bytes: ArraySlice<UInt8>, padding: H5T_str_t) -> String {
        var bytes = bytes.prefix { $0 != 0 }
        if padding == H5T_STR_SPACEPAD {
            while bytes.last == 0x20 { bytes.removeLast() }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
