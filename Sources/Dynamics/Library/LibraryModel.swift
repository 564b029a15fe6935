import Glibc
import LinearAlgebra

/// Differential equations whose right-hand sides are few functions of a library: for systems that are not linear.
///
/// In the weak form, by the group Lasso with each function a block and a target's own linear terms free, λ by BIC of the
/// refit, and by dropping function after function.
public struct LibraryModel: DynamicalModel {
    /// 1 or 2.
    public let order: Int
    /// The functions, of variables with mean 0 and variance 1.
    public let library: FunctionLibrary
    /// Targets × functions, of variables with mean 0 and variance 1 over time in s; zero where a function is left out.
    public let coefficients: Matrix
    /// See ``DynamicalModel/connections``.
    public let connections: [Connection]
    /// See ``DynamicalModel/warnings``.
    public let warnings: [DynamicsWarning]
    private let units: Trajectories.Units
    private let interval: Double

    /// A library of more functions is refused.
    public static let mostFunctions = 1000

    /// Fits trajectories.
    ///
    /// - Throws: ``InvalidTrajectories``.
    /// - Complexity: O(samples · functions²) by BLAS.
    public init(_ trajectories: Trajectories, _ settings: DynamicsSettings) throws(InvalidTrajectories) {
        try settings.check()
        let n = trajectories.variableCount
        guard FunctionLibrary.count(variables: n, degree: settings.degree) + Double(2 * n) <= Double(Self.mostFunctions)
        else {
            throw .setting(
                "a library of \(n) variables and degree \(settings.degree) has more than \(Self.mostFunctions) functions; "
                    + "lower the degree, or leave variables out")
        }
        let library = FunctionLibrary(
            variables: n, degree: settings.degree, hasSaturation: settings.hasSaturation,
            hasVelocities: settings.derivativeOrder == 2)
        let (standardized, units) = trajectories.standardized()
        let all = try LibraryProducts(standardized, library, settings)
        let coefficients = try all.fit(library)
        var warnings = DynamicsWarning.of(trajectories, settings.recording)
        let needed = AutoregressiveModel.fewestSamplesPerCoefficient * library.terms.count
        let isClaimed = trajectories.sampleCount >= needed
        if !isClaimed { warnings.append(.cannotTell(samples: trajectories.sampleCount, needed: needed)) }
        var connections = all.connections(
            library, coefficients, share: settings.smallestInfluence, isClaimed: isClaimed)
        if isClaimed, settings.resamples > 0 {
            // Epochs shorter than a window hold nothing.
            let products = trajectories.epochs.indices.compactMap {
                try? LibraryProducts(standardized.epochs([$0]), library, settings)
            }
            EpochResampling.annotate(&connections, &warnings, epochs: products.count, settings) { counts in
                var sum = LibraryProducts(functions: library.terms.count, variables: n)
                for (own, times) in zip(products, counts) where times > 0 { sum.add(own, times: times) }
                return (try? sum.fit(library)).map {
                    sum.connections(library, $0, share: settings.smallestInfluence, isClaimed: true)
                }
            }
        }
        order = settings.derivativeOrder
        self.library = library
        self.coefficients = coefficients
        self.connections = connections
        self.warnings = warnings
        self.units = units
        interval = trajectories.interval
    }

    /// Samples at the end of a history by which the first state is found: a cubic polynomial is fitted to them.
    public var historySamples: Int { 7 }

    /// See ``DynamicalModel/forecast(after:samples:)``: by Runge and Kutta's method of fourth order, four steps a sample.
    public func forecast(after history: Matrix, samples: Int) throws(InvalidTrajectories) -> Matrix {
        try check(history: history, variables: library.variables)
        let past = units.standardized(history)
        var motion = LibraryMotion(library, coefficients, order: order)
        var state = motion.state(
            after: past.columns((past.columns - historySamples)..<past.columns), interval: interval)
        let n = library.variables
        var result = Matrix(rows: n, columns: max(0, samples))
        for sample in 0..<result.columns {
            for _ in 0..<4 { motion.step(&state, interval / 4) }
            for variable in 0..<n { result[variable, sample] = state[variable] }
            guard state.allSatisfy({ abs($0) < 1e6 }) else { throw .diverged }
        }
        return units.restored(result)
    }
}

