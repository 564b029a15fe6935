import Foci
import Foundation

/// Derivatives as MNE-BIDS-Pipeline lays them: `sub-X[/ses-Y]/{meg,eeg}/` with `_ave.fif`, `_fwd.fif` and `_cov.fif`.
///
/// A forward is of a session, whatever the task; a covariance of a session, of all tasks or of one kind; both must agree
/// with the average in `acq`, `rec` and `space`. A `_rank.json` of the session is the rank of its data.
public struct BIDSDerivatives: DatasetLayout {
    let root: String
    let shared: SharedInputs

    /// The derivatives of a folder: its own, or those of MNE-BIDS-Pipeline below a raw data set.
    public init(_ root: String, shared: SharedInputs) {
        self.root = absolutePath(root)
        self.shared = shared
    }

    /// One file of a session.
    private struct File {
        let path: String
        let name: BIDSName
        let suffix: String
    }

    /// Finds what can be localized; see ``DatasetLayout/find()``.
    public func find() throws(InputError) -> DatasetFindings {
        let folder = try derivatives()
        var findings = DatasetFindings()
        for subject in Self.folders(of: folder, prefix: "sub-") where shared.wants(String(subject.dropFirst(4))) {
            let place = "\(folder)/\(subject)"
            let sessions = Self.folders(of: place, prefix: "ses-").map { "\(place)/\($0)" }
            var isEmpty = true
            for session in sessions.isEmpty ? [place] : sessions {
                for datatype in ["meg", "eeg"] {
                    let files = Self.files(of: "\(session)/\(datatype)")
                    guard files.contains(where: { $0.suffix == "ave" }) else { continue }
                    isEmpty = false
                    pair(files, datatype, &findings)
                }
            }
            if isEmpty { findings.problems.append(.init(name: subject, reason: "no averages (_ave.fif) in \(place)")) }
        }
        if findings.units.isEmpty, findings.problems.isEmpty {
            throw InputError(
                root, found: "no subject with averages", expected: "sub-*/meg or sub-*/eeg with _ave.fif files",
                advice: "for other folders describe the names with --layout or list the files with --table")
        }
        findings.sort()
        return findings
    }

