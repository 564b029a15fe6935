import LinearAlgebra

/// The second derivative of the objective at the active coefficients of a solution, H = ΦᵀΦ + Λ with Φz = XZA, and what
/// follows: degrees of freedom, Stein's unbiased risk estimate, and how both change with λ and ρ.
///
/// Up to `exactSize` coefficients H is inverted and all is exact; above, systems are solved by conjugate gradients and the
/// degrees of freedom are an estimate with one probe of random signs (Hutchinson 1990), the same one for all solutions of a
/// problem, so that differences between solutions hardly feel it.
public final class TimeFrequencyCurvature {
    /// Number of real coefficients that are not zero.
    public var size: Int { coordinates.values.count }
    /// tr(H⁻¹ΦᵀΦ), the divergence of the fit, or its estimate.
    public let degreesOfFreedom: Double
    /// Whether the degrees of freedom are exact.
    public let isExact: Bool
    private let problem: RegressionProblem
    private let frame: GaborFrame
    private let solution: TimeFrequencySolution
    private let coordinates: ActiveCoordinates
    private let design: Matrix
    /// XᵀX of the active columns.
    private let gram: Matrix
    /// ΦᵀΦ and H⁻¹, where exact.
    private let dense: (product: Matrix, inverse: Matrix)?
    /// H⁻¹Φᵀε of the probe ε, where not.
    private var probed: [Double] = []
    private let parallelism: Parallelism
    private let tolerance: Double

    /// - Parameters:
    ///   - solution: of this problem and penalty.
    ///   - penalty: that it was found with.
    ///   - problem: what was solved.
    ///   - exactSize: most coefficients for which H is inverted.
    ///   - seed: of the probe.
    ///   - tolerance: of the estimate, relative: it ends where ten steps of conjugate gradients add less. Slopes are solved
    ///     to a residual of ten times that.
    ///   - wantsFreedom: without it an estimate is spared, the degrees of freedom are NaN, and so is the risk.
    ///   - parallelism: threads; they change no bit.
    /// - Complexity: O(k³) for k coefficients, or O(|S|(D·window + |S|T)) a step of conjugate gradients.
    public init(
        _ solution: TimeFrequencySolution, _ penalty: TimeFrequencyPenalty, in problem: RegressionProblem,
        exactSize: Int = 1500, seed: UInt64 = 1, tolerance: Double = 1e-3, wantsFreedom: Bool = true,
        parallelism: Parallelism = .serial
    ) {
        self.problem = problem
        self.solution = solution
        self.parallelism = parallelism
        self.tolerance = tolerance
        frame = penalty.frame
        coordinates = ActiveCoordinates(solution, penalty)
        design = solution.active.designColumns(of: problem)
        gram = Matrix.product(design, transposed: true, design)
        let count = coordinates.values.count
        dense =
            count <= exactSize
            ? Self.inverted(coordinates, gram, penalty.frame, parallelism: parallelism) : nil
        isExact = dense != nil
        guard count > 0 else {
            degreesOfFreedom = 0
            return
        }
        if let dense {
            degreesOfFreedom = zip(dense.product.elements, dense.inverse.elements).reduce(0) { $0 + $1.0 * $1.1 }
            return
        }
        guard wantsFreedom else {
            degreesOfFreedom = .nan
            return
        }
        var random = SeededGenerator(seed: seed)
        let signs = Matrix(rows: problem.rowCount, columns: frame.samples) { _, _ in random.next() >> 63 == 0 ? 1 : -1 }
        let projected = Self.adjoint(
            Matrix.product(signs, transposed: true, design, parallelism: parallelism), coordinates, penalty.frame)
        let operation = Operator(
            coordinates, solution.active.offsets, gram, penalty.frame, parallelism: parallelism)
        probed = operation.solve(projected, tolerance: 0, gain: tolerance)
        degreesOfFreedom = zip(projected, probed).reduce(0) { $0 + $1.0 * $1.1 }
    }

    /// Stein's unbiased risk estimate, ‖Y − XB‖² − nTσ² + 2σ²·dof.
    ///
    /// - Parameter noiseVariance: σ² of an entry of the whitened data.
    public func risk(noiseVariance: Double) -> Double {
        solution.squaredResidual - Double(problem.rowCount * problem.sampleCount) * noiseVariance
            + 2 * noiseVariance * degreesOfFreedom
    }

    /// How a criterion changes with λ and ρ while the support stays.
    ///
    /// - Parameter slope: ∂C/∂B of the active columns, T × columns.
    /// - Returns: dC/dλ and dC/dρ.
    public func hypergradient(of slope: Matrix) -> (lambda: Double, rho: Double) {
        hypergradient(ofCoordinates: Self.adjoint(slope, coordinates, frame))
    }

