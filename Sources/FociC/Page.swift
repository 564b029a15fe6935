import CFoci
import Reporting
import Requests

@c @implementation
public func foci_page(
    _ results: UnsafePointer<OpaquePointer?>?, _ count: Int64, _ options: OpaquePointer?,
    _ page: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt { throw InputError("page", found: "not yet") }
}
