import Glibc
import HDF5
import LinearAlgebra
import MixedEffects
import SourceImaging

/// Fits again the places of simulated groups and models their amplitudes, for studies of how often effects are found that are
/// there, and that are not.
///
/// Usage: group-studies FILE [none|hierarchy]
///
/// FILE (HDF5) holds `fields` (anatomies × sensors × places, of 1 A·m, white noise), `anatomy` (a number a subject), `data` (groups ×
/// subjects × conditions × sensors), `deviations` of the noise (groups × subjects × conditions) and `covariates` (groups ×
/// subjects × covariates; may have none). Rows on standard output: group, place, effect (from 1; conditions against the first, then
/// covariates, then their products), estimate, standard error, p, corrected p, inclusion, deviation between subjects and
/// its inclusion; then the plain mean over subjects and its paired t test, of effects of conditions alone.
///
/// Usage: group-studies scale SUBJECTS TERMS RESPONSES
///
/// Models as many responses of subjects in four conditions, and prints seconds and memory.
@main
struct GroupStudies {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 2 else {
            return print("usage: FILE [none|hierarchy], or scale SUBJECTS TERMS RESPONSES")
        }
        if arguments[1] == "scale" {
            let sizes = arguments.dropFirst(2).compactMap { Int($0) }
            guard sizes.count == 3 else { return print("usage: scale SUBJECTS TERMS RESPONSES") }
            return try scale(subjects: sizes[0], terms: sizes[1], responses: sizes[2])
        }
        let file = try HDF5File(arguments[1])
        let mode = arguments.count > 2 ? arguments[2] : ""
        let fields = try file.doubles("fields")
        let anatomy = try file.integers("anatomy").elements
        let (data, deviations) = (try file.doubles("data"), try file.doubles("deviations"))
        let covariates = try file.doubles("covariates")
        let (sensors, places) = (fields.shape[1], fields.shape[2])
        let (groups, subjects, conditions) = (data.shape[0], data.shape[1], data.shape[2])
        let extra = covariates.shape[2]
        let gains = (0..<fields.shape[0]).map { a in
            Matrix(rows: sensors, columns: places) { fields.elements[(a * sensors + $0) * places + $1] }
        }
        let model = ResponseModel(
            keptFixed: [0], keptRandom: [0], parents: mode == "hierarchy" ? Array(0..<conditions) : [],
            selects: mode != "none")
        var lines = [String](repeating: "", count: groups)
        try lines.withUnsafeMutableBufferPointer { lines in
            nonisolated(unsafe) let lines = lines
            nonisolated(unsafe) var failure: (any Error)?
            Parallelism.allCores.forEachPiece(of: groups, piece: 1) { g, _ in
                do {
                    let study = Study(
                        gains: gains, anatomy: anatomy, places: places, conditions: conditions,
                        covariates: (0..<subjects).map { s in
                            (0..<extra).map { covariates.elements[(g * subjects + s) * extra + $0] }
                        })
                    lines[g] = try study.run(model, number: g) { s, c in
                        let first = (g * subjects + s) * conditions + c
                        return (
                            Array(data.elements[(first * sensors)..<((first + 1) * sensors)]),
                            deviations.elements[first]
                        )
                    }
                } catch { failure = error }
            }
            if let failure { throw failure }
        }
        print("group\tplace\teffect\testimate\terror\tp\tcorrected\tinclusion\tdeviation\tvaries\tmean\tpaired")
        print(lines.joined(), terminator: "")
    }
}

extension GroupStudies {
    /// Conditions by covariates, of which a tenth have effects of three standard errors or so.
    static func scale(subjects: Int, terms: Int, responses: Int) throws {
        var random = SeededGenerator(seed: 1)
        let conditions = 4
        let covariates = random.normal(rows: subjects, columns: terms / conditions + 1)
        let design = Matrix(rows: subjects * conditions, columns: terms) { row, column in
            let (code, covariate) = (column % conditions, column / conditions)
            let value = code == 0 ? 1 : (row % conditions == code ? 1 : 0) - 0.25
            return value * (covariate == 0 ? 1 : covariates[row / conditions, covariate])
        }
        let effects = Matrix(rows: terms, columns: responses) { column, response in
            (column * 7 + response) % 10 == 0 ? 0.15 : 0
        }
        var values = design * effects
        var variances = values
        for response in 0..<responses {
            for subject in 0..<subjects {
                let own = (0..<conditions).map { ($0 == 0 ? 1 : 0.5) * random.normal() }
                for condition in 0..<conditions {
                    let row = subject * conditions + condition
                    let deviation = 0.5 + random.uniform()
                    variances[row, response] = deviation * deviation
                    values[row, response] +=
                        deviation * random.normal() + (0..<conditions).reduce(0) { $0 + own[$1] * design[row, $1] }
                }
            }
        }
        let table = try ResponseTable(
            fixed: design, random: design.columns(0..<conditions), offsets: (0...subjects).map { $0 * conditions },
            responses: values, errors: .independent(variances))
        let before = peakMemory
        let clock = ContinuousClock()
        let start = clock.now
        let result = try ResponseModel(keptFixed: [0], keptRandom: [0]).fit(table, parallelism: .allCores)
        let elapsed = start.duration(to: clock.now).components
        var counts = [0, 0, 0, 0]
        for effect in result.effects where effect.column > 0 {
            let isTrue = effects[effect.column, effect.response] != 0
            if effect.inclusion ?? 0 > 0.5 { counts[isTrue ? 0 : 1] += 1 }
            if effect.correctedP < 0.05 { counts[isTrue ? 2 : 3] += 1 }
        }
        print(
            String(
                printf:
                    "%.1f s, %.0f MB before, %.0f MB at most; selected %ld true, %ld false; Holm %ld true, %ld false; of %ld",
                Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18, before, peakMemory, counts[0], counts[1],
                counts[2], counts[3], effects.elements.count { $0 != 0 }))
    }

