import Glibc
import LinearAlgebra

/// Solves a network's equations for a batch of segments and differentiates what comes out, by hand: the memory it needs.
///
/// Everything is kept a segment a row, column after column, so that a unit's values over the batch are contiguous: state
/// (rows × inputs), targets (rows × n a sample). Activations of all evaluations stand one below the other, so that one matrix
/// product a layer gives the weights' gradient.
package final class NetworkWorkspace {
    let shape: NetworkShape
    let solver: NetworkSolver
    /// Most segments a batch.
    let batch: Int
    /// Most samples a segment.
    let samples: Int
    let method: RungeKutta

    // Set by what is computed last.
    private(set) var rows = 0
    private var evaluations = 0
    /// The steps taken: length, and how many samples were reached by its end.
    private(set) var steps: [(length: Double, sample: Int, isSample: Bool)] = []

    /// Most evaluations, and rows from one column to the next; grows where adaptive steps are many.
    private var capacity = 0
    private var ld = 0
    private var inputs: Buffer
    private var outputs: Buffer
    private var outputDeltas: Buffer
    private var hidden: [Buffer]
    private var deltas: [Buffer]
    private let state: Buffer
    private let next: Buffer
    private let stageAdjoints: Buffer
    private let slopeAdjoint: Buffer
    private let residuals: Buffer
    /// States at the samples, rows × inputs each.
    private let path: Buffer
    /// The loss's gradient by the first states, rows × inputs.
    let adjoint: Buffer
    private let ones: Buffer

    /// Memory that lives as long as its workspace.
    final class Buffer {
        let start: UnsafeMutablePointer<Double>
        let count: Int

        init(_ count: Int) {
            self.count = max(1, count)
            start = .allocate(capacity: self.count)
            start.initialize(repeating: 0, count: self.count)
        }

        deinit { start.deallocate() }
    }

    /// - Parameters:
    ///   - batch: most segments.
    ///   - samples: most samples of a segment after its start.
    ///   - keepsAll: whether gradients will be asked for.
    package init(_ shape: NetworkShape, batch: Int, samples: Int, solver: NetworkSolver, keepsAll: Bool = true) {
        self.shape = shape
        self.batch = batch
        self.samples = samples
        self.solver = solver
        switch solver {
        case .fixed: method = .four
        case .adaptive: method = .dormandPrince
        }
        let size = batch * shape.inputs
        (state, next) = (Buffer(size), Buffer(size))
        (slopeAdjoint, adjoint) = (Buffer(size), Buffer(size))
        stageAdjoints = Buffer(method.stages.count * size)
        residuals = Buffer(batch * shape.variables)
        path = Buffer(samples * size)
        ones = Buffer(0)
        (inputs, outputs, outputDeltas) = (Buffer(0), Buffer(0), Buffer(0))
        (hidden, deltas) = ([], [])
        var perSample = 1
        if case .fixed(let steps) = solver { perSample = max(1, steps) }
        grow(to: (keepsAll ? samples * perSample : 1) * method.stages.count + 1)
        steps.reserveCapacity(capacity / method.stages.count + 1)
    }

    /// Makes room for so many evaluations; what was computed is lost.
    private func grow(to evaluations: Int) {
        capacity = evaluations
        // Columns a power of two apart would fall on one another in the cache.
        ld = ((evaluations * batch + 7) & ~7) + 8
        inputs = Buffer(ld * shape.inputs)
        outputs = Buffer(ld * shape.variables)
        outputDeltas = Buffer(ld * shape.variables)
        hidden = shape.layers.dropLast().map { Buffer(ld * $0.units) }
        deltas = shape.layers.dropLast().map { Buffer(ld * $0.units) }
    }
}

// MARK: - The network

