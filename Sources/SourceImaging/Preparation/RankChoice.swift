/// Where the rank of the data comes from: the number of independent directions that they have.
public enum RankChoice: Sendable, Equatable {
    /// The smallest that processing history, projectors, references, the data's own spectrum and that of the covariance say.
    case automatic
    /// Processing history, projectors and references alone, as MNE-Python's `rank="info"`.
    case info
    /// Projectors and the spectra of data and covariance alone.
    case data
    /// Projectors alone, and what the covariance cannot be inverted without.
    case full
    /// A number for magnetometers and gradiometers together, for electrodes, or for whichever of the two there is.
    case given(meg: Int?, eeg: Int?, only: Int?)

    /// A choice from its name: `info`, `data`, `full`, `auto`, a number, or numbers by kind: `meg:70,eeg:59`.
    ///
    /// - Throws: ``InputError`` for another name or a number below 1.
    public init(name: String) throws(InputError) {
        switch name {
        case "auto": self = .automatic
        case "info": self = .info
        case "data": self = .data
        case "full": self = .full
        default:
            let wrong = InputError(
                .rank, found: "'\(name)'",
                expected: "auto, info, data, full, a number, or numbers by kind such as meg:70,eeg:59")
            var numbers: [String: Int] = [:]
            for part in name.split(separator: ",", omittingEmptySubsequences: false) {
                let words = part.split(separator: ":", omittingEmptySubsequences: false)
                guard let number = words.last.flatMap({ Int($0) }), number >= 1, words.count <= 2 else { throw wrong }
                let kind = words.count == 2 ? String(words[0]) : ""
                // Magnetometers and gradiometers are whitened together; alone, each is what there is of MEG.
                guard ["", "meg", "mag", "grad", "eeg"].contains(kind) else { throw wrong }
                let block = kind == "mag" || kind == "grad" ? "meg" : kind
                guard numbers.updateValue(number, forKey: block) == nil else { throw wrong }
            }
            guard numbers[""] == nil || numbers.count == 1 else { throw wrong }
            self = .given(meg: numbers["meg"], eeg: numbers["eeg"], only: numbers[""])
        }
    }

    /// The name that ``init(name:)`` reads.
    public var name: String {
        switch self {
        case .automatic: "auto"
        case .info: "info"
        case .data: "data"
        case .full: "full"
        case .given(let meg, let eeg, let only):
            [only.map { "\($0)" }, meg.map { "meg:\($0)" }, eeg.map { "eeg:\($0)" }].compactMap(\.self)
                .joined(separator: ",")
        }
    }
}
