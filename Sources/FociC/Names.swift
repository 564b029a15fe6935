import CFoci
import Requests

/// `foci_version` as `foci.h` documents it.
@c @implementation
public func foci_version() -> UnsafePointer<CChar>? { Lasting.version }

/// `foci_error` as `foci.h` documents it.
@c @implementation
public func foci_error() -> UnsafePointer<CChar>? { foci_errors_last() }

/// `foci_names` as `foci.h` documents it.
@c @implementation
public func foci_names(_ function: UnsafePointer<CChar>?) -> UnsafePointer<CChar>? {
    guard let function, let name = String(validatingCString: function) else { return nil }
    return Lasting.names[name]?.pointer
}

/// Texts that live for ever.
private enum Lasting {
    struct Text: @unchecked Sendable {
        let pointer: UnsafePointer<CChar>

        init(_ text: String) {
            let bytes = text.utf8CString
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
            for (i, byte) in bytes.enumerated() { copy[i] = byte }
            pointer = UnsafePointer(copy)
        }
    }

    private static let text = Text(fociVersion)
    static var version: UnsafePointer<CChar> { text.pointer }

    static let names: [String: Text] = [
        "solve": of(SolveRequest.options), "path": of(SolveRequest.options), "select": of(SelectRequest.options),
        "refine": of(RefineRequest.options), "mixed": of(MixedRequest.options),
        "dynamics": of(DynamicsRequest.options), "dynamics_sources": of(SourceDynamicsRequest.options),
        "localize": of(LocalizationRequest.options),
        "page": of(pageOptions),
        "forward": of(InputFields.forward), "recording": of(InputFields.recording),
        "covariance": of(InputFields.covariance),
    ]

    private static func of<Request>(_ options: [RequestOption<Request>]) -> Text {
        of(options.map { ($0.name.rawValue, $0.help) })
    }

    private static func of(_ names: [(name: String, help: String)]) -> Text {
        // Texts alone: encoding cannot fail.
        Text((try? JSON.text(names.map { ["name": $0.name, "help": $0.help] }, isIndented: false)) ?? "[]")
    }
}