    private func hypergradient(ofCoordinates slope: [Double]) -> (lambda: Double, rho: Double) {
        guard !slope.isEmpty else { return (0, 0) }
        let (lambda, rho) = coordinates.slopes(solve(slope))
        return (-lambda, -rho)
    }

    /// The derivatives of ``risk(noiseVariance:)`` with respect to λ and ρ while the support stays; where the degrees of
    /// freedom are an estimate, those of the estimate. Where coefficients come and go the degrees of freedom jump: over longer
    /// ways the risk need not follow these slopes.
    public func riskSlopes(noiseVariance: Double) -> (lambda: Double, rho: Double) {
        guard size > 0 else { return (0, 0) }
        guard isExact || !probed.isEmpty else { return (.nan, .nan) }
        let residual = problem.response - solution.active.fit(in: problem)
        var slope = Self.adjoint(Matrix.product(residual, transposed: true, design) * -2, coordinates, frame)
        // d tr(H⁻¹ΦᵀΦ) = −⟨K, dΛ⟩ with K = H⁻¹ΦᵀΦH⁻¹, of the probe K = wwᵀ.
        let change: (values: [Double], lambda: Double, rho: Double)
        if let dense {
            let k = dense.inverse * dense.product * dense.inverse
            change = coordinates.kernelSlopes { range in
                (
                    range.reduce(0) { $0 + k[$1, $1] },
                    range.map { i in range.reduce(0) { $0 + k[$1, i] * coordinates.values[$1] } }
                )
            }
        } else {
            change = coordinates.kernelSlopes { [probed] range in
                let along = range.reduce(0) { $0 + probed[$1] * coordinates.values[$1] }
                return (range.reduce(0) { $0 + probed[$1] * probed[$1] }, range.map { along * probed[$0] })
            }
        }
        for i in slope.indices { slope[i] -= 2 * noiseVariance * change.values[i] }
        let direct = hypergradient(ofCoordinates: slope)
        return (direct.lambda - 2 * noiseVariance * change.lambda, direct.rho - 2 * noiseVariance * change.rho)
    }

    /// H⁻¹ times a vector.
    private func solve(_ rightHandSide: [Double]) -> [Double] {
        guard let dense else {
            return Operator(
                coordinates, solution.active.offsets, gram, frame, parallelism: parallelism
            ).solve(rightHandSide, tolerance: 10 * tolerance)
        }
        return Matrix.product(dense.inverse, Matrix(rows: size, columns: 1, elements: rightHandSide)).elements
    }

    /// The coefficients of time courses, T × columns, at the coordinates.
    private static func adjoint(_ courses: Matrix, _ coordinates: ActiveCoordinates, _ frame: GaborFrame) -> [Double] {
        let all = frame.analysis(courses).elements
        return coordinates.places.map { all[$0] }
    }

    /// ΦᵀΦ, whose entries are products of those of XᵀX and of AAᵀ, and H⁻¹; nil where H is not finite.
    private static func inverted(
        _ coordinates: ActiveCoordinates, _ gram: Matrix, _ frame: GaborFrame, parallelism: Parallelism
    ) -> (product: Matrix, inverse: Matrix)? {
        let count = coordinates.values.count
        let rows = coordinates.places.map { $0 % frame.size }
        let used = Array(Set(rows)).sorted()
        let number = Dictionary(uniqueKeysWithValues: used.enumerated().map { ($1, $0) })
        let atoms = frame.analysis(.identity(frame.samples)).rows(used)
        let overlaps = Matrix.product(atoms, transposed: false, atoms, transposed: true, parallelism: parallelism)
        let own = rows.map { number[$0] ?? 0 }
        let columns = coordinates.places.map { $0 / frame.size }
        let product = Matrix(rows: count, columns: count) {
            gram[columns[$0], columns[$1]] * overlaps[own[$0], own[$1]]
        }
        var full = product
        for (part, scale) in coordinates.scaled where scale > 0 {
            let curvature = scale / part.norm
            for j in part.range {
                let along = coordinates.values[j] / (part.norm * part.norm)
                for i in part.range { full[i, j] -= curvature * coordinates.values[i] * along }
                full[j, j] += curvature
            }
        }
        let mean = (0..<count).reduce(0) { $0 + full[$1, $1] } / Double(max(1, count))
        // Where the coefficients are not unique H is singular along what changes no fit: a little ridge takes its
        // pseudoinverse's place.
        for ridge in [0, 1e-12, 1e-10] {
            for j in 0..<count { full[j, j] += ridge * mean }
            if let factor = try? Cholesky(full) { return (product, factor.inverse()) }
        }
        return nil
    }
}

