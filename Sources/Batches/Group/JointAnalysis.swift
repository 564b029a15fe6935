import Foci
import Foundation

/// Joint localization: every condition of all subjects that have it, read again and localized together.
struct JointAnalysis: GroupAnalysis {
    let name = "joint"
    let help = "localize all subjects together, coupled over where sources lie"

    /// What programs are told.
    private struct Answer: Encodable {
        struct Subject: Encodable {
            let subject, estimate: String
            let sources, sources_alone: Int
            let goodness_of_fit, goodness_of_fit_alone: Double
            let agreement: Double?
        }

        struct Condition: Encodable {
            let condition, space: String
            let kernel_mm: Double?
            let coupling: Double
            let subjects: [Subject]
            let warnings: [String]
        }

        let conditions: [Condition]
    }

    func reasonAgainst(_ input: GroupInput) -> String? {
        conditions(input).isEmpty ? "no condition of two subjects or more is done" : nil
    }

    /// The recordings of each condition that several subjects have, by name.
    private func conditions(_ input: GroupInput) -> [(name: String, recordings: [GroupRecording])] {
        Dictionary(grouping: input.recordings, by: \.condition)
            .filter { Set($0.value.map(\.subject)).count > 1 }
            .map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
    }

    func run(_ input: GroupInput, into output: GroupOutput, monitor: Monitor) throws -> GroupFindings {
        let localization = try JointLocalization(input.settings.joint)
        var conditions: [(name: String, result: JointResult)] = []
        var answers: [Answer.Condition] = []
        var members: [GroupMember] = []
        var links: [String: String] = [:]
        for (name, recordings) in self.conditions(input) {
            let prefix = name.isEmpty ? "" : "\(name): "
            let own = Monitor(
                report: { monitor.report(.init(stage: prefix + $0.stage, detail: $0.detail)) },
                isCancelled: monitor.isCancelled, warn: { monitor.warn(prefix + $0) })
            let result = try localization.run(
                try read(recordings, input, own), transforms: input.transforms, monitor: own)
            for warning in result.warnings { own.warn(warning) }
            var subjects: [Answer.Subject] = []
            let bySubject = Dictionary(recordings.map { ($0.subject, $0) }, uniquingKeysWith: { $1 })
            for subject in result.subjects {
                guard let recording = bySubject[subject.name] else { continue }
                var estimate = subject.joint
                if estimate.condition.isEmpty { estimate.condition = recording.entry.condition }
                try write(estimate, recording, output)
                members.append(GroupMember(estimate, subject: subject.name, condition: name))
                let path = "\(output.relative)/\(recording.resultName)"
                links[GroupMember.key(subject: subject.name, condition: name)] = "\(path)/sources.svg"
                subjects.append(
                    Answer.Subject(
                        subject: subject.name, estimate: "\(path)/estimate.h5", sources: estimate.sources.count,
                        sources_alone: subject.separate.sources.count, goodness_of_fit: estimate.goodnessOfFit,
                        goodness_of_fit_alone: subject.separate.goodnessOfFit, agreement: subject.agreement))
            }
            conditions.append((name, result))
            answers.append(
                Answer.Condition(
                    condition: name, space: result.space, kernel_mm: result.kernelWidth.map { $0 * 1000 },
                    coupling: input.settings.joint.coupling, subjects: subjects, warnings: result.warnings))
        }
        let group = try GroupResult(members, transforms: input.transforms, settings: input.group.settings)
        let report = JointReport(conditions: conditions, group: group)
        try output.add("subjects.tsv", text: report.subjects())
        try output.add("kernel.tsv", text: report.kernels())
        try output.add("clusters.tsv", text: GroupTables.clusters(group))
        try output.add("amplitudes.tsv", text: GroupTables.amplitudes(group))
        try output.add("density.svg", text: DensityFigure.svg(group))
        return GroupFindings(
            summary: summary(answers),
            sections: [report.section { links[GroupMember.key(subject: $0, condition: $1)] }],
            answer: Answer(conditions: answers))
    }

    /// Reads the recordings of a condition again, as they were localized.
    private func read(
        _ recordings: [GroupRecording], _ input: GroupInput, _ monitor: Monitor
    ) throws -> [JointSubject] {
        let reader = input.reader()
        return try recordings.map { recording in
            if monitor.isCancelled() { throw CancellationError() }
            monitor.report(.init(stage: "reading", detail: recording.name))
            let contents = try input.read(recording, by: reader)
            var settings = contents.recipe.settings
            // Of how stable each is alone its own results tell.
            settings.stability = StabilitySettings()
            return JointSubject(
                name: recording.subject, settings: settings, recording: contents.files.recording,
                forward: contents.files.forward, covariance: contents.files.covariance)
        }
    }

    private func write(_ estimate: Estimate, _ recording: GroupRecording, _ output: GroupOutput) throws {
        guard let state = recording.state, let candidates = estimate.candidates else { return }
        let place = ResultFolder(batch: BatchFolder(""), unit: recording.unit, entry: recording.entry)
        var folder = try OutputFolder(try output.place(recording.resultName))
        try folder.addResult(
            estimate, candidates: candidates, stem: place.stem, inputs: state.inputs,
            arguments: state.arguments)
        try folder.commit()
    }

    private func summary(_ conditions: [Answer.Condition]) -> String {
        conditions.map { condition in
            let (alone, together) = condition.subjects.reduce((0, 0)) {
                ($0.0 + $1.sources_alone, $0.1 + $1.sources)
            }
            let kernel = condition.kernel_mm.map { String(format: "kernel %g mm", $0) } ?? "no places in common"
            return (condition.condition.isEmpty ? "" : "\(condition.condition): ")
                + "\(condition.subjects.count) subjects, \(kernel), \(alone) sources alone, \(together) together"
        }.joined(separator: "; ")
    }
}
