import Glibc

/// Units in which all effects are comparable: the response and each column divided by its standard deviation. One λ for fixed
/// effects and variances would otherwise depend on the units of the data.
///
/// Nothing is centred: what a random slope means depends on where its column is zero.
struct MixedScaling {
    /// What the response was divided by.
    let response: Double
    /// What each column of the fixed effects was divided by; of ones that do not vary, their size.
    let fixed: [Double]
    /// What each column of the random effects was divided by.
    let random: [Double]

    /// Nothing is scaled.
    init(none design: MixedDesign) {
        response = 1
        fixed = [Double](repeating: 1, count: design.fixed.columns)
        random = [Double](repeating: 1, count: design.random.columns)
    }

    private init(response: Double, fixed: [Double], random: [Double]) {
        (self.response, self.fixed, self.random) = (response, fixed, random)
    }

    /// The same columns, and another unit of the response.
    func with(response: Double) -> MixedScaling { MixedScaling(response: response, fixed: fixed, random: random) }

    /// The scaling of a design.
    init(_ design: MixedDesign) {
        response = Self.deviation(design.response) ?? Self.size(design.response)
        func scales(_ matrix: Matrix) -> [Double] {
            (0..<matrix.columns).map { j in
                let column = matrix.column(j)
                return Self.deviation(column) ?? Self.size(column)
            }
        }
        fixed = scales(design.fixed)
        random = scales(design.random)
    }

    /// The problem in these units.
    ///
    /// - Parameter noise: variance of each row in the caller's units; nil: all one, up to a factor that is estimated.
    /// - Throws: ``MixedEffectsProblem/Invalid``.
    func problem(_ design: MixedDesign) throws(MixedEffectsProblem.Invalid) -> MixedEffectsProblem {
        try MixedEffectsProblem(
            fixed: Self.divided(design.fixed, by: fixed), random: Self.divided(design.random, by: random),
            response: design.response.map { $0 / response }, offsets: design.offsets,
            noiseVariance: design.noiseVariance.map { all in all.map { $0 / (response * response) } })
    }

    /// What is added to −log likelihood of these units for that of the caller's.
    func loss(rows: Int) -> Double { Double(rows) * log(response) }

    /// β in the caller's units.
    func fixedEffect(_ value: Double, _ index: Int) -> Double { value * response / fixed[index] }
    /// Γ_ij in the caller's units.
    func covariance(_ value: Double, _ i: Int, _ j: Int) -> Double {
        value * (response / random[i]) * (response / random[j])
    }
    /// u_j in the caller's units.
    func randomEffect(_ value: Double, _ index: Int) -> Double { value * response / random[index] }

    private static func divided(_ matrix: Matrix, by scales: [Double]) -> Matrix {
        Matrix(rows: matrix.rows, columns: matrix.columns) { matrix[$0, $1] / scales[$1] }
    }

    /// Standard deviation; nil where the numbers are the same to rounding.
    private static func deviation(_ values: [Double]) -> Double? {
        let size = size(values)
        // Divided first: squares of large numbers overflow.
        let mean = values.reduce(0) { $0 + $1 / size } / Double(values.count)
        let square = values.reduce(0) { $0 + ($1 / size - mean) * ($1 / size - mean) } / Double(values.count)
        return square > 1e-24 ? square.squareRoot() * size : nil
    }

    /// The largest absolute value, 1 where all are 0.
    private static func size(_ values: [Double]) -> Double {
        let size = values.reduce(0) { max($0, abs($1)) }
        return size > 0 ? size : 1
    }
}
