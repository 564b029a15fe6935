import CFoci
import Requests

/// What the caller poses; a problem that keeps its samples is made of it when one asks.
final class Posed: Sendable {
    let problem: RegressionProblem
    private let response: Matrix

    init(_ design: Design, _ response: Matrix, _ blocks: BlockStructure) throws {
        problem = try RegressionProblem(design: design, response: response, blocks: blocks)
        self.response = response
    }

    /// The problem, its samples as they are or reduced to their rank.
    func problem(keepsSamples: Bool) throws -> RegressionProblem {
        keepsSamples ? try problem.with(response: response, keepsSamples: true) : problem
    }
}

/// `foci_problem_create` as `foci.h` documents it.
@c @implementation
public func foci_problem_create(
    _ design: UnsafePointer<foci_array>?, _ response: UnsafePointer<foci_array>?,
    _ block_sizes: UnsafePointer<foci_array>?, _ problem: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(problem)
        let (given, measured) = (try GivenArray(design, "design"), try GivenArray(response, "response"))
        // Before anything is copied.
        guard given.shape[0] == measured.shape[0] else {
            throw InputError(
                "response", found: "\(measured.shape[0]) rows", expected: "\(given.shape[0]), as the design")
        }
        let (x, y) = (try given.design(), try measured.matrix())
        var blocks = BlockStructure(count: x.columns, size: 1)
        if block_sizes != nil {
            let sizes = try GivenArray(block_sizes, "block_sizes").integers()
            if let wrong = sizes.first(where: { $0 <= 0 || $0 > x.columns }) {
                throw InputError("block_sizes", found: "\(wrong)", expected: "1 to \(x.columns)")
            }
            // More blocks than columns cannot fit, and are not added up.
            guard sizes.count <= x.columns else {
                throw InputError("block_sizes", found: "\(sizes.count) blocks", expected: "at most \(x.columns)")
            }
            blocks = BlockStructure(sizes: sizes)
        }
        do {
            target.pointee = handle(try Posed(x, y, blocks))
        } catch let error as RegressionProblem.Invalid {
            throw told(error)
        }
    }
}

/// What makes a problem impossible, in the words of the interface.
private func told(_ error: RegressionProblem.Invalid) -> InputError {
    switch error {
    case .rows(let design, let response):
        InputError("response", found: "\(response) rows", expected: "\(design), as the design")
    case .blocks(let columns, let covered):
        InputError("block_sizes", found: "\(covered) columns in all", expected: "\(columns), as the design")
    case .designNotFinite(let row, let column):
        InputError("design", found: "NaN or infinity at row \(row), column \(column)", expected: "finite numbers")
    case .responseNotFinite(let row, let column):
        InputError("response", found: "NaN or infinity at row \(row), column \(column)", expected: "finite numbers")
    case .empty: InputError("problem", found: "a design or a response without numbers", expected: "some")
    case .overflow:
        InputError("problem", found: "numbers so large that their squares overflow", advice: "scale them")
    case .underflow:
        InputError("problem", found: "numbers so small that their squares vanish", advice: "scale them")
    }
}

/// `foci_problem_free` as `foci.h` documents it.
@c @implementation
public func foci_problem_free(_ problem: OpaquePointer?) { free(Posed.self, problem) }

private func json(_ value: some Encodable & Sendable) -> @Sendable () throws -> String? {
    { try JSON.text(value, isIndented: false, keys: .convertToSnakeCase) }
}

/// The numbers of a solve under the names that its JSON has.
private func numbers(_ summary: SolveSummary, _ answer: SolveRequest.Answer) -> [String: Double] {
    let last = summary.last
    return [
        "lambda": last.lambda, "lambda_max": summary.lambdaMax, "objective": last.objective,
        "relative_gap": last.relativeGap ?? .nan, "relative_violation": last.relativeViolation ?? .nan,
        "squared_residual": answer.squaredResidual, "epochs": Double(last.epochs),
    ]
}

