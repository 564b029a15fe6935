import Foundation
import ModelSelection
import Testing

@Suite("Selection by name")
struct SelectionMethodTests {
    @Test("every name makes its criterion, and what is not searched none", arguments: CriterionKind.all)
    func criteria(_ name: CriterionKind) throws {
        var random = SeededGenerator(seed: 1)
        let replicates = Replicates((0..<6).map { _ in random.normal(rows: 12, columns: 2) })
        var method = SelectionMethod()
        method.criterion = name
        method.folds = 3
        guard name.isSearched else {
            #expect(throws: InvalidCriterion.self) { try method.makeCriterion(rowCount: 12) }
            return
        }
        let expected: [CriterionKind: String] = [
            .sure: "SURE", .monteCarlo: "SURE (Monte-Carlo)", .heldOut: "held-out", .kfold: "3-fold", .gcv: "GCV",
            .aic: "AIC", .bic: "BIC", .ebic: "EBIC", .heldOutEpochs: "held-out epochs",
            .kfoldEpochs: "3-fold over epochs",
        ]
        let criterion = try method.makeCriterion(rowCount: 12, replicates: replicates)
        #expect(criterion.name == expected[name])
        #expect(criterion.readsProblem == !name.hasFolds)
    }

    @Test("folds of rows share every label out evenly")
    func strata() throws {
        var method = SelectionMethod()
        method.criterion = .kfold
        method.folds = 4
        let labels = (0..<30).map { $0 < 21 ? 0 : 1 }
        let criterion = try #require(try method.makeCriterion(rowCount: 30, labels: labels) as? HeldOutRows)
        #expect(criterion.folds.flatMap(\.self).sorted() == Array(0..<30))
        for label in [0, 1] {
            let counts = criterion.folds.map { $0.count { labels[$0] == label } }
            #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
        }
        method.folds = 31
        #expect(throws: InvalidCriterion.self) { try method.makeCriterion(rowCount: 30) }
    }

    @Test("every search of one λ comes near the minimum of a fine grid", arguments: SearchKind.all)
    func searches(_ name: SearchKind) throws {
        let (problem, _) = try noisyProblem(
            n: 30, blocks: BlockStructure(count: 60, size: 1), samples: 8, seed: 4, amplitude: 2)
        func minimum(_ search: SearchKind, _ evaluations: Int?) throws -> (Double, SelectionCurve) {
            var method = SelectionMethod()
            method.search = search
            method.evaluations = evaluations
            let largest = problem.largestLambda()
            let (domain, start) = method.sharedDomain(largest: largest)
            let objective = try SelectionObjective(
                problem: problem, family: SharedLambda<GroupLasso>(), criterion: try method.makeCriterion(rowCount: 30))
            let record = try method.minimize(objective, from: [start], in: domain, stop: StopRule())
            let curve = try #require(
                SelectionCurve(shared: record, criterion: objective.criterion, largest: largest))
            return (try #require(record.best).value, curve)
        }
        let (best, fine) = try minimum(.grid, 200)
        let (found, curve) = try minimum(name, nil)
        let gain = try #require(fine.points.first).criterion - best
        #expect(found <= best + 0.02 * gain, "\(found) against \(best), gain \(gain)")
        #expect(curve.search == name.name && curve.axis == .lambda && !curve.atGridEdge)
        #expect(curve.points.map(\.lambda) == curve.points.map(\.lambda).sorted(by: >))
        #expect(curve.chosen.criterion == found)
    }

    @Test("a curve's names say where it comes from, and lead back to it")
    func origins() {
        for origin: SelectionCurve.Origin in [
            .given, .search("brent", over: .lambda), .search("adam", over: .evaluation), .updates,
        ] {
            let curve = curve([1, 0, 1], origin: origin)
            #expect(SelectionCurve.Origin(search: curve.search, axis: curve.axis) == origin)
            #expect((curve.criterion == "fixed") == (origin == .given) && curve.estimatesRisk == (origin != .given))
        }
    }

    // MARK: The shape of a curve