extension NetworkWorkspace {
    /// The network at the inputs of one evaluation.
    private func evaluate(_ number: Int, _ p: UnsafePointer<Double>) {
        let offset = number * rows
        for (index, layer) in shape.layers.enumerated() {
            let isLast = index == shape.layers.count - 1
            let source = (index == 0 ? inputs : hidden[index - 1]).start + offset
            let target = (isLast ? outputs : hidden[index]).start + offset
            for block in 0..<layer.blocks {
                BLAS.gemm(
                    false, true, rows, layer.rows, layer.columns, 1, source + block * layer.columns * ld, ld,
                    p + layer.weights + block * layer.rows * layer.columns, layer.rows, 0,
                    target + block * layer.rows * ld, ld)
            }
            for unit in 0..<layer.units {
                let column = target + unit * ld
                let bias = p[layer.biases + unit]
                if isLast {
                    for k in 0..<rows { column[k] += bias }
                } else {
                    ELU.replace(column, bias: bias, rows)
                }
            }
        }
        if shape.skip == .inner {
            let n = shape.variables
            BLAS.gemm(
                false, true, rows, n, shape.inputs, 1, inputs.start + offset, ld, p + shape.skipStart, n, 1,
                outputs.start + offset, ld)
        }
    }

    /// The product of the outputs' adjoint, as it stands in `outputDeltas`, and the network's Jacobian; rows × inputs.
    private func pull(
        _ number: Int, _ p: UnsafePointer<Double>, into result: UnsafeMutablePointer<Double>
    ) {
        let offset = number * rows
        for (index, layer) in shape.layers.enumerated().reversed() {
            let isLast = index == shape.layers.count - 1
            let source = (isLast ? outputDeltas : deltas[index]).start + offset
            let target = index == 0 ? result : deltas[index - 1].start + offset
            let apart = index == 0 ? rows : ld
            for block in 0..<layer.blocks {
                BLAS.gemm(
                    false, false, rows, layer.columns, layer.rows, 1, source + block * layer.rows * ld, ld,
                    p + layer.weights + block * layer.rows * layer.columns, layer.rows, 0,
                    target + block * layer.columns * apart, apart)
            }
            guard index > 0 else { continue }
            for unit in 0..<shape.layers[index - 1].units {
                ELU.multiply(target + unit * ld, hidden[index - 1].start + offset + unit * ld, rows)
            }
        }
        if shape.skip == .inner {
            let n = shape.variables
            BLAS.gemm(
                false, false, rows, shape.inputs, n, 1, outputDeltas.start + offset, ld, p + shape.skipStart, n, 1,
                result, rows)
        }
    }

    /// The gradient by the layers' numbers and an inner skip connection, from all evaluations at once.
    private func collect(into gradient: UnsafeMutablePointer<Double>) {
        let all = evaluations * rows
        for (index, layer) in shape.layers.enumerated() {
            let source = (index == 0 ? inputs : hidden[index - 1]).start
            let delta = (index == shape.layers.count - 1 ? outputDeltas : deltas[index]).start
            for block in 0..<layer.blocks {
                BLAS.gemm(
                    true, false, layer.rows, layer.columns, all, 1, delta + block * layer.rows * ld, ld,
                    source + block * layer.columns * ld, ld, 0,
                    gradient + layer.weights + block * layer.rows * layer.columns, layer.rows)
            }
            for unit in 0..<layer.units {
                gradient[layer.biases + unit] = Self.sum(delta + unit * ld, all)
            }
        }
        if shape.skip == .inner {
            let n = shape.variables
            BLAS.gemm(
                true, false, n, shape.inputs, all, 1, outputDeltas.start, ld, inputs.start, ld, 0,
                gradient + shape.skipStart, n)
        }
    }

    private static func sum(_ values: UnsafePointer<Double>, _ count: Int) -> Double {
        var lanes = SIMD4<Double>.zero
        let whole = count & ~3
        var k = 0
        while k < whole {
            lanes += UnsafeRawPointer(values + k).loadUnaligned(as: SIMD4<Double>.self)
            k += 4
        }
        var sum = lanes.sum()
        while k < count {
            sum += values[k]
            k += 1
        }
        return sum
    }

