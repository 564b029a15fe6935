import Foci
import Foundation

/// Plain folders whose names follow a pattern, such as `{subject}/{subject}-{kind}.fif`.
///
/// Placeholders are `{subject}`, `{session}`, `{task}`, `{condition}` and `{kind}`; the last is `fwd` or `forward`, `ave`,
/// `evoked`, `epo`, `raw` or `recording`, `cov` or `covariance`. A `*` stands for any text within a name. Without `{kind}`
/// the pattern is that of recordings, and a forward for all subjects is needed.
public struct PatternLayout: DatasetLayout {
    let root: String
    let pattern: String
    let shared: SharedInputs

    /// Folders below a root by a pattern.
    ///
    /// - Throws: ``InputError`` for a pattern without `{subject}` or with an unknown placeholder.
    public init(_ root: String, pattern: String, shared: SharedInputs) throws(InputError) {
        self.root = absolutePath(root)
        self.pattern = pattern
        self.shared = shared
        let used = Self.pieces(pattern).compactMap(\.placeholder)
        if let unknown = used.first(where: { !Self.placeholders.contains($0) }) {
            throw InputError(
                "--layout", found: "{\(unknown)}",
                expected: Self.placeholders.map { "{\($0)}" }.joined(separator: ", "))
        }
        guard used.contains("subject") else {
            throw InputError("--layout", found: "'\(pattern)'", expected: "{subject} in it")
        }
        guard used.contains("kind") || shared.forward != nil else {
            throw InputError(
                "--layout", found: "'\(pattern)' without {kind}",
                expected: "{kind} in it, or --forward FILE for all subjects")
        }
    }

    private static let placeholders = ["subject", "session", "task", "condition", "kind"]
    private static let kinds: [String: FileContent] = [
        "fwd": .forward, "forward": .forward, "ave": .recording, "evoked": .recording, "epo": .recording,
        "raw": .recording, "recording": .recording, "cov": .covariance, "covariance": .covariance,
    ]

    /// A piece of a pattern: text, `*` or a placeholder.
    private struct Piece {
        let text: String
        let placeholder: String?
    }

    private static func pieces(_ pattern: String) -> [Piece] {
        var pieces: [Piece] = []
        var rest = Substring(pattern)
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            if open > rest.startIndex { pieces.append(Piece(text: String(rest[..<open]), placeholder: nil)) }
            pieces.append(Piece(text: "", placeholder: String(rest[rest.index(after: open)..<close])))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { pieces.append(Piece(text: String(rest), placeholder: nil)) }
        return pieces
    }

    /// The pattern as a regular expression, a group a placeholder, and which placeholder each group is.
    private func expression() throws(InputError) -> (NSRegularExpression, [String]) {
        var text = "^"
        var groups: [String] = []
        for piece in Self.pieces(pattern) {
            if let placeholder = piece.placeholder {
                let choices =
                    placeholder == "kind"
                    ? Self.kinds.keys.sorted { $0.count > $1.count }.joined(separator: "|") : "[^/]+?"
                text += "(\(choices))"
                groups.append(placeholder)
            } else {
                text += piece.text.split(separator: "*", omittingEmptySubsequences: false)
                    .map { NSRegularExpression.escapedPattern(for: String($0)) }.joined(separator: "[^/]*")
            }
        }
        guard let expression = try? NSRegularExpression(pattern: text + "$") else {
            throw InputError(
                "--layout", found: "'\(pattern)'", expected: "a pattern such as {subject}/{subject}-{kind}.fif")
        }
        return (expression, groups)
    }

    /// What a path says of itself; nil where it does not follow the pattern, or says two things of one placeholder.
    private static func values(_ path: String, _ expression: NSRegularExpression, _ groups: [String]) -> [String:
        String]?
    {
        let whole = NSRange(path.startIndex..., in: path)
        guard let match = expression.firstMatch(in: path, range: whole) else { return nil }
        var values: [String: String] = [:]
        for (k, placeholder) in groups.enumerated() {
            guard let range = Range(match.range(at: k + 1), in: path) else { return nil }
            let value = String(path[range])
            guard values[placeholder] == nil || values[placeholder] == value else { return nil }
            values[placeholder] = value
        }
        return values
    }

    /// Finds what can be localized; see ``DatasetLayout/find()``.
    public func find() throws(InputError) -> DatasetFindings {
        let (expression, groups) = try expression()
        guard let walker = FileManager.default.enumerator(atPath: root) else {
            throw InputError(root, found: "no folder of this name", expected: "a data set")
        }
        let depth = pattern.split(separator: "/").count
        var rows: [TableLayout.Row] = []
        var others: [String: [FileContent: [String]]] = [:]
        while let path = walker.nextObject() as? String {
            // Deeper folders cannot follow the pattern.
            if walker.level >= depth { walker.skipDescendants() }
            guard walker.level == depth, let values = Self.values(path, expression, groups),
                let subject = values["subject"],
                shared.wants(subject)
            else { continue }
            let kind = values["kind"].flatMap { Self.kinds[$0] } ?? .recording
            let place = "\(root)/\(path)"
            if kind == .recording {
                rows.append(
                    TableLayout.Row(
                        subject: subject, session: values["session"], task: values["task"], recording: place,
                        condition: values["condition"], isConditionOfFile: true))
            } else {
                others[Self.key(subject, values["session"]), default: [:]][kind, default: []].append(place)
            }
        }
        return try findings(rows, others)
    }

    private static func key(_ subject: String, _ session: String?) -> String { "\(subject)\t\(session ?? "")" }

    private func findings(
        _ rows: [TableLayout.Row], _ others: [String: [FileContent: [String]]]
    ) throws(InputError) -> DatasetFindings {
        guard !rows.isEmpty || !shared.subjects.isEmpty else {
            throw InputError(
                root, found: "no recording that follows '\(pattern)'",
                expected: "files such as "
                    + Self.pieces(pattern).map {
                        $0.placeholder == "kind" ? "ave" : $0.placeholder.map { _ in "01" } ?? $0.text
                    }
                    .joined())
        }
        var problems: [DatasetFindings.Problem] = []
        var complete: [TableLayout.Row] = []
        for var row in rows {
            let beside = others[Self.key(row.subject, row.session)] ?? others[Self.key(row.subject, nil)] ?? [:]
            let (forwards, covariances) = (beside[.forward] ?? [], beside[.covariance] ?? [])
            row.forward = shared.forward ?? forwards.first
            row.covariance = covariances.first
            if shared.forward == nil, forwards.count != 1 {
                problems.append(
                    .init(
                        name: row.subject,
                        reason: forwards.isEmpty
                            ? "no forward model beside \(row.recording)"
                            : "\(forwards.count) forward models: "
                                + forwards.sorted().joined(separator: ", ")))
            } else if case .found = shared.covariance, covariances.count > 1 {
                problems.append(
                    .init(
                        name: row.subject,
                        reason: "\(covariances.count) covariances: " + covariances.sorted().joined(separator: ", ")))
            } else {
                complete.append(row)
            }
        }
        return try TableLayout.findings(complete, problems, shared)
    }
}
