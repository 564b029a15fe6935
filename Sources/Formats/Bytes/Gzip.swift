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
        let piece = 1 << 18
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: piece)
        var offset = 0
        var ended = false
        while offset < source.count {
            var input = try source.read(min(piece, source.count - offset), at: offset)
            offset += input.count
            if ended {
                // Another member may follow; anything else is padding.
                guard input[0] == 0x1F, inflateReset(&stream) == Z_OK else { break }
                ended = false
            }
            var failure: InputError?
            let inputCount = input.count
            input.withUnsafeMutableBufferPointer { input in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(inputCount)
                repeat {
                    var produced = 0
                    let status = buffer.withUnsafeMutableBufferPointer { buffer in
                        stream.next_out = buffer.baseAddress
                        stream.avail_out = UInt32(piece)
                        let status = inflate(&stream, Z_NO_FLUSH)
                        produced = piece - Int(stream.avail_out)
                        return status
                    }
                    output.append(contentsOf: buffer[..<produced])
                    if let wanted, output.count >= wanted { return }
                    if output.count > most {
                        failure = InputError(
                            "", found: "more than \(most >> 20) MB when unpacked", expected: "a file of measured data",
                            advice: "unpack it with gunzip first if it is one")
                        return
                    }
                    ended = status == Z_STREAM_END
                    if ended, stream.avail_in > 0 {
                        let rest = UnsafeBufferPointer(start: stream.next_in, count: Int(stream.avail_in))
                        guard rest.first == 0x1F, inflateReset(&stream) == Z_OK else {
                            offset = source.count
                            return
                        }
                        ended = false
                    } else if status != Z_OK, status != Z_STREAM_END, status != Z_BUF_ERROR {
                        failure = InputError(
                            "", found: "a damaged gzip file", expected: "an intact one",
                            advice: "copy or download it again")
                        return
                    }
                } while stream.avail_in > 0 || stream.avail_out == 0
            }
            if let failure { throw failure }
            if let wanted, output.count >= wanted { return Array(output.prefix(wanted)) }
        }
        guard ended || wanted != nil else {
            throw InputError(
                "", found: "a gzip file that is cut off", expected: "a complete file",
                advice: "copy or download it again")
        }
        return output
    }
}
