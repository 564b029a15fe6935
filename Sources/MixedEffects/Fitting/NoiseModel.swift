import Glibc
import LinearAlgebra

/// What is known of the variance of the noise.
public enum NoiseModel: Sendable, Equatable {
    /// Λ as given.
    case known
    /// Λ = σ²V with V as given, σ² estimated with the rest.
    case estimated
}

extension Likelihood.Derivatives {
    /// The objective with σ² at its best, β and θ = γ/σ² being its variables, and σ²: L of V, with ½Q/σ² + (ν/2) log σ² in
    /// place of ½Q, where Q = Σ rᵀΩ⁻¹r and σ² = Q/ν. Where the noise is known, L and 1.
    ///
    /// - Parameter freedom: ν, the number of rows; less by the fixed effects in REML.
    func objective(_ noise: NoiseModel, freedom: Int) -> (value: Double, noiseVariance: Double) {
        NoiseModel.objective(noise, squares, logDeterminant, freedom)
    }

    /// The gradient of the objective in β and θ.
    ///
    /// - Parameter noiseVariance: σ².
    func fillGradient(_ noiseVariance: Double, _ gradient: inout [Double]) {
        let p = fixedGradient.count
        for j in 0..<p { gradient[j] = fixedGradient[j] / noiseVariance }
        for j in varianceSquares.indices { gradient[p + j] = varianceTraces[j] - varianceSquares[j] / noiseVariance }
    }

    /// The lower triangle of its Hessian, of what the determinant (and the logarithm of σ²) adds, which is concave, a part.
    ///
    /// - Parameter concave: the part, 0…1.
    func fillHessian(
        _ noise: NoiseModel, _ noiseVariance: Double, rows: Int, concave: Double, _ hessian: inout Matrix
    ) {
        let (p, q) = (fixedGradient.count, varianceSquares.count)
        let (count, scale) = (p + q, 1 / noiseVariance)
        let outer = noise == .estimated ? 2 * concave / (Double(rows) * noiseVariance * noiseVariance) : 0
        hessian.elements.withUnsafeMutableBufferPointer { h in
            for j in 0..<p {
                for i in j..<p {
                    h[i + j * count] = scale * fixedHessian[i, j] - outer * fixedGradient[i] * fixedGradient[j]
                }
                for i in 0..<q {
                    h[p + i + j * count] =
                        scale * mixedHessian[j, i] + outer * varianceSquares[i] * fixedGradient[j]
                }
            }
            for j in 0..<q {
                for i in j..<q {
                    h[p + i + (p + j) * count] =
                        scale * convexHessian[i, j] - concave * fisher[i, j]
                        - outer * varianceSquares[i] * varianceSquares[j]
                }
            }
            for j in 0..<count { h[j + j * count] *= 1 + 1e-12 }
        }
    }
}

extension NoiseModel {
    /// See ``Likelihood/Derivatives/objective(_:freedom:)``.
    static func objective(
        _ noise: NoiseModel, _ squares: Double, _ logDeterminant: Double, _ freedom: Int
    ) -> (value: Double, noiseVariance: Double) {
        guard noise == .estimated else { return (squares + logDeterminant, 1) }
        let variance = 2 * squares / Double(freedom)
        return (logDeterminant + Double(freedom) / 2 * (log(variance) + 1), variance)
    }
}
