import HDF5
import SourceImaging

/// The formats of the program's own layout.
public enum FileFormat: String, Sendable, CaseIterable {
    /// A forward model: ``ForwardFile``.
    case forward
    /// A recording: ``RecordingFile``.
    case recording
    /// A noise covariance: ``CovarianceFile``.
    case covariance
    /// A whitened problem: ``ProblemFile``.
    case problem
    /// A result: ``EstimateFile``.
    case estimate
    /// Known sources of a simulation: ``TruthFile``.
    case truth

    /// A file of the format, as a sentence has it.
    var phrase: String { "\(self == .estimate ? "an" : "a") \(rawValue) file" }

    /// The format of a file, by its attribute `format`.
    ///
    /// - Throws: ``InputError`` when it cannot be read or is of no format of this program.
    public static func detect(_ path: String) throws(InputError) -> FileFormat {
        let file = try translating { () throws(HDF5Error) -> HDF5File in try HDF5File(path) }
        return try detect(file)
    }

    /// The format of a file that is open.
    static func detect(_ file: borrowing HDF5File) throws(InputError) -> FileFormat {
        let names = allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        do {
            if let name = try file.string(attribute: "format") {
                guard let format = FileFormat(rawValue: name) else {
                    throw InputError("\(file.path): @format", found: "'\(name)'", expected: "one of \(names)")
                }
                return format
            }
            // A problem file may come without the attribute: two datasets say all.
            if try file.kind(of: "gain") == .dataset, try file.kind(of: "data") == .dataset { return .problem }
            var guess = ""
            if try file.kind(of: "h5io") != nil || file.kind(of: "mnepython") != nil {
                guess = "; it looks like a file of MNE-Python"
            } else if try file.kind(of: "#refs#") != nil {
                guess = "; it looks like a MATLAB file"
            }
            throw InputError(
                file.path, found: "an HDF5 file without the attribute 'format'" + guess, expected: "one of \(names)")
        } catch let error as HDF5Error {
            throw InputError(error)
        } catch let error as InputError {
            throw error
        } catch {
            throw InputError(file.path, found: "\(error)")
        }
    }
}
