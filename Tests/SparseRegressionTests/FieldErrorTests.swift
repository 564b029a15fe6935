import Foundation
import LinearAlgebra
import Testing

@testable import SparseRegression

/// The evidence of errors of fields against the covariance written out, and what it makes of the number of atoms.
@Suite struct FieldErrorTests {
    typealias Atom = AtomDictionary.Atom

    /// φ(log det C/φ − (vec R)ᵀ(I/φ − C⁻¹)(vec R)) with C of n·T rows written out, from the definition.
    private func evidence(
        _ world: SubsetSelectionTests.World, _ fit: SubsetFit, _ power: AtomDictionary.Power, spread: Double,
        nearby: Double, noise: Double, _ groups: [(rows: [Int], variances: [Double])],
        _ neighbours: [(columns: Range<Int>, weight: Double)]
    ) throws -> Double {
        let residual = fit.residual(of: power)
        let (n, samples) = (residual.rows, residual.columns)
        var covariance = Matrix.identity(n * samples) * noise
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
                var even = [Double](repeating: 0, count: n)
                for (rows, variances) in groups {
                    let mean = zip(rows, variances).reduce(0) { $0 + field[$1.0, m] * field[$1.0, m] / $1.1 }
                    for (row, variance) in zip(rows, variances) {
                        even[row] = spread * spread * variance * mean / Double(rows.count)
                    }
                }
                for s in 0..<samples {
                    for t in 0..<samples {
                        for a in 0..<n {
                            for b in 0..<n {
                                covariance[a + n * s, b + n * t] +=
                                    course[s] * course[t]
                                    * ((a == b ? even[a] : 0) + power * nearby * nearby * errors[a, b])
                            }
                        }
                    }
                }
            }
        }
        let factor = try Cholesky(covariance)
        let all = Matrix(rows: n * samples, columns: 1, elements: residual.elements)
        let weighed = zip(factor.solve(all).elements, all.elements).reduce(0) { $0 + $1.0 * $1.1 }
        let volume = factor.logDeterminant - Double(n * samples) * log(noise)
        return noise * (volume + weighed) - residual.squaredNorm
    }

    @Test(
        "the evidence is that of the covariance written out", arguments: [1, 2, 3],
        [(0.1, 0, false), (0.2, 0, true), (0, 0.3, true), (0.2, 0.4, false), (0.2, 0.4, true), (0, 0, false)])
    func written(width: Int, error: (spread: Double, nearby: Double, hasGroups: Bool)) throws {
        let world = SubsetSelectionTests.World(seed: 4, width: width)
        // As many dimensions as are kept.
        let neighbours = [(2, 1.0), (6, 0.5)].map {
            (columns: world.dictionary.families[0].blocks.columns(of: $0), weight: $1)
        }
        let power = world.dictionary.power(of: world.response)
        let noise = error.hasGroups ? 1.7 : 1
        // Rows that are no sensors, and of two kinds that are not next to each other.
        let groups: [(rows: [Int], variances: [Double])] =
            error.hasGroups
            ? [0, 1].map { kind in
                let rows = (0..<14).filter { $0 % 3 == 0 || $0 == 13 ? kind == 0 : kind == 1 }
                return (rows, rows.map { 0.3 + 0.5 * Double($0) })
            } : [(Array(0..<14), [Double](repeating: 1, count: 14))]
        let term = FieldError(
            spread: error.spread, nearby: error.nearby, noise: noise,
            groups: error.hasGroups ? groups.map { .init(rows: $0.rows, variances: $0.variances) } : nil
        ) { _ in neighbours }
        for atoms in [[Atom(family: 0, block: 1)], [Atom(family: 1, block: 1), Atom(family: 0, block: 5)]] {
            let fit = try #require(
                SubsetFit(atoms, to: power, in: world.dictionary, after: SubsetFit(to: power)))
            var bases = FieldError.Bases()
            let value = term.evidence(of: fit, to: power, in: world.dictionary, &bases)
            let expected = try evidence(
                world, fit, power, spread: error.spread, nearby: error.nearby, noise: noise, groups, neighbours)
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
        let search = try selection.search(dictionary, dictionary.power(of: response))
        let thinned = search.thinned(found, errors: errors)
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

    @Test("an error alike at sensors is told as none where rows are of unlike noise, if their variances are known")
    func unlike() throws {
        var random = SeededGenerator(seed: 5)
        // Sensors of noise from 0.05 to 5 are rows of white noise.
        let noise = (0..<60).map { 0.05 * pow(100, Double($0) / 59) }
        func whitened(_ field: Matrix) -> Matrix {
            Matrix(rows: 60, columns: field.columns) { field[$0, $1] / noise[$0] }
        }
        // Fields that sensors of much noise see the most, as those of the brain are seen where the brain makes noise.
        let gain = random.normal(rows: 60, columns: 200)
        let design = Matrix(rows: 60, columns: 200) { gain[$0, $1] * noise[$0] }
        let blocks = BlockStructure(count: 200, size: 1)
        let dictionary = AtomDictionary(design: Design(whitened(design)), families: [.identity(blocks)], ridge: 1e-6)
        let errors = random.normal(rows: 60, columns: 1)
        let size = 0.1 * design.columns([20]).squaredNorm.squareRoot() / errors.squaredNorm.squareRoot()
        let response =
            whitened(design.columns([20]) + errors * size) * (random.normal(rows: 1, columns: 10) * 40)
            + random.normal(rows: 60, columns: 10)
        let selection = SubsetSelection(charge: 60)
        let found = try selection.run(dictionary, response: response)
        #expect(found.atoms.count > 2)
        let search = try selection.search(dictionary, dictionary.power(of: response))
        func number(_ groups: [FieldError.RowGroup]?) -> Int {
            let errors = [0.05, 0.1, 0.2].map { FieldError(spread: $0, nearby: 0, groups: groups) { _ in [] } }
            return search.thinned(found, errors: errors).outcome.atoms.count
        }
        #expect(number([.init(rows: Array(0..<60), variances: noise.map { 1 / ($0 * $0) })]) == 1)
        #expect(number(nil) > 1)
    }

    @Test("two atoms that cancel each other are left out where fields err, unless they may cancel")
    func cancelling() throws {
        var random = SeededGenerator(seed: 3)
        var design = random.normal(rows: 60, columns: 100)
        let beside = random.normal(rows: 60, columns: 1)
        // Two fields 28° apart, and data that are their difference.
        for r in 0..<60 { design[r, 1] = 0.88 * design[r, 0] + 0.47 * beside[r, 0] }
        let blocks = BlockStructure(count: 100, size: 1)
        let dictionary = AtomDictionary(design: Design(design), families: [.identity(blocks)], ridge: 1e-6)
        let course = random.normal(rows: 1, columns: 10)
        let response =
            (design.columns([0]) - design.columns([1])) * (course * 5) + random.normal(rows: 60, columns: 10)
        let selection = SubsetSelection(charge: 60)
        let found = try selection.run(dictionary, response: response)
        let errors = [FieldError(spread: 0.02, nearby: 0) { _ in [] }]
        let search = try selection.search(dictionary, dictionary.power(of: response))
        func thinned(_ allowsCancelling: Bool) -> SubsetSelection.Outcome {
            search.thinned(found, errors: errors, allowsCancelling: allowsCancelling).outcome
        }
        func shares(_ outcome: SubsetSelection.Outcome) -> [Double] {
            outcome.atoms.indices.map { i in
                design.columns([outcome.atoms[i].block]).squaredNorm * outcome.coefficients.columns([i]).squaredNorm
                    / response.squaredNorm
            }
        }
        let (free, bound) = (thinned(true), thinned(false))
        #expect(free.atoms.map(\.block) == [0, 1] && shares(free).allSatisfy { $0 > 2 })
        #expect(shares(bound).allSatisfy { $0 <= 1 } && bound.atoms.count < 2)
        // The powers that a fit keeps are those of the fields written out.
        let power = dictionary.power(of: response)
        let fit = try #require(SubsetFit(free.atoms, to: power, in: dictionary, after: SubsetFit(to: power)))
        for (own, share) in zip(fit.powers, shares(free)) {
            #expect(abs(own - share * response.squaredNorm) < 1e-8 * own)
        }
    }
}