    /// Adds the mean of |∂f_i/∂z_j| and of ∂f_i/∂z_j over states, times their number, to two n × inputs matrices.
    ///
    /// - Parameter states: count × inputs, column after column, at most ``batch``.
    func addJacobians(
        _ p: UnsafePointer<Double>, states: UnsafePointer<Double>, count: Int, absolute: inout Matrix,
        signed: inout Matrix
    ) {
        rows = count
        let n = shape.variables
        for column in 0..<shape.inputs {
            (inputs.start + column * ld).update(from: states + column * count, count: count)
        }
        evaluate(0, p)
        for output in 0..<n {
            for column in 0..<n {
                (outputDeltas.start + column * ld).update(repeating: column == output ? 1 : 0, count: count)
            }
            pull(0, p, into: slopeAdjoint.start)
            for column in 0..<shape.inputs {
                for k in 0..<count {
                    let value = slopeAdjoint.start[column * count + k]
                    absolute[output, column] += abs(value)
                    signed[output, column] += value
                }
            }
        }
    }
}

// MARK: - The solver

extension NetworkWorkspace {
    /// Where a slope of the state stands: of positions of second order, in the velocities of the evaluation's inputs.
    private func slope(_ column: Int, _ evaluation: Int) -> UnsafeMutablePointer<Double> {
        let n = shape.variables
        let offset = evaluation * rows
        if shape.order == 2, column < n { return inputs.start + (n + column) * ld + offset }
        return outputs.start + (shape.order == 2 ? column - n : column) * ld + offset
    }

    /// to ← from + Σ_j h·c_j·(slope j), over all columns of the state; evaluations from `first` on.
    private func combine(
        _ coefficients: [Double], _ h: Double, first: Int, from: UnsafePointer<Double>,
        to: UnsafeMutablePointer<Double>, apart: Int
    ) {
        for column in 0..<shape.inputs {
            let target = to + column * apart
            target.update(from: from + column * rows, count: rows)
            for j in coefficients.indices where coefficients[j] != 0 {
                let part = h * coefficients[j]
                let slope = slope(column, first + j)
                for k in 0..<rows { target[k] += part * slope[k] }
            }
        }
    }

    /// The stages of one step after the first, and the state after it into `next`.
    private func step(_ h: Double, first: Int, _ p: UnsafePointer<Double>) {
        for stage in 1..<method.stages.count {
            combine(
                method.stages[stage], h, first: first, from: state.start,
                to: inputs.start + (first + stage) * rows, apart: ld)
            evaluate(first + stage, p)
        }
        combine(method.weights, h, first: first, from: state.start, to: next.start, apart: rows)
    }

    /// The first stage of a step: the network at the state.
    private func begin(_ evaluation: Int, at state: Buffer, _ p: UnsafePointer<Double>) {
        for column in 0..<shape.inputs {
            (inputs.start + column * ld + evaluation * rows).update(from: state.start + column * rows, count: rows)
        }
        evaluate(evaluation, p)
    }

    /// Solves from first states over some samples and keeps all that the gradient needs.
    ///
    /// - Parameters:
    ///   - p: the shape's numbers, gates applied to the weights.
    ///   - starts: rows × inputs.
    ///   - interval: from one sample to the next.
    ///   - keepsAll: whether a gradient will follow; without it, steps take each other's place.
    /// - Returns: whether all stays finite.
    package func solve(
        _ p: UnsafePointer<Double>, starts: UnsafePointer<Double>, rows: Int, samples: Int, interval: Double,
        keepsAll: Bool = true
    ) -> Bool {
        precondition(rows <= batch && samples <= self.samples)
        self.rows = rows
        steps.removeAll(keepingCapacity: true)
        evaluations = 0
        state.start.update(from: starts, count: rows * shape.inputs)
        switch solver {
        case .fixed(let count):
            let perSample = max(1, count)
            for number in 0..<(samples * perSample) {
                begin(evaluations, at: state, p)
                advance(
                    interval / Double(perSample), sample: number / perSample,
                    isSample: number % perSample == perSample - 1, p, keepsAll)
            }
        case .adaptive(let relative, let absolute):
            guard adapt(p, samples, interval, (relative, absolute), keepsAll) else { return false }
        }
        return isFinite(state.start, rows * shape.inputs)
    }

    /// Takes a step whose first stage is there.
    private func advance(
        _ h: Double, sample: Int, isSample: Bool, _ p: UnsafePointer<Double>, _ keepsAll: Bool
    ) {
        step(h, first: evaluations, p)
        accept(h, sample: sample, isSample: isSample, keepsAll)
    }

