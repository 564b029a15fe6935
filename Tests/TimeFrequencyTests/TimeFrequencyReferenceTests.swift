import HDF5
import TestSupport
import Testing

@testable import TimeFrequency

@Suite("Time-frequency reference optima", .enabled(if: Shared.isPresent, "the shared reference problems are not there"))
struct TimeFrequencyReferenceTests {
    /// A reference problem and its optimum.
    private struct Reference {
        let file: HDF5File
        let problem: RegressionProblem
        let penalty: TimeFrequencyPenalty

        init(_ name: String) throws {
            let file = try HDF5File(Shared.path("reference/time-frequency/tf-\(name).h5"))
            self.file = file
            func matrix(_ name: String) throws -> Matrix {
                let stored = try file.matrix(name)
                return Matrix(rows: stored.rows, columns: stored.columns, elements: stored.elements)
            }
            let gain = try matrix("gain")
            let data = try matrix("data")
            let width = try #require(try file.integer(attribute: "orientations"))
            problem = try RegressionProblem(
                design: gain, response: data, blocks: BlockStructure(count: gain.columns / width, size: width),
                keepsSamples: true)
            let windows = zip(try file.integers("windows").elements, try file.integers("steps").elements)
            let frame = try GaborFrame(
                windows.map { GaborFrame.Window(length: $0, step: $1) }, samples: data.columns)
            var weights = TimeFrequencyWeights.none
            if try file.kind(of: "weights_space") != nil {
                var time = Matrix(rows: frame.groupCount, columns: problem.blocks.count)
                for (k, lattice) in frame.lattices.enumerated() {
                    let stored = try file.doubles("weights_time/\(k)").elements
                    let bins = lattice.window / 2 + 1
                    for j in 0..<time.columns {
                        for f in 0..<bins {
                            for i in 0..<lattice.frames {
                                time[lattice.firstGroup + i * bins + f, j] =
                                    stored[(j * bins + f) * lattice.frames + i]
                            }
                        }
                    }
                }
                weights = TimeFrequencyWeights(space: try file.doubles("weights_space").elements, time: time)
            }
            penalty = try TimeFrequencyPenalty(
                frame: frame, lambda: try #require(try file.double(attribute: "lambda_")),
                rho: try #require(try file.double(attribute: "rho")), weights: weights)
        }

        func number(_ name: String) throws -> Double { try #require(try file.double(attribute: name)) }
    }

    @Test(
        "objective, support, time courses, degrees of freedom and risk are those of another implementation",
        arguments: ["fixed-one-window", "fixed-two-windows", "free-two-windows", "fixed-weighted"])
    func optima(_ name: String) throws {
        let reference = try Reference(name)
        let session = try TimeFrequencySession(reference.problem, frame: reference.penalty.frame)
        let largest = try session.largestLambda(rho: reference.penalty.rho)
        let expectedLargest = try reference.number("lambda_max")
        #expect(abs(largest - expectedLargest) < 1e-10 * largest)
        let found = try session.solve(reference.penalty, stop: StopRule(relativeGap: 1e-14))
        let primal = try reference.number("primal")
        #expect(abs(found.objective - primal) < 1e-8 * primal && found.relativeGap < 1e-12)
        let active = try reference.file.integers("active").elements
        #expect(found.active.blocks == active)
        let estimate = try reference.file.doubles("estimate")
        let expected = Matrix(
            rows: estimate.shape[1], columns: estimate.shape[0], elements: estimate.elements)
        #expect((found.active.coefficients - expected).squaredNorm < 1e-10 * expected.squaredNorm)
        let curvature = TimeFrequencyCurvature(found, reference.penalty, in: reference.problem)
        let size = try reference.file.integer(attribute: "active_coordinates")
        #expect(curvature.isExact && curvature.size == size)
        let freedom = try reference.number("degrees_of_freedom")
        #expect(abs(curvature.degreesOfFreedom - freedom) < 1e-6 * freedom)
        let risk = try reference.number("sure")
        #expect(abs(curvature.risk(noiseVariance: 1) - risk) < 1e-6 * abs(risk))
        let residual = reference.problem.response - found.active.fit(in: reference.problem)
        let norms = try reference.file.doubles("dual_norms").elements
        for block in 0..<reference.problem.blocks.count {
            let columns = reference.problem.design.columns(reference.problem.blocks.columns(of: block))
            let v = reference.penalty.frame.analysis(Matrix.product(residual, transposed: true, columns))
            #expect(abs(reference.penalty.dualNorm(v, block: block) - norms[block]) < 1e-5 * norms[block])
        }
    }
}
