import Foundation
import LinearAlgebra
import Testing

@testable import SparseRegression

/// The evidence of errors of fields against the covariance written out, and what it makes of the number of atoms.
@Suite struct FieldErrorTests {
    typealias Atom = AtomDictionary.Atom

    /// log det C − (vec R)ᵀ(I − C⁻¹)(vec R) with C of n·T rows written out, from the definition.
    private func evidence(
        _ world: SubsetSelectionTests.World, _ fit: SubsetFit, _ power: AtomDictionary.Power, spread: Double,
        nearby: Double, _ neighbours: [(columns: Range<Int>, weight: Double)]
    ) throws -> Double {
        let residual = fit.residual(of: power)
        let (n, samples) = (residual.rows, residual.columns)
        var covariance = Matrix.identity(n * samples)
        for i in fit.atoms.indices {
            let own = fit.columns.columns(Array(fit.range(i)))
            let projection = own * (try Cholesky(Matrix.product(own, transposed: true, own)).inverse())
            var errors = Matrix(rows: n, columns: n)
            for (columns, weight) in neighbours {
                var field = world.dictionary.design.columns(columns)
                field = field - projection * Matrix.product(own, transposed: true, field)
                errors = errors + Matrix.product(field, transposed: false, field, transposed: true) * weight
            }
            errors = errors * (1 / (0..<n).reduce(0) { $0 + errors[$1, $1] })
            let eigen = try SymmetricEigen(fit.amplitudes.rows(Array(fit.range(i))).columns(Array(fit.range(i))))
            let (field, courses) = (
                own * eigen.vectors, fit.coefficients.columns(Array(fit.range(i))) * eigen.vectors
            )
            for m in 0..<own.columns {
                // p²s²·vvᵀ is p² times the outer product of the course.
                let (power, course) = (field.columns([m]).squaredNorm, courses.column(m))
                for s in 0..<samples {
                    for t in 0..<samples {
                        for a in 0..<n {
                            for b in 0..<n {
                                let even = a == b ? spread * spread / Double(n) : 0
                                covariance[a + n * s, b + n * t] +=
                                    power * course[s] * course[t] * (even + nearby * nearby * errors[a, b])
                            }
                        }
                    }
                }
            }
        }
        let factor = try Cholesky(covariance)
        let all = Matrix(rows: n * samples, columns: 1, elements: residual.elements)
        let weighed = zip(factor.solve(all).elements, all.elements).reduce(0) { $0 + $1.0 * $1.1 }
        return factor.logDeterminant + weighed - residual.squaredNorm
    }

    @Test(
        "the evidence is that of the covariance written out", arguments: [1, 2, 3],
        [(0.1, 0), (0, 0.3), (0.2, 0.4), (0, 0)])
    func written(width: Int, error: (Double, Double)) throws {
        let world = SubsetSelectionTests.World(seed: 4, width: width)
        // As many dimensions as are kept.
        let neighbours = [(2, 1.0), (6, 0.5)].map {
            (columns: world.dictionary.families[0].blocks.columns(of: $0), weight: $1)
        }
        let power = world.dictionary.power(of: world.response)
        let term = FieldError(spread: error.0, nearby: error.1) { _ in neighbours }
        for atoms in [[Atom(family: 0, block: 1)], [Atom(family: 1, block: 1), Atom(family: 0, block: 5)]] {
            let fit = try #require(
                SubsetFit(atoms, to: power, in: world.dictionary, after: SubsetFit(to: power)))
            var bases = FieldError.Bases()
            let value = term.evidence(of: fit, to: power, in: world.dictionary, &bases)
            let expected = try evidence(world, fit, power, spread: error.0, nearby: error.1, neighbours)
            #expect(abs(value - expected) < 1e-8 * max(1, abs(expected)))
        }
    }

    @Test("errors of the fields of two strong atoms are told as none, and two atoms as two", arguments: [true, false])
    func number(isWrong: Bool) throws {
        var random = SeededGenerator(seed: 11)
        let design = random.normal(rows: 60, columns: 200)
        let blocks = BlockStructure(count: 200, size: 1)
        let dictionary = AtomDictionary(design: Design(design), families: [.identity(blocks)], ridge: 1e-6)
        var fields = design.columns([20, 120])
        if isWrong { fields = fields + random.normal(rows: 60, columns: 2) * 0.15 }
        let response =
            fields * (random.normal(rows: 2, columns: 10) * 40) + random.normal(rows: 60, columns: 10)
        let selection = SubsetSelection(charge: 60)
        let found = try selection.run(dictionary, response: response)
        let errors = [0.05, 0.1, 0.2].map { FieldError(spread: $0, nearby: 0) { _ in [] } }
        let thinned = selection.thinned(found, dictionary, response: response, errors: errors)
        #expect(found.atoms.count > 2 || !isWrong)
        #expect(thinned.outcome.atoms.map(\.block) == [20, 120])
        #expect(thinned.objectives.count == found.atoms.count + 1)
        let least = thinned.objectives.indices.min { thinned.objectives[$0] < thinned.objectives[$1] }
        #expect(least == 2)
        #expect((thinned.error > 0) == isWrong)
        // Amplitudes of another response, as if those atoms had been given.
        let twice = try #require(
            selection.coefficients(thinned.outcome.atoms, dictionary, response: response * 2))
        let difference = twice - thinned.outcome.coefficients * 2
        #expect(difference.squaredNorm < 1e-18 * twice.squaredNorm)
    }
}
