/// A penalty Σ_j φ_j(‖B_j‖) that depends on each block through its norm alone.
///
/// A solver asks once a block and sweep, never once a number, so a call costs nothing beside the block's linear algebra.
/// A new penalty is one file that conforms to this.
public protocol BlockPenalty: Sendable {
    /// φ_j(r) for r ≥ 0.
    func value(norm: Double, block: Int) -> Double

    /// The r ≥ 0 that minimizes ½(r − norm)² + step·φ_j(r): the proximal operator acts on the norm, the direction stays.
    func proximal(norm: Double, step: Double, block: Int) -> Double

    /// The slope φ_j′(0⁺): block j is optimal at zero where ‖X_jᵀR‖ is at most this. Infinite excludes the block.
    func threshold(block: Int) -> Double

    /// φ_j′(r) and φ_j″(r) for r > 0.
    func derivatives(norm: Double, block: Int) -> (first: Double, second: Double)
}