/// H = ΦᵀΦ + Λ as a product, for conjugate gradients.
private struct Operator {
    private let coordinates: ActiveCoordinates
    private let gram: Matrix
    private let frame: GaborFrame
    private let parallelism: Parallelism
    private let preconditioner: [Double]
    /// First column of each source.
    private let offsets: [Int]

    init(
        _ coordinates: ActiveCoordinates, _ offsets: [Int], _ gram: Matrix, _ frame: GaborFrame,
        parallelism: Parallelism
    ) {
        self.coordinates = coordinates
        self.offsets = offsets
        self.gram = gram
        self.frame = frame
        self.parallelism = parallelism
        var diagonal = coordinates.places.map { gram[$0 / frame.size, $0 / frame.size] }
        for (part, scale) in coordinates.scaled {
            for k in part.range { diagonal[k] += scale / part.norm }
        }
        preconditioner = diagonal.map { 1 / $0 }
    }

    /// Hw, in memory of the caller, twice T × columns.
    private func apply(
        _ w: [Double], into image: inout [Double], _ transform: FrameTransform, _ memory: inout [[Double]]
    ) {
        let (t, columns) = (frame.samples, gram.columns)
        memory[0].withUnsafeMutableBufferPointer { courses in
            forEachSource { groups, columns, first in
                guard let courses = courses.baseAddress else { return }
                w.withUnsafeBufferPointer {
                    guard let w = $0.baseAddress else { return }
                    transform.synthesize(
                        columns.count, w + first, groups: groups, into: courses + columns.lowerBound * t)
                }
            }
        }
        parallelism.gemm(
            false, false, t, columns, columns, 1, memory[0], t, gram.elements, columns, 0, &memory[1], t)
        memory[1].withUnsafeBufferPointer { courses in
            image.withUnsafeMutableBufferPointer { image in
                forEachSource { groups, columns, first in
                    guard let courses = courses.baseAddress, let image = image.baseAddress else { return }
                    transform.analyze(
                        columns.count, courses + columns.lowerBound * t, groups: groups, into: image + first)
                }
            }
        }
        coordinates.addCurved(w, to: &image)
    }

    /// Groups, columns and first coordinate of each source.
    private func forEachSource(_ body: (UnsafeBufferPointer<Int32>, Range<Int>, Int) -> Void) {
        coordinates.listed.withUnsafeBufferPointer { listed in
            for (i, source) in coordinates.sources.enumerated() {
                let own = coordinates.listOffsets[i]..<coordinates.listOffsets[i + 1]
                body(
                    UnsafeBufferPointer(rebasing: listed[own]), offsets[i]..<offsets[i + 1], source.range.lowerBound)
            }
        }
    }

    /// H⁻¹b by preconditioned conjugate gradients, until the residual has shrunk to `tolerance`, or ten steps add less than
    /// `gain` to ⟨b, H⁻¹b⟩.
    func solve(_ b: [Double], tolerance: Double, gain: Double = 0) -> [Double] {
        func dot(_ a: [Double], _ b: [Double]) -> Double { BLAS.dot(a.count, a, b) }
        let transform = FrameTransform(frame, AllocationCount())
        var memory = [[Double]](
            repeating: [Double](repeating: 0, count: frame.samples * gram.columns), count: 2)
        var image = b
        var x = [Double](repeating: 0, count: b.count)
        var r = b
        var z = zip(r, preconditioner).map { $0 * $1 }
        var p = z
        var rho = dot(r, z)
        let goal = tolerance * tolerance * dot(b, b)
        var (energy, marked) = (0.0, 0.0)
        for step in 1...2000 {
            guard dot(r, r) > goal else { break }
            apply(p, into: &image, transform, &memory)
            let curvature = dot(p, image)
            guard curvature > 0 else { break }
            energy += rho * rho / curvature
            BLAS.axpy(x.count, rho / curvature, p, &x)
            BLAS.axpy(r.count, -rho / curvature, image, &r)
            for i in z.indices { z[i] = r[i] * preconditioner[i] }
            let next = dot(r, z)
            if step % 10 == 0 {
                if energy - marked <= gain * energy { break }
                marked = energy
            }
            let ratio = next / rho
            rho = next
            for i in p.indices { p[i] = z[i] + ratio * p[i] }
        }
        return x
    }
}