/// All that the fit has to know of epochs: the products of the weak form's functions and of its left-hand sides.
struct LibraryProducts: Sendable {
    private(set) var count = 0
    /// Windows over half their width: how many of them are independent.
    private(set) var observations = 0.0
    /// Functions × functions.
    private(set) var gram: Matrix
    /// Functions × targets.
    private(set) var cross: Matrix
    /// Squares of the left-hand sides.
    private(set) var squares: [Double]

    init(functions: Int, variables: Int) {
        gram = Matrix(rows: functions, columns: functions)
        cross = Matrix(rows: functions, columns: variables)
        squares = [Double](repeating: 0, count: variables)
    }

    /// The products of all epochs that hold a window.
    init(
        _ trajectories: Trajectories, _ library: FunctionLibrary, _ settings: DynamicsSettings
    ) throws(InvalidTrajectories) {
        let form = WeakForm(
            derivativeOrder: settings.derivativeOrder, halfWidth: settings.halfWidth, interval: trajectories.interval)
        self.init(functions: library.terms.count, variables: library.variables)
        let (design, response) = try form.equations(trajectories, functions: library.values)
        count = design.rows
        observations = Double(design.rows) / Double(settings.halfWidth)
        gram = Matrix.product(design, transposed: true, design, parallelism: settings.parallelism)
        cross = Matrix.product(design, transposed: true, response)
        squares = (0..<response.columns).map { response.column($0).reduce(0) { $0 + $1 * $1 } }
    }

    /// Adds those of other epochs, as often as given.
    mutating func add(_ other: LibraryProducts, times: Int) {
        count += times * other.count
        observations += Double(times) * other.observations
        gram = gram + other.gram * Double(times)
        cross = cross + other.cross * Double(times)
        squares = zip(squares, other.squares).map { $0 + Double(times) * $1 }
    }

    /// Targets × functions: least squares on the functions that are left of all of them, or of those that the group Lasso
    /// chooses, whichever has the smaller criterion: functions that are much alike mislead the Lasso, many of them elimination.
    func fit(_ library: FunctionLibrary) throws(InvalidTrajectories) -> Matrix {
        let scales = (0..<gram.rows).map { (gram[$0, $0] / Double(max(1, count))).squareRoot() }
        guard scales.allSatisfy({ $0 > 0 && $0.isFinite }) else { throw .dependent }
        let scaled = Matrix(rows: gram.rows, columns: gram.columns) { gram[$0, $1] / (scales[$0] * scales[$1]) }
        var result = Matrix(rows: library.variables, columns: library.terms.count)
        for target in 0..<library.variables {
            guard squares[target] > 0 else { throw .dependent }
            let unit = (squares[target] / Double(count)).squareRoot()
            let own: [FunctionLibrary.Term] = [.product([target]), .velocity(target)]
            let free = library.terms.indices.filter { own.contains(library.terms[$0]) }
            let others = library.terms.indices.filter { !own.contains(library.terms[$0]) }
            let right = scales.indices.map { cross[$0, target] / (scales[$0] * unit) }
            let path = try GramPath(
                gram: scaled, cross: right, squares: Double(count), count: count, free: free,
                blocks: others.map { [$0] }, weights: [Double](repeating: 1, count: others.count),
                observations: max(2, observations))
            let points = try path.points(lambda: nil, relativeGap: 1e-6)
            let chosen = points.min { $0.criterion < $1.criterion }?.active.map { others[$0] } ?? []
            let left = [free + chosen, free + others].compactMap {
                BackwardElimination.best(
                    gram: scaled, cross: right, squares: Double(count), count: count,
                    observations: max(2, observations),
                    start: $0, held: free)
            }
            guard let best = left.min(by: { $0.criterion < $1.criterion }),
                let fit = path.refit(best.columns.compactMap { others.firstIndex(of: $0) })
            else { throw .dependent }
            for (k, value) in fit.coefficients.enumerated() { result[target, k] = value * unit / scales[k] }
        }
        return result
    }

