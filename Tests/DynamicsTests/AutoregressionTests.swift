import Glibc
import LinearAlgebra
import TestSupport
import Testing

@testable import Dynamics

@Suite struct AutoregressionTests {
    @Test(.enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)), arguments: ["oscillators", "jansen_rit"])
    func causalityIsTheReferences(name: String) throws {
        let reference = try DynamicsReference()
        let found = try GrangerCausality(reference.network(name), order: reference.integer("order", of: name))
        #expect(deviation(found.statistic, try reference.matrix("\(name)/granger_F")) < 1e-8)
        let p = try reference.matrix("\(name)/granger_p")
        for (found, expected) in zip(found.p.elements, p.elements) {
            #expect(abs(log(found) - log(expected)) < 1e-6)
        }
    }

    @Test(.enabled(if: Shared.isPresent, Comment(rawValue: Shared.absence)), arguments: ["oscillators", "jansen_rit"])
    func groupLassoIsTheReferences(name: String) throws {
        let reference = try DynamicsReference()
        let found = try SparseAutoregression(
            reference.network(name), order: reference.integer("order", of: name),
            lambda: reference.number("group_lasso_lambda", of: name), relativeGap: 0)
        let expected = try reference.matrix("\(name)/group_lasso_coefficients")
        let coefficients = Matrix(rows: expected.rows, columns: expected.columns) { found.targets[$0].shrunk[$1] }
        #expect(deviation(coefficients, expected) < 1e-8)
        for (target, own) in found.targets.enumerated() {
            let order = found.order
            let sources = (0..<expected.rows).filter { source in
                source != target && (0..<order).contains { expected[target, source * order + $0] != 0 }
            }
            #expect(own.sources == sources)
        }
    }
}
