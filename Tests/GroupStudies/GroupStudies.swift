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
@main
struct GroupStudies {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 2 else { return print("usage: FILE [none|hierarchy]") }
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
                            Array(data.elements[(first * sensors)..<((first + 1) * sensors)]), deviations.elements[first]
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
                printf: "%ld\t%ld\t%ld\t%.6g\t%.6g\t%.6g\t%.6g\t%.4f\t%.6g\t%.4f\t%.6g\t%.6g\n", number, effect.response,
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