    /// Connections through functions that are left.
    ///
    /// - Parameter share: of the strongest influence; weaker ones are not selected.
    func connections(
        _ library: FunctionLibrary, _ coefficients: Matrix, share: Double, isClaimed: Bool
    ) -> [Connection] {
        let n = library.variables
        func square(_ target: Int, _ kept: [Int]) -> Double {
            var sum = 0.0
            for a in kept { for b in kept { sum += coefficients[target, a] * coefficients[target, b] * gram[a, b] } }
            return max(0, sum)
        }
        let whole = (0..<n).map { square($0, Array(library.terms.indices)) }
        var connections = Connection.pairs(of: n).map { pair in
            let kept = library.terms.indices.filter {
                coefficients[pair.target, $0] != 0 && library.terms[$0].variables.contains(pair.source)
            }
            let ratio = whole[pair.target] > 0 ? square(pair.target, kept) / whole[pair.target] : 0
            return Connection(
                source: pair.source, target: pair.target, influence: ratio.squareRoot(),
                isSelected: isClaimed && !kept.isEmpty)
        }
        let strongest = connections.reduce(0) { max($0, $1.influence) }
        for k in connections.indices where connections[k].influence < share * strongest {
            connections[k].isSelected = false
        }
        return connections
    }
}

/// The motion that a library's equations give.
private struct LibraryMotion {
    private let library: FunctionLibrary
    private let coefficients: Matrix
    private let order: Int
    /// Functions at a state.
    private var values: [Double]
    /// Four slopes and a state between, one after another.
    private var work: [Double]

    init(_ library: FunctionLibrary, _ coefficients: Matrix, order: Int) {
        self.library = library
        self.coefficients = coefficients
        self.order = order
        values = [Double](repeating: 0, count: library.terms.count)
        work = [Double](repeating: 0, count: 5 * order * library.variables)
    }

    /// The state at the last of some samples, by a cubic polynomial through all of them.
    func state(after samples: Matrix, interval: Double) -> [Double] {
        let count = samples.columns
        // Time runs back from the last sample.
        let powers = Matrix(rows: count, columns: 4) { pow(Double($0 - count + 1), Double($1)) }
        let normal = Matrix.product(powers, transposed: true, powers)
        let right = Matrix.product(powers, transposed: true, samples, transposed: true)
        // Seven different times: positive definite.
        guard let fit = try? Cholesky(normal).solve(right) else { return [] }
        let position = (0..<samples.rows).map { fit[0, $0] }
        return order == 1 ? position : position + (0..<samples.rows).map { fit[1, $0] / interval }
    }

    /// One step of Runge and Kutta's method.
    mutating func step(_ state: inout [Double], _ interval: Double) {
        let size = state.count
        let n = library.variables
        values.withUnsafeMutableBufferPointer { values in
            work.withUnsafeMutableBufferPointer { work in
                state.withUnsafeMutableBufferPointer { state in
                    guard let values = values.baseAddress, let work = work.baseAddress, let z = state.baseAddress else {
                        return
                    }
                    let between = work + 4 * size
                    for stage in 0..<4 {
                        let slope = work + stage * size
                        let part = stage == 0 ? 0 : (stage == 3 ? interval : interval / 2)
                        for k in 0..<size { between[k] = z[k] + part * (stage == 0 ? 0 : (slope - size)[k]) }
                        library.evaluate(between, between + (order - 1) * n, into: values)
                        BLAS.gemv(
                            false, n, coefficients.columns, 1, coefficients.elements, n, values, 0,
                            slope + (order - 1) * n)
                        if order == 2 { for k in 0..<n { slope[k] = between[n + k] } }
                    }
                    for k in 0..<size {
                        let sum = work[k] + 2 * work[size + k] + 2 * work[2 * size + k] + work[3 * size + k]
                        z[k] += interval / 6 * sum
                    }
                }
            }
        }
    }
}

extension DynamicsKind {
    /// ``LibraryModel``.
    public static let library = DynamicsKind(
        "library", help: "differential equations of few functions: products of variables, tanh; in the weak form"
    ) { trajectories, settings throws(InvalidTrajectories) in try LibraryModel(trajectories, settings) }
}
