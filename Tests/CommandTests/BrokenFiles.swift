import Foci
import Foundation
import HDF5
import Testing

/// A file's bytes with the first occurrence of one stored double replaced: what no value type lets be written.
///
/// - Throws: when the value does not stand in the file.
func replacing(_ value: Double, with other: Double, in bytes: [UInt8]) throws -> [UInt8] {
    var data = Data(bytes)
    func image(_ value: Double) -> Data { withUnsafeBytes(of: value.bitPattern.littleEndian) { Data($0) } }
    let place = try #require(data.range(of: image(value)), "\(value) does not stand in the file")
    data.replaceSubrange(place, with: image(other))
    return Array(data)
}

/// Small files of four channels with any part left out or wrong.
enum RawFile {
    static let names = ["M1", "M2", "E1", "E2"]
    static let kinds = ["mag", "mag", "eeg", "eeg"]

    /// A recording of four channels and five samples.
    static func recording(
        format: String = "recording", version: Int = 1, without: Set<String> = [], names: [String] = names,
        kinds: [String] = kinds, data: [Double] = (0..<20).map { 1e-13 * Double($0 % 7) }, shape: [Int] = [4, 5],
        frequency: Double = 100, averages: Int = 10
    ) throws -> [UInt8] {
        try file(format, version) { writer in
            if !without.contains("sampling_frequency") { try writer.attribute("sampling_frequency", frequency) }
            if !without.contains("first_time") { try writer.attribute("first_time", 0.0) }
            if !without.contains("averages") { try writer.attribute("averages", averages) }
            if !without.contains("data") { try writer.dataset("data", data, shape: shape) }
            try sensors(writer, without, names, kinds)
        }
    }

    /// A covariance of four channels.
    static func covariance(
        without: Set<String> = [], names: [String] = names,
        values: [Double] = (0..<16).map { $0 % 5 == 0 ? 1e-26 : 0 }, shape: [Int] = [4, 4]
    ) throws -> [UInt8] {
        try file("covariance", 1) { writer in
            if !without.contains("covariance") { try writer.dataset("covariance", values, shape: shape) }
            try sensors(writer, without, names, kinds)
        }
    }

    /// A forward of four channels and two fixed sources.
    static func forward(
        without: Set<String> = [], names: [String] = names, gain: [Double] = (1...8).map { 1e-7 * Double($0) },
        shape: [Int] = [4, 2], positions: [Double] = [0, 0, 0.05, 0, 0.05, 0]
    ) throws -> [UInt8] {
        try file("forward", 1) { writer in
            if !without.contains("gain") {
                try writer.dataset("gain", gain, shape: shape)
                if !without.contains("orientations") { try writer.attribute("orientations", of: "gain", 1) }
            }
            try sensors(writer, without, names, kinds)
            if !without.contains("position") { try writer.dataset("sources/position", positions, shape: [2, 3]) }
            if !without.contains("frame") { try writer.attribute("frame", of: "sources", "head") }
        }
    }

    private static func file(
        _ format: String, _ version: Int, _ body: (borrowing HDF5Writer) throws -> Void
    ) throws -> [UInt8] {
        let writer = try HDF5Writer()
        try writer.attribute("format", format)
        try writer.attribute("version", version)
        try body(writer)
        return try writer.finish()
    }

    private static func sensors(
        _ writer: borrowing HDF5Writer, _ without: Set<String>, _ names: [String], _ kinds: [String]
    ) throws {
        if !without.contains("name") { try writer.dataset("sensors/name", strings: names) }
        if !without.contains("kind") { try writer.dataset("sensors/kind", strings: kinds) }
    }
}
