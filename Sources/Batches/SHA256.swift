import CCrypto
import Foci
import Foundation

/// SHA-256, by OpenSSL.
enum SHA256 {
    private static let piece = 1 << 20

    /// The hash of bytes in hexadecimal digits.
    static func hex(of bytes: [UInt8]) -> String {
        var hash = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        EVP_Digest(bytes, bytes.count, &hash, &length, EVP_sha256(), nil)
        return text(hash)
    }

    /// The hash of a file in hexadecimal digits.
    ///
    /// - Throws: ``InputError`` when it cannot be read.
    static func hex(ofFile path: String) throws(InputError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(path) }
        defer { close(descriptor) }
        guard let context = EVP_MD_CTX_new() else { throw unreadable(path) }
        defer { EVP_MD_CTX_free(context) }
        EVP_DigestInit_ex(context, EVP_sha256(), nil)
        var buffer = [UInt8](repeating: 0, count: piece)
        while true {
            let count = read(descriptor, &buffer, piece)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path) }
            guard count > 0 else { break }
            EVP_DigestUpdate(context, buffer, count)
        }
        var hash = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        EVP_DigestFinal_ex(context, &hash, &length)
        return text(hash)
    }

    private static func unreadable(_ path: String) -> InputError {
        InputError(path, found: "cannot be read: \(String(cString: strerror(errno)))")
    }

    private static func text(_ hash: [UInt8]) -> String {
        hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