    /// The folder that holds subjects with averages: the root, or derivatives below it.
    private func derivatives() throws(InputError) -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: root, isDirectory: &isFolder), isFolder.boolValue else {
            throw InputError(root, found: "no folder of this name", expected: "a data set")
        }
        let candidates =
            [root] + Self.folders(of: "\(root)/derivatives", prefix: "").map { "\(root)/derivatives/\($0)" }
        let holding = candidates.filter { Self.holdsAverages($0) }
        guard holding.count < 2 || holding[0] == root else {
            throw InputError(
                root, found: "averages in \(holding.joined(separator: " and "))",
                expected: "one of them as the data set")
        }
        return holding.first ?? root
    }

    private static func holdsAverages(_ folder: String) -> Bool {
        folders(of: folder, prefix: "sub-").contains { subject in
            let place = "\(folder)/\(subject)"
            return ([place] + folders(of: place, prefix: "ses-").map { "\(place)/\($0)" }).contains { session in
                ["meg", "eeg"].contains { files(of: "\(session)/\($0)").contains { $0.suffix == "ave" } }
            }
        }
    }

    /// Makes a unit of each average in a folder.
    private func pair(_ files: [File], _ datatype: String, _ findings: inout DatasetFindings) {
        for average in files where average.suffix == "ave" {
            do throws(InputError) {
                var unit = BatchUnit(
                    name: average.name, datatype: datatype, forward: try forward(for: average, files), covariance: nil,
                    entries: try ConditionList(shared: shared).entries(of: average.path))
                try addCovariance(to: &unit, average, files)
                try addRank(to: &unit, average, files)
                findings.units.append(unit)
            } catch {
                findings.problems.append(.init(name: average.name.text, reason: error.text(naming: Self.option)))
            }
        }
    }

    private static func option(_ setting: SettingName) -> String { "--\(setting.rawValue)" }

    /// Whether a file of the session belongs to an average: where both name an entity, they agree in it.
    private static func agrees(_ file: File, with average: File, in entities: [String]) -> Bool {
        entities.allSatisfy { file.name[$0] == average.name[$0] }
    }

    private func forward(for average: File, _ files: [File]) throws(InputError) -> String {
        if let forward = shared.forward { return forward }
        let all = files.filter { $0.suffix == "fwd" }
        let own = all.filter { Self.agrees($0, with: average, in: ["acq", "rec", "space"]) }
        // Of one session there is one forward without task; where there is one of this task, it is meant.
        let ofTask = own.filter { $0.name["task"] != nil && $0.name["task"] == average.name["task"] }
        let meant = ofTask.isEmpty ? own.filter { $0.name["task"] == nil } : ofTask
        guard meant.count == 1 else {
            throw InputError(
                average.path, found: meant.isEmpty ? Self.none("forward model", all, average) : Self.listed(meant),
                expected: "one forward model (_fwd.fif)",
                advice: meant.isEmpty ? "compute it, or give one for all subjects with --forward" : "remove the others")
        }
        return meant[0].path
    }

    private static func none(_ what: String, _ all: [File], _ average: File) -> String {
        all.isEmpty
            ? "no \(what) beside it"
            : "no \(what) that agrees with it in acq, rec and space: " + listed(all)
    }

    private static func listed(_ files: [File]) -> String {
        files.map { String($0.path.split(separator: "/").last ?? "") }.joined(separator: ", ")
    }

    /// The kind of a covariance: `noise` or `rest` by its task, `custom` by its processing, else `baseline`.
    private static func kind(of covariance: File) -> String {
        if let task = covariance.name["task"], ["noise", "rest"].contains(task) { return task }
        return covariance.name["proc"] == "custom" ? "custom" : "baseline"
    }

    private func addCovariance(to unit: inout BatchUnit, _ average: File, _ files: [File]) throws(InputError) {
        var wanted: String?
        switch shared.covariance {
        case .none: return
        case .file(let path):
            unit.covariance = path
            return
        case .kind(let kind): wanted = kind
        case .found: break
        }
        let all = files.filter { file in
            guard file.suffix == "cov", Self.agrees(file, with: average, in: ["acq", "rec", "space"]) else {
                return false
            }
            let task = file.name["task"]
            return task == nil || ["noise", "rest", average.name["task"]].contains(task)
        }
        let meant = all.filter { wanted == nil || Self.kind(of: $0) == wanted }
        guard meant.count < 2 else {
            throw InputError(
                average.path, found: "\(meant.count) covariances: \(Self.listed(meant))", expected: "one",
                advice: "choose its kind with --covariance baseline, noise, rest or custom")
        }
        guard let one = meant.first else {
            guard wanted == nil else {
                throw InputError(average.path, found: Self.none("covariance of kind '\(wanted ?? "")'", all, average))
            }
            unit.notes.append("no covariance beside it: the noise is estimated before time 0")
            return
        }
        unit.covariance = one.path
    }

    /// The rank that the pipeline found, where it wrote one: `{"meg": 64}`.
    private func addRank(to unit: inout BatchUnit, _ average: File, _ files: [File]) throws(InputError) {
        let ranks = files.filter {
            $0.suffix == "rank" && Self.agrees($0, with: average, in: ["acq", "rec", "space"])
                && ($0.name["task"] == nil || $0.name["task"] == average.name["task"])
        }
        guard let file = ranks.max(by: { ($0.name["task"] == nil ? 0 : 1) < ($1.name["task"] == nil ? 0 : 1) }) else {
            return
        }
        guard let data = FileManager.default.contents(atPath: file.path),
            let rank = try? JSONDecoder().decode([String: Int].self, from: data), !rank.isEmpty
        else {
            throw InputError(file.path, found: "no ranks in it", expected: "a JSON object such as {\"meg\": 64}")
        }
        let text = rank.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: ",")
        unit.implied.append("--rank=\(text)")
        unit.implying.append(file.path)
        unit.notes.append("rank \(text) by \(Self.listed([file]))")
    }

    private static func folders(of place: String, prefix: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
        return names.filter { name in
            var isFolder: ObjCBool = false
            return name.hasPrefix(prefix) && !name.hasPrefix(".")
                && FileManager.default.fileExists(atPath: "\(place)/\(name)", isDirectory: &isFolder)
                && isFolder.boolValue
        }.sorted()
    }

    private static func files(of place: String) -> [File] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
        return names.sorted().compactMap { name in
            guard let parsed = BIDSName.parse(name),
                [".fif", ".fif.gz", ".json", ".h5"].contains(parsed.ending),
                (parsed.ending == ".json") == (parsed.suffix == "rank")
            else { return nil }
            return File(path: "\(place)/\(name)", name: parsed.name, suffix: parsed.suffix)
        }
    }
}
