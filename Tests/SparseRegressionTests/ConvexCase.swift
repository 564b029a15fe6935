import SparseRegression

/// A convex problem as plain numbers. What is true of its optimum is computed here from the definitions, apart from all
/// code of solvers and penalties.
struct ConvexCase: Sendable, CustomStringConvertible {
    var problem: RegressionProblem
    /// λ of the norm.
    var lambda: Double
    /// One weight a block, or a column where entries are penalized; nil means all one.
    var weights: [Double]?
    /// μ of the ridge; zero means none.
    var ridge = 0.0
    /// Whether every entry is a block of its own.
    var isOfEntries = false
    var description: String

    func penalty() throws -> any BlockPenalty {
        switch (isOfEntries, ridge > 0) {
        case (false, false): try GroupLasso(lambda: lambda, weights: weights)
        case (false, true): try ElasticNet(lambda: lambda, ridge: ridge, weights: weights)
        case (true, false): try Lasso(lambda: lambda, weights: weights)
        case (true, true): Entrywise(try ElasticNet(lambda: lambda, ridge: ridge, weights: weights))
        }
    }

    func solve(
        _ solver: any Solver, from start: ActiveSet? = nil, stop: StopRule = StopRule(relativeGap: 1e-12),
        parallelism: Parallelism = .serial
    ) throws -> Solution {
        solver.solve(problem, try penalty(), from: start, stop: stop, parallelism: parallelism)
    }

    /// Y in the samples that solutions are given in.
    var response: Matrix {
        guard isOfEntries, let reduction = problem.reduction else { return problem.response }
        return problem.response * reduction
    }

    /// B of a solution, columns × samples.
    func dense(_ active: ActiveSet) -> Matrix {
        var result = Matrix(rows: problem.design.columns, columns: active.coefficients.rows)
        for (i, block) in active.blocks.enumerated() {
            for (k, column) in problem.blocks.columns(of: block).enumerated() {
                for t in 0..<result.columns { result[column, t] = active.coefficients[t, active.offsets[i] + k] }
            }
        }
        return result
    }

    /// A block of rows and samples under one norm.
    private struct Group {
        let rows: Range<Int>
        let samples: Range<Int>
        let lambda: Double
    }

    private var groups: [Group] {
        let samples = response.columns
        if isOfEntries {
            return (0..<problem.design.columns).flatMap { column in
                (0..<samples).map {
                    Group(rows: column..<(column + 1), samples: $0..<($0 + 1), lambda: scale(column))
                }
            }
        }
        return (0..<problem.blocks.count).map {
            Group(rows: problem.blocks.columns(of: $0), samples: 0..<samples, lambda: scale($0))
        }
    }

    private func scale(_ block: Int) -> Double { lambda * (weights?[block] ?? 1) }

    private func part(_ matrix: Matrix, _ group: Group) -> [Double] {
        group.samples.flatMap { s in group.rows.map { matrix[$0, s] } }
    }

    private func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    /// ½‖Y − XB‖² + Σ λ_j‖B_j‖ + ½μ‖B‖².
    func objective(_ b: Matrix) -> Double {
        var value = 0.5 * (response - problem.design.matrix * b).squaredNorm + 0.5 * ridge * b.squaredNorm
        for group in groups {
            let size = norm(part(b, group))
            if size > 0 { value += group.lambda * size }
        }
        return value
    }

    /// max_j L_j‖B_j − prox(B_j + X_jᵀR/L_j)‖ over max_j ‖X_jᵀY‖.
    func violation(_ b: Matrix) -> Double {
        let x = problem.design.matrix
        let correlation = Matrix.product(x, transposed: true, response - x * b)
        let first = Matrix.product(x, transposed: true, response)
        var (worst, largest) = (0.0, 0.0)
        for group in groups {
            largest = max(largest, norm(part(first, group)))
            let columns = x.columns(Array(group.rows))
            let gram = Matrix.product(columns, transposed: true, columns)
            guard let lipschitz = try? SymmetricEigen(gram).values.last, lipschitz > 0 else { continue }
            let own = part(b, group)
            let moved = zip(own, part(correlation, group)).map { $0 + $1 / lipschitz }
            let size = norm(moved)
            let factor = size > 0 ? max(0, 1 - group.lambda / lipschitz / size) / (1 + ridge / lipschitz) : 0
            worst = max(worst, lipschitz * norm(zip(own, moved).map { $0 - factor * $1 }))
        }
        return largest > 0 ? worst / largest : worst
    }

