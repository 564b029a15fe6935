import Foci
import Foundation

/// What an analysis over all subjects is given: everything that is done in the folder of a batch, and a way to read it again.
public struct GroupInput: Sendable {
    /// The folder of the batch.
    public let folder: BatchFolder
    /// What is done, by subject, then condition: one a member of ``group``, in the same order.
    public let recordings: [GroupRecording]
    /// Estimates, common space and clusters of all that is done.
    public let group: GroupResult
    /// How subjects are brought together, and what the analyses are told.
    public let settings: GroupRun.Settings
    /// Transforms of subjects to MNI space; none where none were given.
    public let transforms: [String: BrainTransform]
    let recipe: @Sendable ([String]) throws -> Recipe
    /// What all results of the batch are, for findings to tell whether they are still of these estimates.
    let fingerprint: [String]

    /// Labels of all subjects, in order.
    public var subjects: [String] { group.pooled.subjects }

    /// The estimate that the batch made of a recording.
    ///
    /// - Throws: ``InputError`` when it cannot be read.
    public func estimate(_ recording: GroupRecording) throws(InputError) -> Estimate {
        guard let result = recording.state?.result else {
            throw InputError(recording.name, found: "no result", expected: "one that is done")
        }
        return try EstimateFile.read(folder.place("\(result)/estimate.h5"))
    }

    /// What reads recordings again, one after another; one for each thread.
    public func reader() -> UnitReader { UnitReader(recipe: recipe) }

    /// Reads the files of a recording again, as they were when it was localized, with the settings of then.
    ///
    /// - Parameter reader: see ``reader()``.
    /// - Throws: ``InputError`` where a file cannot be read, and where one has changed since.
    public func read(_ recording: GroupRecording, by reader: UnitReader) throws -> UnitReader.Contents {
        guard let state = recording.state else {
            throw InputError(recording.name, found: "no result", expected: "one that is done")
        }
        for stamp in state.inputs where !stamp.isCurrent(at: stamp.path) {
            throw InputError(
                stamp.path, found: "it changed since it was localized", advice: "run 'foci batch' again")
        }
        return try reader.read(recording.entry, of: recording.unit, state.arguments)
    }

    /// The subjects with the estimates of ``JointAnalysis`` in the place of those of each alone, where it has them; nil where it
    /// has not run since.
    ///
    /// - Throws: ``InputError`` for an estimate that cannot be read.
    func together() throws(InputError) -> GroupResult? {
        let name = JointAnalysis().name
        guard let kept = KeptFindings.read(name, in: folder), kept.estimates == fingerprint else { return nil }
        var members: [GroupMember] = []
        for (recording, alone) in zip(recordings, group.members) {
            let path = folder.place("group/\(name)/\(recording.resultName)/estimate.h5")
            guard FileManager.default.fileExists(atPath: path) else {
                members.append(alone)
                continue
            }
            members.append(
                GroupMember(
                    try EstimateFile.read(path), subject: recording.subject, condition: recording.condition))
        }
        // How often chance makes as much of them is not asked.
        var own = group.settings
        own.permutations = 0
        return try GroupResult(members, transforms: transforms, settings: own)
    }
}
