import Foci
import Foundation
import TestSupport
import Testing

@testable import Batches

@Suite("Statistics of a group: the rows and what is known of subjects")
struct GroupStatisticsTests {
    /// Two subjects in two conditions at one place.
    static func amplitudes() throws -> PlaceAmplitudes {
        try PlaceAmplitudes(
            ["01", "02"].flatMap { subject in
                try ["a", "b"].map { condition in
                    let recording = PlaceRecording(
                        times: [0], fields: Matrix(rows: 1, columns: 1, elements: [1e9]),
                        response: Matrix(rows: 1, columns: 1, elements: [10]), noiseVariance: 1)
                    return PlaceAmplitudes.Recording(
                        subject: subject, condition: condition, session: "ses-x",
                        fit: try PlaceFit.fit([recording]).fits[0])
                }
            }, averaging: .window(nil))
    }

    static func table(
        _ participants: String, formula: String? = nil, response: String = "amplitude"
    ) throws -> StatisticsTable {
        let folder = try TemporaryFolder()
        try BatchSample.write(participants, to: "participants.tsv", in: folder)
        var settings = GroupRun.Settings(radius: nil, transform: nil, permutations: 0)
        settings.statistics.formula = formula
        let amplitudes = try amplitudes()
        return try StatisticsTable(
            amplitudes.rows.map {
                .init(subject: $0.subject, condition: $0.condition, session: $0.session, labels: BIDSName(["ses": "x"]))
            }, of: response, settings.statistics, BatchFolder(folder.path))
    }

    @Test("covariates come from the participants, whatever their order; by default the model has the conditions")
    func covariates() throws {
        let table = try Self.table("participant_id\tage\tsex\nsub-02\t40\tF\nsub-03\t1\tM\nsub-01\tn/a\tM\n")
        #expect(table.table.columns.map(\.name) == ["subject", "condition", "session", "age", "sex"])
        #expect(table.table.columns[3].numbers.map { $0.isNaN ? -1 : $0 } == [-1, -1, 40, 40])
        #expect(table.formulaText == "amplitude ~ condition + (condition | subject)")
        let design = try RepeatedDesign(
            Formula("amplitude ~ condition + sex + (1 | subject)"), of: table.table, group: StatisticsTable.subject)
        #expect(design.fixedNames == ["(Intercept)", "conditionb", "sexM"] && design.groups == ["01", "02"])
    }

    @Test(
        "conditions that are made of others are told by their names",
        arguments: [
            (["a", "b", "a minus b"], ["a minus b"]), (["A", "V", "AV", "AV - (A + V)"], ["AV - (A + V)"]),
            (["s/t", "s/non-t", "0.5 × s/t + 0.5 × s/non-t"], ["0.5 × s/t + 0.5 × s/non-t"]),
            (["left", "right", "left right", "left-right"], []), (["go", "no go", "go - stop"], []),
            (["", "a"], []), (["a minus b", "b"], []),
        ])
    func combined(_ names: [String], _ expected: [String]) {
        #expect(CombinedConditions.among(names) == expected)
    }

    @Test("tables and formulas that do not fit are told")
    func wrong() throws {
        #expect(line { _ = try Self.table("id\tage\n01\t40\n") }?.contains("no column 'participant_id'") ?? false)
        #expect(
            line { _ = try Self.table("participant_id\tage\nsub-01\t40\n01\t41\n") }?.contains(
                "line 3: '01' a second time")
                ?? false)
        let good = "participant_id\tage\n01\t40\n02\t41\n"
        #expect(
            line { _ = try Self.table(good, formula: "age ~ condition + (1 | subject)") }?.contains(
                "expected amplitude")
                ?? false)
        #expect(line { _ = try Self.table(good, formula: "amplitude ~ (") } != nil)
        for (response, others) in [("amplitude", 1), ("influence", 0)] {
            let refused = ["amplitude", "influence"].filter { name in
                line { _ = try Self.table(good, formula: "\(name) ~ age + (1 | subject)", response: response) } != nil
            }
            #expect(refused.count == others, "\(response)")
        }
        #expect(line { _ = try Self.table(good, formula: "~ condition*age + (1 | subject)") } == nil)
    }
}