    private func curve(
        _ values: [Double], chosen: Int? = nil, origin: SelectionCurve.Origin = .search("path", over: .lambda)
    ) -> SelectionCurve {
        let points = values.enumerated().map { k, value in
            SelectionPoint(
                lambda: pow(0.8, Double(k)), ratio: pow(0.8, Double(k)), criterion: value, degreesOfFreedom: .nan,
                squaredResidual: 0, activeCount: k, relativeGap: 0, seconds: 0)
        }
        let lowest = values.indices.min { values[$0] < values[$1] } ?? 0
        return SelectionCurve(
            origin: origin, criterion: "SURE", estimatesRisk: true, points: points, chosenIndex: chosen ?? lowest,
            atGridEdge: false)
    }

    @Test("the flat stretch ends where the criterion, straight in log λ, has risen by the tolerance")
    func stretch() throws {
        // Gain 10 and tolerance 0.1: the level 1 lies halfway from 0 to 2 on the left, at a quarter to 4 on the right.
        let shape = try #require(curve([10, 6, 2, 0, 4, 9]).shape(tolerance: 0.1))
        #expect(shape.wells == 1 && !shape.isVeryFlat)
        #expect(abs(shape.flatTo - pow(0.8, 2.5)) < 1e-12 && abs(shape.flatFrom - pow(0.8, 3.25)) < 1e-12)
    }

    @Test("separate stretches are counted; a curve that ends low is flat to its end; an infinite value is no barrier")
    func wells() throws {
        #expect(try #require(curve([10, 2, 0, 3, 0.05, 4, 0.02, 5]).shape(tolerance: 0.01)).wells == 3)
        #expect(try #require(curve([10, 2, 0, 3, 0.5, 4]).shape(tolerance: 0.01)).wells == 1)
        let open = try #require(curve([10, 5, 0.01, 0.02, 0, 0.03]).shape(tolerance: 0.01))
        #expect(open.wells == 1 && open.flatFrom == pow(0.8, 5))
        let broad = try #require(curve([10] + [Double](repeating: 0.01, count: 8) + [0, 3]).shape(tolerance: 0.01))
        #expect(broad.isVeryFlat && broad.flatTo > 0.8 && broad.flatFrom > pow(0.8, 10))
        #expect(try #require(curve([10, 0, .infinity, 0.01, 4]).shape(tolerance: 0.01)).wells == 1)
    }

    @Test("what is no curve over one λ has no shape")
    func shapeless() {
        #expect(curve([1, 0]).shape() == nil)
        #expect(curve([1, 0, 1], origin: .given).shape() == nil)
        #expect(curve([1, 0, 1], origin: .search("adam", over: .evaluation)).shape() == nil)
        #expect(curve([1, 0, 1], origin: .updates).shape() == nil)
        #expect(curve([0, 1, 2], chosen: 0).shape() == nil)
        #expect(curve([3, 3, 3]).shape() == nil)
    }

    @Test("the choice at another noise level is that of the criterion at that level, among the points tried")
    func noiseSensitivity() throws {
        let (problem, _) = try noisyProblem(
            n: 30, blocks: BlockStructure(count: 60, size: 1), samples: 8, seed: 4, amplitude: 2)
        func curve(_ variance: Double) throws -> SelectionCurve {
            var method = SelectionMethod()
            method.search = .grid
            method.noiseVariance = variance
            let largest = problem.largestLambda()
            let (domain, start) = method.sharedDomain(largest: largest)
            let objective = try SelectionObjective(
                problem: problem, family: SharedLambda<GroupLasso>(), criterion: try method.makeCriterion(rowCount: 30))
            let record = try method.minimize(objective, from: [start], in: domain, stop: StopRule())
            return try #require(SelectionCurve(shared: record, criterion: objective.criterion, largest: largest))
        }
        let told = try #require(try curve(1).noiseSensitivity(noiseVariance: 1, error: 0.3))
        #expect(abs(told.ratioIfSmaller / (try curve(0.49).chosen.ratio) - 1) < 1e-12)
        #expect(abs(told.ratioIfLarger / (try curve(1.69).chosen.ratio) - 1) < 1e-12)
        #expect(!told.isSmallerOpen && told.ratioIfSmaller < told.ratioIfLarger)
        let open = try #require(try curve(1).noiseSensitivity(noiseVariance: 1, error: 0.999))
        #expect(open.isSmallerOpen && abs(open.ratioIfSmaller - 0.01) < 1e-9)
        #expect(try curve(1).shape() != nil)
        #expect(self.curve([1, 0, 1]).noiseSensitivity(noiseVariance: 1) == nil)
    }
}
