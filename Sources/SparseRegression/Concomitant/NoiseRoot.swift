/// What the square root of the noise covariance may look like.
public enum NoiseShape: Sendable, Equatable {
    /// σI: rows that are whitened but for one factor.
    case scalar
    /// A σ for all rows of one label, for example of one kind of sensor (Massias et al. 2018).
    case blocks([Int])
    /// Any matrix (Bertrand et al. 2019): needs many samples.
    case full

    /// The rows that share a σ, in ascending order of their labels; nil where S is full.
    func parts(rows: Int) -> [[Int]]? {
        switch self {
        case .scalar: [Array(0..<rows)]
        case .blocks(let labels): Set(labels).sorted().map { label in labels.indices.filter { labels[$0] == label } }
        case .full: nil
        }
    }
}

/// S = V·diag(s)·Vᵀ, the square root of the noise covariance of one epoch that fits best: each s is the root γ of a second
/// moment of the residual, or its floor σ_min where that is larger.
public struct NoiseRoot: Sendable {
    /// s, n values in the order of their directions.
    public let values: [Double]
    /// γ: what s would be without a floor.
    public let unclipped: [Double]
    /// V, n × n; nil for the identity.
    private let vectors: Matrix?

    /// The best for a second moment C of the residual.
    ///
    /// - Parameters:
    ///   - moment: C, n × n; only its lower triangle is read.
    ///   - parts: rows that share a σ; nil for a full S.
    ///   - floors: σ_min of each row, all alike where S is full.
    /// - Throws: ``LinearAlgebraError``.
    /// - Complexity: O(n³) for a full S, else O(n).
    init(of moment: Matrix, parts: [[Int]]?, floors: [Double]) throws(LinearAlgebraError) {
        if let parts {
            var squares = [Double](repeating: 0, count: moment.rows)
            for part in parts {
                let mean = part.reduce(0) { $0 + moment[$1, $1] } / Double(part.count)
                for row in part { squares[row] = mean }
            }
            guard squares.allSatisfy(\.isFinite) else { throw .notFinite }
            unclipped = squares.map { max(0, $0).squareRoot() }
            vectors = nil
        } else {
            let eigen = try SymmetricEigen(moment)
            unclipped = eigen.values.map { max(0, $0).squareRoot() }
            vectors = eigen.vectors
        }
        values = zip(unclipped, floors).map { max($0, $1) }
    }

    /// S, n × n.
    public var matrix: Matrix { power { $0 } }

    /// S²: the noise covariance of one epoch, n × n.
    public var covariance: Matrix { power { $0 * $0 } }

    private func power(_ value: (Double) -> Double) -> Matrix {
        let diagonal = Matrix.diagonal(values.map(value))
        guard let vectors else { return diagonal }
        return Matrix.product(vectors * diagonal, transposed: false, vectors, transposed: true)
    }

    /// diag(s^−½)·Vᵀ·A, whose square is AᵀS⁻¹A: gain and data in the metric of this noise.
    ///
    /// - Complexity: O(n²) a column for a full S.
    public func whitened(_ a: Matrix, parallelism: Parallelism = .serial) -> Matrix {
        var result = vectors.map { Matrix.product($0, transposed: true, a, parallelism: parallelism) } ?? a
        let factors = values.map { 1 / $0.squareRoot() }
        result.elements.withUnsafeMutableBufferPointer { elements in
            for j in 0..<a.columns {
                for (i, factor) in factors.enumerated() { elements[i + j * factors.count] *= factor }
            }
        }
        return result
    }

    /// S⁻¹·A from `whitened` A.
    func solved(whitened: Matrix, parallelism: Parallelism) -> Matrix {
        var result = whitened
        let factors = values.map { 1 / $0.squareRoot() }
        for k in result.elements.indices { result.elements[k] *= factors[k % factors.count] }
        return vectors.map { Matrix.product($0, result, parallelism: parallelism) } ?? result
    }
}
