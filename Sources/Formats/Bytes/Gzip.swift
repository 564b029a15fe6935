import CZlib
import SourceImaging

/// Unpacking of gzip-compressed files.
enum Gzip {
    /// Whether bytes begin a gzip file.
    static func isGzip(_ head: [UInt8]) -> Bool { head.starts(with: [0x1F, 0x8B, 8]) }

    /// The most that a file may hold unpacked: 16 MB and four times its size.
    ///
    /// Measured data hardly compress; what unpacks to more was made to fill the memory, or gunzip can do it.
    static func limit(_ packed: Int) -> Int { (1 << 24) + 4 * packed }

    /// The unpacked bytes: all of them, or as many as wanted.
    ///
    /// - Parameters:
    ///   - source: a gzip file; several members in a row are unpacked one after the other.
    ///   - wanted: bytes after which to stop; nil unpacks all.
    /// - Throws: ``InputError`` when the file is damaged, cut off or unpacks to more than ``limit(_:)``.
    static func unpack(_ source: ByteSource, wanted: Int? = nil) throws(InputError) -> [UInt8] {
        var stream = z_stream()
        guard foci_inflate_init_gzip(&stream) == Z_OK else {
            throw InputError("", found: "no memory to unpack the file")
        }
        defer { inflateEnd(&stream) }
        let most = limit(source.count)
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: piece)
        var offset = 0
        var end = End.withinMember
        while offset < source.count, end != .padding {
            var input = try source.read(min(piece, source.count - offset), at: offset)
            offset += input.count
            // Another member may follow; anything else is padding.
            if end == .member, input[0] != 0x1F || inflateReset(&stream) != Z_OK { break }
            end = try unpack(&input, &stream, by: &buffer, to: &output, stoppingAt: min(wanted ?? .max, most + 1))
            if let wanted, output.count >= wanted { return Array(output.prefix(wanted)) }
            guard output.count <= most else {
                throw InputError(
                    "", found: "more than \(most >> 20) MB when unpacked", expected: "a file of measured data",
                    advice: "unpack it with gunzip first if it is one")
            }
        }
        guard end != .withinMember || wanted != nil else {
            throw InputError(
                "", found: "a gzip file that is cut off", expected: "a complete file",
                advice: "copy or download it again")
        }
        return output
    }

    /// Bytes that are read and unpacked at once.
    private static let piece = 1 << 18

    /// Where a piece of a file ends.
    private enum End { case withinMember, member, padding }

    /// Unpacks a piece behind the output, as far as that has fewer bytes than a limit.
    private static func unpack(
        _ input: inout [UInt8], _ stream: inout z_stream, by buffer: inout [UInt8], to output: inout [UInt8],
        stoppingAt limit: Int
    ) throws(InputError) -> End {
        try input.withUnsafeMutableBufferPointer { input throws(InputError) in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            var status = Z_OK
            repeat {
                status = buffer.withUnsafeMutableBufferPointer { buffer in
                    stream.next_out = buffer.baseAddress
                    stream.avail_out = UInt32(buffer.count)
                    return inflate(&stream, Z_NO_FLUSH)
                }
                output.append(contentsOf: buffer[..<(buffer.count - Int(stream.avail_out))])
                if output.count >= limit { break }
                guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
                    throw InputError(
                        "", found: "a damaged gzip file", expected: "an intact one",
                        advice: "copy or download it again")
                }
                if status == Z_STREAM_END, stream.avail_in > 0 {
                    guard stream.next_in?.pointee == 0x1F, inflateReset(&stream) == Z_OK else { return .padding }
                    status = Z_OK
                }
            } while stream.avail_in > 0 || stream.avail_out == 0
            return status == Z_STREAM_END ? .member : .withinMember
        }
    }
}
