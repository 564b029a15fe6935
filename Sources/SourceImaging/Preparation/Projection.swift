/// The subspace that projectors leave: signal-space projection and the EEG average reference (Uusitalo & Ilmoniemi 1997).
struct Projection {
    /// Orthonormal directions that are removed, sensors × k.
    let removed: Matrix

    /// The number of directions removed.
    var rank: Int { removed.columns }

    /// Combines projectors over the chosen channels.
    ///
    /// - Parameter vectors: the parts over the chosen channels of vectors of length one over all channels; they need not
    ///   be orthogonal.
    init(_ vectors: [[Double]], sensorCount: Int) {
        var basis: [[Double]] = []
        for vector in vectors {
            let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            // A projector over channels that are not chosen is nothing here.
            guard length > 1e-6 else { continue }
            var rest = vector.map { $0 / length }
            // Gram–Schmidt, twice for accuracy.
            for _ in 0..<2 {
                for direction in basis {
                    let overlap = zip(rest, direction).reduce(0) { $0 + $1.0 * $1.1 }
                    for i in rest.indices { rest[i] -= overlap * direction[i] }
                }
            }
            let left = rest.reduce(0) { $0 + $1 * $1 }.squareRoot()
            if left > 1e-6 { basis.append(rest.map { $0 / left }) }
        }
        removed = Matrix(rows: sensorCount, columns: basis.count, elements: basis.flatMap { $0 })
    }

    /// All projectors over the chosen channels; an average reference is added where EEG lacks one.
    ///
    /// - Parameters:
    ///   - recording: whose projectors they are.
    ///   - average: its average, all channels.
    ///   - checks: is told of the reference.
    static func all(
        of recording: Recording, _ average: Matrix, _ covariance: NoiseCovariance?, _ matching: ChannelMatching,
        checks: inout Checklist
    ) -> Projection {
        // Lengths are taken over all channels, so that the part of a projector that is left says how much it matters.
        func parts(_ projectors: Matrix, _ rows: [Int]) -> [[Double]] {
            (0..<projectors.rows).compactMap { k in
                let whole = projectors.row(k)
                let largest = whole.map(abs).max() ?? 0
                guard largest > 0 else { return nil }
                let length = whole.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot()
                return rows.map { whole[$0] / largest / length }
            }
        }
        var vectors = parts(recording.projectors, matching.inRecording)
        if let covariance, let rows = matching.inCovariance { vectors += parts(covariance.projectors, rows) }
        let sensors = matching.sensors
        let reference = sensors.kinds.map { $0 == .eeg ? 1.0 : 0.0 }
        let given = Projection(vectors, sensorCount: sensors.count)
        guard reference.reduce(0, +) > 1 else { return given }
        guard given.remainder(of: reference) > 1e-3 else {
            checks.ok("reference", "average reference by projector")
            return given
        }
        let electrodes = matching.inRecording.indices.filter { reference[$0] > 0 }.map { matching.inRecording[$0] }
        // A channel that is left out belonged to the reference, if it was one of all.
        let every = recording.sensors.kinds.indices.filter { recording.sensors.kinds[$0] == .eeg }
        if isReferenced(average.rows(electrodes)) || isReferenced(average.rows(every)) {
            checks.ok("reference", "the EEG is average-referenced; so are gain and covariance now")
        } else {
            checks.look(
                "reference", "the recording has no EEG average reference: one was applied to data, gain and covariance")
        }
        return Projection(vectors + [reference], sensorCount: sensors.count)
    }

    /// Whether the mean over channels is 0 at all times, where all of them are finite and not all are 0.
    private static func isReferenced(_ data: Matrix) -> Bool {
        let used = data.columns((0..<data.columns).filter { t in (0..<data.rows).allSatisfy { data[$0, t].isFinite } })
        let moments = Matrix.product(used, transposed: false, used, transposed: true)
        return used.squaredNorm > 0 && moments.commonPart(of: Array(0..<data.rows)) < 1e-8
    }

    /// (I − UUᵀ)·A.
    func apply(_ matrix: Matrix) -> Matrix {
        guard rank > 0 else { return matrix }
        return matrix - removed * Matrix.product(removed, transposed: true, matrix)
    }

    /// (I − UUᵀ)·A·(I − UUᵀ) of a symmetric A.
    func applyBothSides(_ matrix: Matrix) -> Matrix { rank > 0 ? apply(apply(matrix).transposed) : matrix }

    /// The directions removed, as far as they lie within some channels.
    func rank(within rows: [Int]) -> Int {
        guard rank > 0 else { return 0 }
        let part = removed.rows(rows)
        let products = Matrix.product(part, transposed: true, part, transposed: false)
        guard let eigen = try? SymmetricEigen(products) else { return rank }
        return eigen.values.count { $0 > 1e-6 }
    }

    /// The projection that removes further directions, too.
    ///
    /// - Parameter directions: of length one over the channels; what of them is removed already adds nothing.
    /// - Complexity: O(sensors·directions²), by matrix products: they may be hundreds.
    func removing(_ directions: [[Double]]) -> Projection {
        guard !directions.isEmpty else { return self }
        let new = apply(Matrix(rows: removed.rows, columns: directions.count, elements: directions.flatMap { $0 }))
        guard let eigen = try? SymmetricEigen(Matrix.product(new, transposed: true, new, transposed: false)) else {
            return self
        }
        // What is left of directions that were removed already is rounding.
        let kept = eigen.values.indices.filter { eigen.values[$0] > 1e-12 }
        let basis = new * eigen.vectors.columns(kept)
        let lengths = kept.map { eigen.values[$0].squareRoot() }
        let unit = Matrix(rows: basis.rows, columns: basis.columns) { basis[$0, $1] / lengths[$1] }
        return Projection(
            removed: Matrix(
                rows: removed.rows, columns: rank + kept.count, elements: removed.elements + unit.elements))
    }

    private init(removed: Matrix) { self.removed = removed }

    /// What is left of a unit vector after projection, 0…1.
    func remainder(of vector: [Double]) -> Double {
        let projected = apply(Matrix(rows: vector.count, columns: 1, elements: vector))
        let length = vector.reduce(0) { $0 + $1 * $1 }
        return length > 0 ? (projected.squaredNorm / length).squareRoot() : 0
    }
}

extension Matrix {
    /// Of second moments of channels the power of the mean of some, over the mean of their powers; 0 where they have none.
    func commonPart(of rows: [Int]) -> Double {
        let powers = rows.reduce(0) { $0 + self[$1, $1] }
        let ofMean = rows.reduce(0) { sum, i in rows.reduce(sum) { $0 + self[i, $1] } } / Double(max(1, rows.count))
        return powers > 0 ? ofMean / powers : 0
    }
}
