extension BlockPenalty {
    /// The proximal step of a block from B along H, prox(B + step·H), as a multiple of Z = B + step·H.
    ///
    /// - Parameters:
    ///   - count: number of values in B, H and Z.
    ///   - z: Z afterwards.
    /// - Returns: ‖prox(Z)‖, and what to multiply Z with.
    @inline(__always)
    func proximalStep(
        _ block: Int, step: Double, count: Int, from b: UnsafePointer<Double>, along h: UnsafePointer<Double>,
        into z: UnsafeMutablePointer<Double>
    ) -> (norm: Double, factor: Double) {
        for k in 0..<count { z[k] = b[k] + step * h[k] }
        let norm = BLAS.norm(count, z)
        guard norm > 0 else { return (0, 0) }
        let shrunk = proximal(norm: norm, step: step, block: block)
        return (shrunk, shrunk / norm)
    }

    /// ‖prox(B + step·H) − B‖² of a block; see ``proximalStep(_:step:count:from:along:into:)``.
    @inline(__always)
    func squaredProximalChange(
        _ block: Int, step: Double, count: Int, from b: UnsafePointer<Double>, along h: UnsafePointer<Double>,
        scratch z: UnsafeMutablePointer<Double>
    ) -> Double {
        let factor = proximalStep(block, step: step, count: count, from: b, along: h, into: z).factor
        var squared = 0.0
        for k in 0..<count { squared += (factor * z[k] - b[k]) * (factor * z[k] - b[k]) }
        return squared
    }

    /// ‖prox(step·H)‖/step of a block at zero, from ‖H‖ alone; zero for a block without a step.
    @inline(__always)
    func violationAtZero(_ block: Int, slope: Double, step: Double) -> Double {
        step > 0 ? proximal(norm: step * slope, step: step, block: block) / step : 0
    }
}
