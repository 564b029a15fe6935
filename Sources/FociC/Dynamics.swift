import CFoci
import Reporting
import Requests

/// What `foci_dynamics` takes beside options.
private let dynamicsFields = [
    (name: "epochs", help: ""), (name: "lengths", help: ""), (name: "interval", help: ""), (name: "names", help: ""),
    (name: "positions", help: ""),
]

/// `foci_dynamics` as `foci.h` documents it.
@c @implementation
public func foci_dynamics(
    _ data: OpaquePointer?, _ options: OpaquePointer?, _ monitor: UnsafePointer<foci_monitor>?,
    _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(result)
        let request: DynamicsRequest = try request(options)
        let given = try object(Values.self, data, "data")
        try given.check("dynamical model", dynamicsFields)
        let epochs = try given.epochs()
        let variables = try NamedTrajectories(
            epochs: epochs, interval: given.needed("interval", given.number("interval")),
            names: given.texts("names") ?? (0..<(epochs.first?.rows ?? 0)).map { "variable \($0 + 1)" },
            positions: given.vectors("positions") ?? [])
        target.pointee = handle(Answer(parts(try request.run(variables, monitor: FociC.monitor(monitor)))))
    }
}

/// `foci_dynamics_table` as `foci.h` documents it.
@c @implementation
public func foci_dynamics_table(
    _ columns: OpaquePointer?, _ options: OpaquePointer?, _ monitor: UnsafePointer<foci_monitor>?,
    _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(result)
        let request: DynamicsRequest = try request(options)
        let variables = try NamedTrajectories(try object(Values.self, columns, "columns").table())
        target.pointee = handle(Answer(parts(try request.run(variables, monitor: FociC.monitor(monitor)))))
    }
}

/// `foci_dynamics_sources` as `foci.h` documents it.
@c @implementation
public func foci_dynamics_sources(
    _ localized: OpaquePointer?, _ forward: OpaquePointer?, _ recording: OpaquePointer?,
    _ covariance: OpaquePointer?, _ options: OpaquePointer?, _ monitor: UnsafePointer<foci_monitor>?,
    _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(result)
        guard let estimate = try object(Answer.self, localized, "localized").estimate else {
            throw InputError("localized", found: "no localization", expected: "a result of foci_localize")
        }
        let request: SourceDynamicsRequest = try request(options)
        let monitor = FociC.monitor(monitor)
        let variables = try request.trajectories(
            of: estimate, recording: object(HeldRecording.self, recording, "recording").recording,
            forward: object(HeldForward.self, forward, "forward").forward,
            covariance: covariance == nil
                ? nil : object(HeldCovariance.self, covariance, "covariance").covariance,
            monitor: monitor)
        target.pointee = handle(
            Answer(parts(try request.dynamics.run(variables, monitor: monitor), of: estimate)))
    }
}

extension Values {
    /// Epochs of one length, or the samples of all with their lengths.
    fileprivate func epochs() throws(InputError) -> [Matrix] {
        let given = try needed("epochs", array("epochs"))
        guard let lengths = try array("lengths")?.integers() else { return try given.matrices(of: "variables") }
        let all = try given.matrix()
        guard lengths.allSatisfy({ $0 > 0 && $0 <= all.columns }), lengths.reduce(0, +) == all.columns else {
            throw InputError(
                "lengths", found: "\(lengths.prefix(8).map { "\($0)" }.joined(separator: ", "))",
                expected: "samples of each epoch, \(all.columns) in all")
        }
        var end = 0
        return lengths.map { length in
            end += length
            return all.columns((end - length)..<end)
        }
    }
}

/// All that a result tells of a model.
private func parts(_ answer: DynamicsAnswer, of estimate: Estimate? = nil) -> Answer.Parts {
    let summary = answer.summary
    let (frame, candidates) = (estimate?.frame ?? .head, estimate?.candidates?.positions ?? [])
    let title = [estimate?.subject, estimate?.condition].compactMap(\.self).filter { !$0.isEmpty }
    var parts = Answer.Parts()
    parts.numbers = ["order": Double(summary.order), "lambda": summary.lambda ?? .nan]
    parts.texts = [
        "json": { try summary.json(isIndented: false) }, "text": { DynamicsReading.text(summary) },
        "dynamics.json": { try summary.json(isIndented: true) + "\n" },
        "connections.tsv": { DynamicsReading.table(summary) },
        "connections.svg": { ConnectionsFigure.svg(answer.graph, frame: frame, candidates: candidates) },
        "influence.svg": { InfluenceFigure.svg(answer.graph) }, "spectrum.svg": { DynamicsCurves.spectrum(answer) },
        "forecast.svg": { DynamicsCurves.forecast(summary) },
        "page.template": { DynamicsSection.page(summary, figures: [], heading: "").template },
        "page.json": {
            let figures = DynamicsSection.figures(answer, frame: frame, candidates: candidates)
            return try DynamicsSection.page(
                summary, figures: figures.map(\.svg),
                heading: title.isEmpty ? "Dynamics" : title.joined(separator: ", ")
            ).json()
        },
    ]
    parts.add("influence", answer.matrix { $0.influence })
    parts.add("p", answer.matrix { $0.p })
    parts.add("fdr", answer.matrix { $0.fdr })
    parts.add("selected", answer.matrix { $0.selected ? 1 : 0 })
    parts.add("confirmed", answer.matrix { $0.confirmed.map { $0 ? 1 : 0 } })
    parts.add("frequency", answer.matrix { $0.frequency })
    guard let spectrum = answer.spectrum else { return parts }
    let count = summary.variables.count
    parts.add(
        "spectrum", spectrum.coherence.flatMap(\.elements), shape: [count, count, spectrum.frequencies.count])
    parts.add("frequencies", spectrum.frequencies, shape: [spectrum.frequencies.count])
    return parts
}