    private func accept(_ h: Double, sample: Int, isSample: Bool, _ keepsAll: Bool) {
        let size = rows * shape.inputs
        state.start.update(from: next.start, count: size)
        if isSample { (path.start + sample * size).update(from: state.start, count: size) }
        guard keepsAll else { return }
        steps.append((h, sample, isSample))
        evaluations += method.stages.count
    }

    /// Steps by the embedded method's error; the slope after a step is the next one's first.
    private func adapt(
        _ p: UnsafePointer<Double>, _ samples: Int, _ interval: Double, _ tolerance: (Double, Double), _ keepsAll: Bool
    ) -> Bool {
        let size = rows * shape.inputs
        var wanted = interval
        var attempts = 0
        begin(0, at: state, p)
        for sample in 0..<samples {
            var left = interval
            while left > 0 {
                attempts += 1
                if evaluations + method.stages.count + 1 > capacity {
                    guard widen() else { return false }
                }
                let isLast = wanted >= left * (1 - 1e-12)
                let h = isLast ? left : wanted
                step(h, first: evaluations, p)
                begin(evaluations + method.stages.count, at: next, p)
                let error = embeddedError(h, tolerance)
                guard error.isFinite, attempts < 100_000 else { return false }
                let factor = min(10, max(0.2, 0.9 * pow(max(error, 1e-10), -0.2)))
                if error <= 1 {
                    accept(h, sample: sample, isSample: isLast, keepsAll)
                    left = isLast ? 0 : left - h
                    // What a sample cut short says nothing against longer steps.
                    wanted = isLast && factor >= 1 ? max(wanted, h * factor) : h * factor
                    if !keepsAll { begin(0, at: state, p) }
                } else {
                    wanted = h * factor
                    guard wanted > 1e-12 * interval else { return false }
                }
            }
        }
        return isFinite(state.start, size)
    }

    /// Twice the room, with what is there.
    private func widen() -> Bool {
        guard capacity < 200_000 else { return false }
        let old = (ld, inputs, outputs, hidden)
        grow(to: 2 * capacity)
        func copy(_ from: Buffer, _ to: Buffer, _ columns: Int) {
            for column in 0..<columns {
                (to.start + column * ld).update(from: from.start + column * old.0, count: old.0)
            }
        }
        copy(old.1, inputs, shape.inputs)
        copy(old.2, outputs, shape.variables)
        for (index, layer) in shape.layers.dropLast().enumerated() { copy(old.3[index], hidden[index], layer.units) }
        return true
    }

    /// The root mean square of the embedded method's error over what is allowed.
    private func embeddedError(_ h: Double, _ tolerance: (relative: Double, absolute: Double)) -> Double {
        var sum = 0.0
        for column in 0..<shape.inputs {
            for k in 0..<rows {
                var error = 0.0
                for (j, weight) in method.errorWeights.enumerated() where weight != 0 {
                    error += weight * slope(column, evaluations + j)[k]
                }
                let place = column * rows + k
                let size = max(abs(state.start[place]), abs(next.start[place]))
                let scaled = h * error / (tolerance.absolute + tolerance.relative * size)
                sum += scaled * scaled
            }
        }
        return (sum / Double(rows * shape.inputs)).squareRoot()
    }

    private func isFinite(_ values: UnsafePointer<Double>, _ count: Int) -> Bool {
        var sum = 0.0
        for k in 0..<count { sum += values[k] * 0 }
        return sum == 0
    }
}

// MARK: - Loss and gradient

extension NetworkWorkspace {
    /// What is seen at a sample of the last solution: rows × n, column after column.
    func seen(_ sample: Int, _ p: UnsafePointer<Double>, into result: UnsafeMutablePointer<Double>) {
        let n = shape.variables
        let z = path.start + sample * rows * shape.inputs
        result.update(from: z, count: rows * n)
        if shape.skip == .outer {
            BLAS.gemm(false, true, rows, n, shape.inputs, 1, z, rows, p + shape.skipStart, n, 1, result, rows)
        }
    }

