import LinearAlgebra

/// Resamples of epochs, drawn with replacement (Efron 1979): how often a connection is found again.
struct EpochResampling: Sendable {
    /// How often each epoch was drawn, a list a resample.
    let counts: [[Int]]

    /// Fewer epochs than these cannot be resampled.
    static let fewestEpochs = 5

    init(epochs: Int, resamples: Int, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        counts = (0..<resamples).map { _ in
            var drawn = [Int](repeating: 0, count: epochs)
            for _ in 0..<epochs { drawn[min(epochs - 1, Int(generator.uniform() * Double(epochs)))] += 1 }
            return drawn
        }
    }

    /// The share of resamples in which each connection is selected; one that cannot be fitted selects none.
    ///
    /// - Parameter select: which connections a resample selects, from how often each epoch was drawn.
    func frequencies(
        of connections: Int, parallelism: Parallelism, _ select: @Sendable (_ counts: [Int]) -> [Bool]?
    ) -> [Double] {
        var selections = [[Bool]?](repeating: nil, count: counts.count)
        selections.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let buffer = buffer
            parallelism.forEachPiece(of: counts.count, piece: 1) { number, _ in buffer[number] = select(counts[number])
            }
        }
        return (0..<connections).map { k in
            Double(selections.count { $0?[k] == true }) / Double(max(1, counts.count))
        }
    }

    /// Adds frequencies to the connections of a model, and warnings of those that are unsteady.
    ///
    /// - Parameter select: the connections of a resample; nil where it cannot be fitted.
    static func annotate(
        _ connections: inout [Connection], _ warnings: inout [DynamicsWarning], epochs: Int,
        _ settings: DynamicsSettings,
        _ select: @Sendable (_ counts: [Int]) -> [Connection]?
    ) {
        guard settings.resamples > 0 else { return }
        guard epochs >= fewestEpochs else {
            warnings.append(.noResamples(epochs: epochs))
            return
        }
        let resampling = EpochResampling(epochs: epochs, resamples: settings.resamples, seed: settings.seed)
        let frequencies = resampling.frequencies(of: connections.count, parallelism: settings.parallelism) {
            settings.isCancelled() ? nil : select($0)?.map(\.isSelected)
        }
        for (k, frequency) in frequencies.enumerated() {
            connections[k].frequency = frequency
            if connections[k].isSelected, frequency < 0.8 {
                warnings.append(
                    .unsteady(source: connections[k].source, target: connections[k].target, frequency: frequency))
            }
        }
    }
}
