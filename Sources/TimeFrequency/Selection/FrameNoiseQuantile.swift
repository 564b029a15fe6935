import Glibc

extension NoiseQuantile {
    /// The same for time-frequency penalties: quantiles of max_j Ω*_j(X_jᵀE·A') over the draws of E, without weights.
    ///
    /// At λ = σ times it noise of level σ makes no source active in that part of all recordings. The largest of many nearly
    /// independent numbers has nearly Gumbel's law: fitted by mean and deviation it makes few draws go far. All frames and ρ
    /// share the draws and their products with X.
    ///
    /// - Parameters:
    ///   - problem: whose response is not read.
    ///   - frames: of as many samples as it has.
    ///   - rhos: ρ, each 0…1.
    ///   - parallelism: threads; they change no bit.
    ///   - monitor: cancellation.
    /// - Returns: of each frame one a ρ.
    /// - Throws: ``Invalid/autocorrelation``, and `CancellationError`.
    /// - Complexity: O(nqT + q·Σ D·window) a draw.
    public func values(
        for problem: RegressionProblem, frames: [GaborFrame], rhos: [Double], parallelism: Parallelism = .serial,
        monitor: Monitor = .silent
    ) throws -> [[Double]] {
        let drawn = try largest(
            for: problem, frames: frames, rhos: rhos, parallelism: parallelism, monitor: monitor)
        let level = -log(-log(probability)) - 0.577_215_664_901_532_9
        return frames.indices.map { f in
            rhos.indices.map { r in
                let own = drawn.map { $0[f * rhos.count + r] }
                let mean = own.reduce(0, +) / Double(own.count)
                let squares = own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
                let deviation = (squares / Double(max(1, own.count - 1))).squareRoot()
                return mean + level * deviation * 6.0.squareRoot() / Double.pi
            }
        }
    }

    /// max_j Ω*_j(X_jᵀE·A') of each draw: frame after frame, in each ρ after ρ.
    func largest(
        for problem: RegressionProblem, frames: [GaborFrame], rhos: [Double], parallelism: Parallelism,
        monitor: Monitor
    ) throws -> [[Double]] {
        let (n, t, blocks) = (problem.rowCount, problem.sampleCount, problem.blocks)
        let settings = frames.count * rhos.count
        let widest = (0..<blocks.count).reduce(1) { max($0, blocks.columns(of: $1).count) }
        let piece = max(1, 96 / widest)
        return try forEachDraw(rows: n, samples: t, monitor: monitor) { noise in
            let drawn = noise.transposed
            var largest = [Double](repeating: 0, count: (blocks.count + piece - 1) / piece * settings)
            problem.design.withReader { reader in
                largest.withUnsafeMutableBufferPointer { largest in
                    nonisolated(unsafe) let (reader, largest) = (reader, largest)
                    parallelism.forEachPiece(of: blocks.count, piece: piece) { number, items in
                        let columns = blocks.offsets[items.lowerBound]..<blocks.offsets[items.upperBound]
                        var design = Matrix(rows: n, columns: columns.count)
                        design.elements.withUnsafeMutableBufferPointer {
                            if let x = $0.baseAddress { reader.copy(columns, to: x) }
                        }
                        let own = UnsafeMutableBufferPointer(
                            rebasing: largest[(number * settings)..<((number + 1) * settings)])
                        Self.raise(own, by: drawn * design, frames, rhos, items.map { blocks.columns(of: $0).count })
                    }
                }
            }
            return (0..<settings).map { k in
                stride(from: k, to: largest.count, by: settings).reduce(0) { max($0, largest[$1]) }
            }
        }
    }

    /// Raises the largest dual norms of all settings by those of some blocks.
    private static func raise(
        _ largest: UnsafeMutableBufferPointer<Double>, by products: Matrix, _ frames: [GaborFrame], _ rhos: [Double],
        _ widths: [Int]
    ) {
        for (f, frame) in frames.enumerated() {
            let transform = FrameTransform(frame, AllocationCount())
            let shrinkage = GroupShrinkage(frame, AllocationCount())
            var coefficients = [Double](repeating: 0, count: frame.size * (widths.max() ?? 0))
            products.elements.withUnsafeBufferPointer { products in
                guard var next = products.baseAddress else { return }
                for width in widths {
                    transform.analyze(width, next, into: &coefficients)
                    shrinkage.square(coefficients, width)
                    for (r, rho) in rhos.enumerated() {
                        let bound = largest[f * rhos.count + r]
                        guard shrinkage.shrunkenNorm(bound * rho, frame.groupWeights) > bound * (1 - rho) else {
                            continue
                        }
                        largest[f * rhos.count + r] = shrinkage.dualNorm(
                            rho: rho, block: 1 - rho, frame.groupWeights, above: bound)
                        shrinkage.square(coefficients, width)
                    }
                    next += width * frame.samples
                }
            }
        }
    }
}
