import SparseRegression
import Testing

/// A solver with a name.
struct Engine: CustomTestStringConvertible, Sendable {
    let name: String
    let solver: any Solver
    /// Whether it is expected to reach a gap of 1e-11 on any small problem.
    let isExact: Bool
    var testDescription: String { name }

    static let automatic = Engine(name: "automatic", solver: AutomaticSolver(), isExact: true)
    static let dualNewton = Engine(name: "dual Newton", solver: DualNewton(), isExact: true)
    static let proximalGradient = Engine(name: "proximal gradient", solver: ProximalGradient(), isExact: false)
    static let anderson = Engine(name: "Anderson", solver: AndersonDescent(), isExact: true)

    /// Descent in all forms, orders and with each acceleration taken away or added.
    static let descents: [Engine] = {
        var list: [Engine] = []
        for form in [AndersonDescent.Form.gram, .residual] {
            for order in AndersonDescent.Order.allCases {
                for (extra, change) in [
                    ("", { (_: inout AndersonDescent) in }), ("no Newton", { $0.usesNewton = false }),
                    ("no extrapolation", { $0.extrapolates = false }),
                    (
                        "plain",
                        {
                            $0.usesNewton = false
                            $0.extrapolates = false
                        }
                    ), ("dual extrapolation", { $0.extrapolatesDual = true }),
                    ("no screening", { $0.screens = false }),
                ] as [(String, (inout AndersonDescent) -> Void)] {
                    var solver = AndersonDescent()
                    solver.form = form
                    solver.order = order
                    change(&solver)
                    list.append(
                        Engine(
                            name: "descent, \(form), \(order) \(extra)", solver: solver,
                            isExact: solver.usesNewton && solver.extrapolates))
                }
            }
        }
        return list
    }()

    /// Those that users choose from, in their default settings.
    static let main = [anderson, dualNewton, automatic]

    static let all: [Engine] = {
        var unscreened = DualNewton()
        unscreened.screens = false
        return main + descents + [Engine(name: "dual Newton, no screening", solver: unscreened, isExact: true)]
    }()
}
