/// A dataset read as a whole, row-major: the last index runs fastest.
public struct HDF5Array<Element: Sendable>: Sendable {
    /// Sizes of the dimensions; empty for a scalar.
    public let shape: [Int]
    /// The elements, as many as the product of `shape`.
    public let elements: [Element]
}

/// A two-dimensional dataset, turned to column-major order on the way in.
public struct HDF5Matrix<Element: Sendable>: Sendable {
    /// First dimension of the dataset (second, in a stack of matrices).
    public let rows: Int
    /// Last dimension of the dataset.
    public let columns: Int
    /// Element (i, j) is at `i + j * rows`.
    public let elements: [Element]
}

/// What a dataset holds, without its elements.
public struct HDF5Description: Sendable, Equatable {
    /// The type of each element.
    public enum ElementType: Sendable, Equatable, CustomStringConvertible {
        /// IEEE floating point of so many bytes, either endianness.
        case float(bytes: Int)
        /// Integer of so many bytes, signed or not, or a boolean as h5py writes it.
        case integer(bytes: Int)
        /// Text: fixed or variable length, ASCII or UTF-8.
        case string
        /// References to other objects of the file.
        case reference
        /// Anything else, named in plain English.
        case other(String)

        /// The type in plain English.
        public var description: String {
            switch self {
            case .float(let bytes): "\(8 * bytes)-bit floating point"
            case .integer(let bytes): "\(8 * bytes)-bit integers"
            case .string: "strings"
            case .reference: "references"
            case .other(let name): name
            }
        }
    }

    /// Sizes of the dimensions; empty for a scalar.
    public let shape: [Int]
    /// Type of each element.
    public let type: ElementType
}

/// A shape as people write it, for example `366 × 6102`.
func describe(shape: [Int]) -> String {
    shape.isEmpty ? "a single value" : shape.map(String.init).joined(separator: " × ")
}
