import CFoci
import Requests

/// Runs the body of a function of the interface: what it throws becomes a status and a line of text.
///
/// - Parameter naming: how the caller's users know settings.
func attempt(_ naming: (SettingName) -> String = \.rawValue, _ body: () throws -> Void) -> foci_status {
    do {
        try body()
        return foci_status(FOCI_OK)
    } catch let error as InputError {
        foci_errors_keep(error.text(naming: naming))
        return foci_status(FOCI_INVALID)
    } catch is CancellationError {
        foci_errors_keep("cancelled")
        return foci_status(FOCI_CANCELLED)
    } catch is Missing {
        return foci_status(FOCI_MISSING)
    } catch {
        foci_errors_keep("\(error)")
        return foci_status(FOCI_FAILED)
    }
}

/// A result has nothing of a name.
struct Missing: Error {
    /// - Parameter names: what it has.
    init(_ name: String, of names: some Sequence<String>) {
        foci_errors_keep("'\(name)': not in this result; it has \(names.sorted().joined(separator: ", "))")
    }
}

/// What a handle stands for.
///
/// - Throws: ``InputError`` for NULL.
func object<Object: AnyObject>(_ type: Object.Type, _ handle: OpaquePointer?, _ name: String) throws(InputError)
    -> Object
{
    guard let handle else { throw InputError(name, found: "NULL", expected: "a handle") }
    return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

/// A handle of an object, which lives until it is freed.
func handle(_ object: some AnyObject) -> OpaquePointer { OpaquePointer(Unmanaged.passRetained(object).toOpaque()) }

/// Frees what a handle stands for.
func free<Object: AnyObject>(_ type: Object.Type, _ handle: OpaquePointer?) {
    guard let handle else { return }
    Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).release()
}

/// Where a handle is returned to.
///
/// - Throws: ``InputError`` for NULL.
func target<Value>(_ pointer: UnsafeMutablePointer<Value>?) throws(InputError) -> UnsafeMutablePointer<Value> {
    guard let pointer else { throw InputError("result", found: "NULL", expected: "where to put it") }
    return pointer
}

/// A request from the caller's options; all defaults for NULL.
func request<Request: NamedRequest>(_ options: OpaquePointer?) throws(InputError) -> Request {
    guard options != nil else { return Request() }
    return try Request(try object(Values.self, options, "options").options())
}

/// A text of the caller.
///
/// - Throws: ``InputError`` for NULL and what is not UTF-8.
func text(_ pointer: UnsafePointer<CChar>?, _ name: String) throws(InputError) -> String {
    guard let pointer else { throw InputError(name, found: "NULL", expected: "a text") }
    guard let text = String(validatingCString: pointer) else {
        throw InputError(name, found: "bytes that are no UTF-8", expected: "a text")
    }
    return text
}

/// What the caller watches and stops a call by.
func monitor(_ given: UnsafePointer<foci_monitor>?) -> Monitor {
    guard let given else { return Monitor(isCancelled: { false }) }
    // The caller's functions are called on the thread that computes, while its call lasts.
    nonisolated(unsafe) let caller = given.pointee
    return Monitor(
        report: { caller.progress?(caller.context, $0.stage, $0.detail) },
        isCancelled: { caller.cancel.map { foci_flag_is_set($0) } ?? false },
        warn: { caller.warning?(caller.context, $0) })
}