    /// A lower bound of the optimum from the residual at B, by Fenchel duality.
    func dualBound(_ b: Matrix) -> Double {
        let x = problem.design.matrix
        var residual = response - x * b
        if ridge == 0 {
            // At a feasible point nothing unpenalized is left: Gram–Schmidt, each projection done twice.
            var basis: [[Double]] = []
            func project(_ v: inout [Double]) {
                for _ in 0..<2 {
                    for q in basis {
                        let c = zip(q, v).reduce(0) { $0 + $1.0 * $1.1 }
                        for i in v.indices { v[i] -= c * q[i] }
                    }
                }
            }
            for column in Set(groups.filter { $0.lambda == 0 }.flatMap { Array($0.rows) }).sorted() {
                var v = x.column(column)
                let before = norm(v)
                project(&v)
                let after = norm(v)
                if after > 1e-10 * before { basis.append(v.map { $0 / after }) }
            }
            for s in 0..<residual.columns {
                var v = residual.column(s)
                project(&v)
                for i in v.indices { residual[i, s] = v[i] }
            }
        }
        let correlation = Matrix.product(x, transposed: true, residual)
        let fitted = zip(response.elements, residual.elements).reduce(0) { $0 + $1.0 * $1.1 }
        var factor = 1.0
        if ridge == 0 {
            // The best multiple of the residual, as far as it is feasible.
            factor = residual.squaredNorm > 0 ? fitted / residual.squaredNorm : 0
            for group in groups where group.lambda > 0 {
                factor = min(factor, group.lambda / max(norm(part(correlation, group)), .leastNormalMagnitude))
            }
        }
        var value = factor * fitted - 0.5 * factor * factor * residual.squaredNorm
        if ridge > 0 {
            for group in groups where group.lambda < .infinity {
                let excess = max(0, factor * norm(part(correlation, group)) - group.lambda)
                value -= excess * excess / (2 * ridge)
            }
        }
        return value
    }

    /// ½‖Y‖², what gaps are relative to.
    var unit: Double { problem.squaredResponseNorm > 0 ? 0.5 * problem.squaredResponseNorm : 1 }
}

extension ConvexCase {
    /// What varies between random cases.
    struct Plan: Sendable {
        var rows: Int
        var sizes: [Int]
        var samples: Int
        var correlation = 0.5
        var weighting = Weighting.none
        var ratio: Double
        var isRidged = false
        var isOfEntries = false
        var hasCopies = false
        var seed: UInt64
    }

    /// Weights of the blocks.
    enum Weighting: String, CaseIterable, Sendable {
        case none
        case random
        /// Some zero, some infinite.
        case mixed
    }

    /// A case from a plan: neighbouring columns correlated, a few true blocks, noise; λ as a part of λ_max.
    init(_ plan: Plan) throws {
        var random = SeededGenerator(seed: plan.seed)
        let blocks = BlockStructure(sizes: plan.sizes)
        var design = random.normal(rows: plan.rows, columns: blocks.columnCount)
        let rest = (1 - plan.correlation * plan.correlation).squareRoot()
        for j in 1..<max(2, design.columns) where j < design.columns {
            for i in 0..<plan.rows { design[i, j] = plan.correlation * design[i, j - 1] + rest * design[i, j] }
        }
        if plan.hasCopies {
            for j in design.columns / 2..<design.columns {
                for i in 0..<plan.rows {
                    if j % 5 == 0 { design[i, j] = design[i, j - design.columns / 2] }
                    if j % 7 == 0 { design[i, j] = 0 }
                }
            }
        }
        var truth = Matrix(rows: design.columns, columns: plan.samples)
        for _ in 0..<3 {
            for column in blocks.columns(of: Int(random.next() % UInt64(blocks.count))) {
                for t in 0..<plan.samples { truth[column, t] = 2 * random.normal() }
            }
        }
        let response = design * truth + random.normal(rows: plan.rows, columns: plan.samples)
        problem = try RegressionProblem(
            design: design, response: response, blocks: blocks, keepsSamples: plan.isOfEntries)
        let count = plan.isOfEntries ? design.columns : blocks.count
        switch plan.weighting {
        case .none: weights = nil
        case .random: weights = (0..<count).map { _ in 0.3 + 2 * random.uniform() }
        case .mixed:
            weights = (0..<count).map {
                $0 % 17 == 3 ? 0 : $0 % 11 == 5 ? .infinity : 0.3 + 2 * random.uniform()
            }
        }
        isOfEntries = plan.isOfEntries
        description =
            "\(plan.rows) × \(plan.sizes.count) (\(blocks.columnCount)), T \(plan.samples), corr \(plan.correlation), "
            + "weights \(plan.weighting), λ \(plan.ratio)"
            + (plan.isRidged ? ", ridge" : "") + (plan.isOfEntries ? ", entries" : "")
            + (plan.hasCopies ? ", copies" : "") + ", seed \(plan.seed)"
        lambda = 1
        // A ridge leaves no block free; the largest λ of penalized blocks without one is near enough.
        let largest: Double
        if plan.isOfEntries {
            let columns = BlockStructure(count: design.columns, size: 1)
            largest = try (0..<plan.samples).reduce(0) {
                let own = Matrix(rows: plan.rows, columns: 1, elements: response.column($1))
                return max(
                    $0,
                    try RegressionProblem(design: design, response: own, blocks: columns).largestLambda(
                        weights: weights))
            }
        } else {
            largest = problem.largestLambda(weights: weights)
        }
        lambda = max(plan.ratio * largest, 1e-12)
        ridge = plan.isRidged ? 0.05 * design.squaredNorm / Double(max(1, design.columns)) : 0
    }
}
