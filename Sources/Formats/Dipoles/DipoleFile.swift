import Foundation
import SourceImaging

/// Dipoles as text, `.dip`, for `mne.read_dipole` and MEGIN's programs: a row a source and sample.
///
/// Head coordinates, mm; moments in nAm; the last column is the share of the whitened data that the source alone
/// explains, %.
enum DipoleFile: FormatWriter {
    static let formatName = "dipoles (.dip)"
    static let endings = [".dip"]

    static func encode(_ value: FileValue, to path: String) throws(InputError) -> [(path: String, bytes: [UInt8])] {
        guard case .estimate(let estimate) = value else { throw cannotHold(value.content, path) }
        guard estimate.frame == .head else {
            throw InputError(
                path, found: "positions in the \(estimate.frame.rawValue) frame", expected: "head coordinates in .dip",
                advice: "write .mat, or -stc.h5 where sources have vertices")
        }
        guard !estimate.sources.isEmpty, !estimate.times.isEmpty else {
            throw InputError(
                path, found: "no active source", expected: "at least one in a .dip file",
                advice: "write .mat, or -stc.h5 where sources have vertices")
        }
        var text = "# CoordinateSystem \"Head\"\n"
        text += "#   begin     end   X (mm)   Y (mm)   Z (mm)   Q(nAm)  Qx(nAm)  Qy(nAm)  Qz(nAm)    g/%\n"
        for source in estimate.sources {
            let moments = try source.moments()
            let place = [source.position.x, source.position.y, source.position.z].map { number($0 * 1000) }
            let share = number(source.share * 100)
            for (t, time) in estimate.times.enumerated() {
                let moment = (0..<3).map { moments[$0, t] * 1e9 }
                let length = moment.reduce(0) { $0 + $1 * $1 }.squareRoot()
                let instant = number(time * 1000)
                let columns = [instant, instant] + place + [number(length)] + moment.map(number) + [share]
                text += columns.map { " \($0)" }.joined() + "\n"
            }
        }
        text += "## Name \"\(name(estimate)) dipoles\" Style \"Dipoles\"\n"
        return [(path, Array(text.utf8))]
    }

    /// Nine digits: positions to a nanometre.
    private static func number(_ value: Double) -> String { String(format: "%10.9g", value) }

    /// The condition, without what would end the quotes or the line.
    private static func name(_ estimate: Estimate) -> String {
        let letters = estimate.condition.map { $0 == "\"" || $0.isNewline ? " " : $0 }
        return letters.isEmpty ? "foci" : String(letters)
    }
}
