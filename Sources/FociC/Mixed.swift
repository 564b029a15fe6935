import CFoci
import Reporting
import Requests

/// What `foci_mixed` takes beside options.
private let mixedFields = [
    (name: "response", help: ""), (name: "groups", help: ""), (name: "fixed", help: ""), (name: "random", help: ""),
    (name: "fixed-names", help: ""), (name: "random-names", help: ""), (name: "noise-variance", help: ""),
]

/// `foci_mixed` as `foci.h` documents it.
@c @implementation
public func foci_mixed(
    _ data: OpaquePointer?, _ options: OpaquePointer?, _ monitor: UnsafePointer<foci_monitor>?,
    _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(result)
        let request: MixedRequest = try request(options)
        let given = try object(Values.self, data, "data")
        try given.check("mixed model", mixedFields)
        for (setting, isGiven) in [
            (.response, request.response != nil), (.group, request.group != nil), (.formula, request.formula != nil),
            (.fixed, !request.fixed.isEmpty), (.random, !request.random.isEmpty),
        ] as [(SettingName, Bool)] where isGiven {
            throw InputError(setting, found: "an option of tables", expected: "none beside arrays")
        }
        let response = try given.needed("response", given.array("response")).numbers()
        let empty = Matrix(rows: response.count, columns: 0)
        var noise = try given.array("noise-variance")?.numbers()
        switch request.noise {
        case .variance(let variance)? where noise == nil: noise = response.map { _ in variance }
        case nil: break
        default:
            throw InputError(
                .noiseVariance, found: "a column, or two of them", expected: "a number, or an array of the data")
        }
        let design = try MixedDesign(
            fixed: given.matrix("fixed") ?? empty, random: given.matrix("random") ?? empty, response: response,
            groups: labels(given, count: response.count), noiseVariance: noise, fixedNames: given.texts("fixed-names"),
            randomNames: given.texts("random-names"), isCorrelated: request.isCorrelated)
        target.pointee = handle(Answer(parts(try request.run(design, monitor: FociC.monitor(monitor)))))
    }
}

/// `foci_mixed_table` as `foci.h` documents it.
@c @implementation
public func foci_mixed_table(
    _ columns: OpaquePointer?, _ options: OpaquePointer?, _ monitor: UnsafePointer<foci_monitor>?,
    _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(result)
        let request: MixedRequest = try request(options)
        let table = try object(Values.self, columns, "columns").table()
        let answer = try request.run(try request.design(of: table), monitor: FociC.monitor(monitor))
        target.pointee = handle(Answer(parts(answer)))
    }
}

/// The group of each row as text.
private func labels(_ given: Values, count: Int) throws(InputError) -> [String] {
    guard case .array(let array)? = given.all["groups"] else {
        return try given.needed("groups", given.texts("groups"))
    }
    return try array.given("groups").numbers().map { (number) throws(InputError) in
        guard number.isFinite else {
            throw InputError("groups", found: "\(number)", expected: "finite numbers, or texts")
        }
        return Int(exactly: number).map { "\($0)" } ?? "\(number)"
    }
}

/// All that a result tells of a model.
private func parts(_ answer: MixedAnswer) -> Answer.Parts {
    let (summary, design) = (answer.summary, answer.design)
    var parts = Answer.Parts()
    parts.numbers = [
        "objective": summary.objective, "bic": summary.bic, "noise_variance": summary.noiseVariance ?? .nan,
        "lambda": summary.lambda ?? .nan, "eta": summary.eta ?? .nan,
        "minus_twice_log_likelihood": summary.minusTwiceLogLikelihood,
        "minus_twice_restricted_log_likelihood": summary.minusTwiceRestrictedLogLikelihood ?? .nan,
    ]
    parts.texts = [
        "json": { try summary.json(isIndented: false) }, "text": { MixedReading.text(summary) },
        "names": {
            try JSON.text(
                ["fixed": design.fixedNames, "random": design.randomNames, "groups": design.groups], isIndented: false)
        },
        "fixed.tsv": { MixedTables.fixed(summary) }, "random.tsv": { MixedTables.random(summary) },
        "groups.tsv": { MixedTables.groups(answer) }, "selection.tsv": { MixedTables.selection(summary) },
        "effects.svg": { MixedFigures.effects(answer) }, "inclusion.svg": { MixedFigures.inclusion(answer) },
        "paths.svg": { MixedFigures.paths(answer) },
    ]
    func add(_ name: String, _ numbers: [Double?]) {
        parts.add(name, numbers.map { $0 ?? .nan }, shape: [numbers.count])
    }
    add("fixed", summary.fixed.map(\.estimate))
    add("standard-errors", summary.fixed.map(\.standardError))
    add("p", summary.fixed.map(\.p))
    add("fixed-inclusion", summary.fixed.map(\.inclusion))
    add("random", summary.random.map(\.estimate))
    add("random-p", summary.random.map(\.p))
    add("random-lower", summary.random.map(\.lower))
    add("random-upper", summary.random.map(\.upper))
    add("random-inclusion", summary.random.map(\.inclusion))
    add("fixed-penalized", summary.fixed.map(\.penalized))
    add("random-penalized", summary.random.map(\.penalized))
    parts.add("fixed-selected", summary.fixed.map { $0.selected ? 1 : 0 })
    parts.add("random-selected", summary.random.map { $0.selected ? 1 : 0 })
    parts.add("covariance", answer.covariance)
    parts.add("deviations", answer.deviations)
    parts.add("fixed-columns", design.fixedColumns)
    parts.add("random-columns", design.randomColumns)
    parts.add("rows", design.rows)
    add("fitted", answer.fitted)
    guard let path = answer.path else { return parts }
    add("path-lambdas", path.lambdas)
    parts.add("path-fixed", path.fixed)
    parts.add("path-random", path.random)
    return parts
}
