import CHDF5
import Synchronization

/// The C library as a whole: its lock, its silence and its version.
public enum HDF5Library {
    /// The version that the program runs with, for example `1.10.8`.
    public static var version: String {
        locked {
            var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
            H5get_libversion(&major, &minor, &release)
            return "\(major).\(minor).\(release)"
        }
    }

    /// The library is usually built without thread safety, and never runs two calls at once when built with it.
    private static let lock = Mutex(())

    /// Done before the first call of all: at exit nothing is closed. Nothing is to be written, and other threads may be in
    /// the library by then.
    private static let staysOpen = H5dont_atexit()

    /// Done once, at the first entry, inside the lock.
    private static let prepared: Void = VariableStrings.registerRawConversion()

    /// What reads files through descriptors that are open already. Inside the lock.
    static let descriptorDriver = foci_register_descriptor_driver()

    /// Runs `body` as the only user of the library. Not recursive: only public entry points call it.
    static func locked<T: Sendable, Failure: Error>(_ body: () throws(Failure) -> T) throws(Failure) -> T {
        try lock.withLock { _ throws(Failure) -> T in
            _ = staysOpen
            H5open()
            // No thread keeps an error: it would hold identifiers.
            defer { H5Eclear2(foci_h5e_default()) }
            // A thread-safe build keeps this setting a thread; hence at every entry.
            H5Eset_auto2(foci_h5e_default(), nil, nil)
            // No code from a plugin folder runs because a file names a filter.
            H5PLset_loading_state(0)
            _ = prepared
            return try body()
        }
    }

    /// What the library said about its last failure, the innermost cause; empty when it said nothing.
    static func lastFailure() -> String {
        var reason = ""
        withUnsafeMutablePointer(to: &reason) { reason in
            _ = H5Ewalk2(
                foci_h5e_default(), H5E_WALK_UPWARD,
                { depth, error, context in
                    if depth == 0, let text = error?.pointee.desc, let context {
                        context.assumingMemoryBound(to: String.self).pointee = String(cString: text)
                    }
                    return 0
                }, reason)
        }
        return reason
    }
}

/// An identifier of the C library that is released exactly once. Made, used and destroyed inside the lock.
struct Handle: ~Copyable {
    let id: hid_t

    /// Takes over an identifier; nil when the call that made it failed.
    init?(_ id: hid_t) {
        guard id >= 0 else { return nil }
        self.id = id
    }

    deinit { H5Idec_ref(id) }
}