/// `foci_solve` as `foci.h` documents it.
@c @implementation
public func foci_solve(
    _ problem: OpaquePointer?, _ options: OpaquePointer?, _ monitor: UnsafePointer<foci_monitor>?,
    _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(result)
        var request: SolveRequest = try request(options)
        (request.count, request.lambdas) = (nil, nil)
        let posed = try object(Posed.self, problem, "problem").problem(keepsSamples: request.keepsSamples)
        let answer = try request.run(posed, monitor: FociC.monitor(monitor))
        let summary = SolveSummary(answer, of: request, blocks: posed.blocks.count)
        var parts = Answer.Parts()
        parts.numbers = numbers(summary, answer)
        parts.texts["json"] = json(summary)
        parts.add(answer.active, of: posed)
        target.pointee = handle(Answer(parts))
    }
}

/// `foci_path` as `foci.h` documents it.
@c @implementation
public func foci_path(
    _ problem: OpaquePointer?, _ options: OpaquePointer?, _ monitor: UnsafePointer<foci_monitor>?,
    _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(result)
        var request: SolveRequest = try request(options)
        if request.lambdas == nil {
            request.count = request.count ?? 100
            request.lambda = request.lambda ?? .ratio(1e-3)
        }
        guard request.reweighting.rounds == 0, !request.isDebiased else {
            throw InputError(.path, found: "reweighting or debiasing", expected: "neither along a path")
        }
        let posed = try object(Posed.self, problem, "problem").problem(keepsSamples: request.keepsSamples)
        let answer = try request.run(posed, monitor: FociC.monitor(monitor))
        let summary = SolveSummary(answer, of: request, blocks: posed.blocks.count)
        var parts = Answer.Parts()
        parts.numbers = numbers(summary, answer)
        parts.texts["json"] = json(summary)
        let all = answer.points.map(\.solution.active)
        parts.add("lambdas", answer.points.map(\.lambda), shape: [answer.points.count])
        parts.add("blocks", all.flatMap(\.blocks))
        parts.add("columns", all.flatMap { $0.blocks.flatMap { Array(posed.blocks.columns(of: $0)) } })
        parts.add("block-offsets", all.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) })
        parts.add("offsets", all.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.coefficients.columns) })
        let coefficients = all.map { $0.coefficientsInOriginalSamples(of: posed) }
        parts.add(
            "coefficients", coefficients.flatMap(\.elements),
            shape: [posed.sampleCount, coefficients.reduce(0) { $0 + $1.columns }])
        target.pointee = handle(Answer(parts))
    }
}

/// `foci_select` as `foci.h` documents it.
@c @implementation
public func foci_select(
    _ problem: OpaquePointer?, _ options: OpaquePointer?, _ monitor: UnsafePointer<foci_monitor>?,
    _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(result)
        let request: SelectRequest = try request(options)
        let posed = try object(Posed.self, problem, "problem").problem(keepsSamples: request.penalty.scope == .entry)
        let answer = try request.run(posed, monitor: FociC.monitor(monitor))
        var parts = Answer.Parts()
        let summary = answer.summary
        parts.numbers = [
            "value": summary.value, "lambda_ratio": summary.lambdaRatio ?? .nan, "lambda_max": summary.lambdaMax,
            "degrees_of_freedom": summary.degreesOfFreedom ?? .nan, "ridge": summary.ridge ?? .nan,
            "gamma": summary.gamma ?? .nan,
        ]
        parts.texts["json"] = json(summary)
        parts.add(answer.active, of: posed)
        if let weights = summary.weights { parts.add("weights", weights, shape: [weights.count]) }
        target.pointee = handle(Answer(parts))
    }
}

/// `foci_refine` as `foci.h` documents it.
@c @implementation
public func foci_refine(
    _ problem: OpaquePointer?, _ options: OpaquePointer?, _ monitor: UnsafePointer<foci_monitor>?,
    _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(result)
        let request: RefineRequest = try request(options)
        let posed = try object(Posed.self, problem, "problem").problem
        let answer = try request.run(posed, monitor: FociC.monitor(monitor))
        var parts = Answer.Parts()
        parts.numbers = ["charge": answer.summary.charge, "squared_residual": answer.summary.squaredResidual]
        parts.texts["json"] = json(answer.summary)
        parts.add(answer.active, of: posed)
        parts.add("scores", answer.scores, shape: [answer.scores.count])
        target.pointee = handle(Answer(parts))
    }
}