    private static var peakMemory: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_maxrss) / 1024
    }
}

/// One group.
struct Study {
    let gains: [Matrix]
    let anatomy: [Int]
    let places: Int
    let conditions: Int
    let covariates: [[Double]]

    func run(
        _ model: ResponseModel, number: Int, _ recording: (_ subject: Int, _ condition: Int) -> ([Double], Double)
    ) throws -> String {
        var recordings: [PlaceAmplitudes.Recording] = []
        for subject in anatomy.indices {
            let own = (0..<conditions).map { condition in
                let (values, deviation) = recording(subject, condition)
                return PlaceRecording(
                    times: [0], fields: gains[anatomy[subject]],
                    response: Matrix(rows: values.count, columns: 1, elements: values),
                    noiseVariance: deviation * deviation)
            }
            for (condition, fit) in try PlaceFit.fit(own).fits.enumerated() {
                recordings.append(
                    .init(subject: text(subject), condition: text(condition), fit: fit))
            }
        }
        let amplitudes = try PlaceAmplitudes(recordings, averaging: .window(nil))
        // Effects of conditions are differences from the first; the mean of a subject is that over its conditions.
        let design = Matrix(rows: amplitudes.rows.count, columns: columns) { row, column in
            let (condition, own) = (row % conditions, covariates[row / conditions])
            func code(_ c: Int) -> Double { c == 0 ? 1 : (condition == c ? 1 : 0) - 1 / Double(conditions) }
            return column < conditions
                ? code(column) : own[(column - conditions) / conditions] * code((column - conditions) % conditions)
        }
        let table = try ResponseTable(
            fixed: design, random: design.columns(0..<conditions), offsets: (0...anatomy.count).map { $0 * conditions },
            responses: Matrix(rows: amplitudes.rows.count, columns: places) { amplitudes.rows[$0].amplitudes[$1] },
            errors: .correlated(amplitudes.rows.map(\.covariance)))
        let result = try model.fit(table)
        var text = ""
        for effect in result.effects where effect.column > 0 {
            let spread = result.spreads.first { ($0.response, $0.column) == (effect.response, effect.column) }
            let (mean, paired) =
                effect.column < conditions ? self.paired(amplitudes, effect.response, effect.column) : (.nan, .nan)
            text += String(
                printf: "%ld\t%ld\t%ld\t%.6g\t%.6g\t%.6g\t%.6g\t%.4f\t%.6g\t%.4f\t%.6g\t%.6g\n", number,
                effect.response,
                effect.column, effect.estimate, effect.standardError, effect.p, effect.correctedP,
                effect.inclusion ?? .nan, spread?.deviation ?? .nan, spread?.inclusion ?? .nan, mean, paired)
        }
        return text
    }

    private var columns: Int { conditions * (1 + (covariates.first?.count ?? 0)) }

    private func text(_ number: Int) -> String { String(printf: "%04ld", number) }

    /// The mean difference of a condition from the first over subjects, and its t test.
    private func paired(_ amplitudes: PlaceAmplitudes, _ place: Int, _ condition: Int) -> (Double, Double) {
        let differences = anatomy.indices.map { s in
            amplitudes.rows[s * conditions + condition].amplitudes[place]
                - amplitudes.rows[s * conditions].amplitudes[place]
        }
        let count = Double(differences.count)
        let mean = differences.reduce(0, +) / count
        let variance = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        return (mean, StudentDistribution.twoSided(mean / (variance / count).squareRoot(), freedom: count - 1))
    }
}