    /// The state at a sample of the last solution: rows × inputs.
    func solution(_ sample: Int) -> UnsafePointer<Double> {
        UnsafePointer(path.start + sample * rows * shape.inputs)
    }

    /// The mean square of x − target over samples, segments and variables of the last solution.
    ///
    /// - Parameters:
    ///   - targets: rows × n, sample after sample.
    ///   - each: Σ of squares of every segment, added to.
    func loss(
        _ p: UnsafePointer<Double>, targets: UnsafePointer<Double>, samples: Int,
        each: UnsafeMutablePointer<Double>? = nil
    ) -> Double {
        let size = rows * shape.variables
        var sum = 0.0
        for sample in 0..<samples {
            seen(sample, p, into: residuals.start)
            for k in 0..<size {
                let difference = residuals.start[k] - targets[sample * size + k]
                sum += difference * difference
                if let each { each[k % rows] += difference * difference }
            }
        }
        return sum / Double(size * samples)
    }

    /// The gradient of the loss of the last solution, by reverse steps: by the numbers that a path depends on into `gradient`
    /// (all ``NetworkShape/pathCount`` of them are set), by the first states into ``adjoint``.
    ///
    /// - Returns: the loss.
    /// - Complexity: about twice the solution's.
    package func differentiate(
        _ p: UnsafePointer<Double>, targets: UnsafePointer<Double>, samples: Int,
        into gradient: UnsafeMutablePointer<Double>
    ) -> Double {
        let (n, size) = (shape.variables, rows * shape.variables)
        let isOuter = shape.skip == .outer
        let factor = 2 / Double(size * samples)
        if isOuter { (gradient + shape.skipStart).update(repeating: 0, count: n * shape.inputs) }
        adjoint.start.update(repeating: 0, count: rows * shape.inputs)
        var sum = 0.0
        var first = evaluations
        for number in steps.indices.reversed() {
            let (h, sample, isSample) = steps[number]
            if isSample {
                seen(sample, p, into: residuals.start)
                for k in 0..<size {
                    let difference = residuals.start[k] - targets[sample * size + k]
                    sum += difference * difference
                    residuals.start[k] = factor * difference
                    adjoint.start[k] += factor * difference
                }
                if isOuter {
                    BLAS.gemm(
                        false, false, rows, shape.inputs, n, 1, residuals.start, rows, p + shape.skipStart, n, 1,
                        adjoint.start, rows)
                    BLAS.gemm(
                        true, false, n, shape.inputs, rows, 1, residuals.start, rows,
                        path.start + sample * rows * shape.inputs, rows, 1, gradient + shape.skipStart, n)
                }
            }
            first -= method.stages.count
            reverse(h, first: first, p)
        }
        collect(into: gradient)
        return sum / Double(size * samples)
    }

    /// One step backwards: `adjoint` from its end to its beginning.
    private func reverse(_ h: Double, first: Int, _ p: UnsafePointer<Double>) {
        let (n, width) = (shape.variables, shape.inputs)
        let size = rows * width
        let count = method.stages.count
        let (own, whole) = (slopeAdjoint.start, adjoint.start)
        for stage in (0..<count).reversed() {
            let weight = h * method.weights[stage]
            for k in 0..<size { own[k] = weight * whole[k] }
            for later in (stage + 1)..<max(count, stage + 1) where method.stages[later][stage] != 0 {
                let part = h * method.stages[later][stage]
                let pulled = stageAdjoints.start + later * size
                for k in 0..<size { own[k] += part * pulled[k] }
            }
            for output in 0..<n {
                (outputDeltas.start + output * ld + (first + stage) * rows).update(
                    from: own + (width - n + output) * rows, count: rows)
            }
            let pulled = stageAdjoints.start + stage * size
            pull(first + stage, p, into: pulled)
            if shape.order == 2 {
                for k in 0..<(rows * n) { pulled[rows * n + k] += own[k] }
            }
        }
        for stage in 0..<count {
            let pulled = stageAdjoints.start + stage * size
            for k in 0..<size { whole[k] += pulled[k] }
        }
    }
}
