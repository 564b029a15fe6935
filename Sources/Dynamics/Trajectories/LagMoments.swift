import LinearAlgebra

/// Sums and sums of products of all windows of lags + 1 samples of some epochs: all that autoregression of up to that order
/// has to know of the data.
///
/// A window is (x_{t−lags}, …, x_t), as it lies in an epoch's memory; none crosses a border.
struct LagMoments: Sendable {
    /// Number of variables, n.
    let variables: Int
    /// Largest lag.
    let lags: Int
    /// Number of windows.
    private(set) var count = 0
    /// Σ window: n·(lags + 1) values.
    private(set) var sums: [Double]
    /// Σ window·windowᵀ, both triangles.
    private(set) var products: Matrix

    init(variables: Int, lags: Int) {
        self.variables = variables
        self.lags = lags
        sums = [Double](repeating: 0, count: variables * (lags + 1))
        products = Matrix(rows: sums.count, columns: sums.count)
    }

    /// The moments of all epochs.
    ///
    /// - Complexity: O(samples · (variables · lags)²) by BLAS.
    init(_ trajectories: Trajectories, lags: Int, parallelism: Parallelism = .serial) {
        self.init(variables: trajectories.variableCount, lags: lags)
        let pieces = 8
        let size = (trajectories.epochs.count + pieces - 1) / pieces
        let parts = LagMoments.each(
            of: trajectories.epochs.count, piece: size, parallelism: parallelism
        ) { items in
            var part = LagMoments(variables: trajectories.variableCount, lags: lags)
            part.add(trajectories.epochs[items])
            return part
        }
        for part in parts { add(part) }
    }

    /// The moments of all epochs, where an autoregression of that order can be fitted.
    ///
    /// - Throws: ``InvalidTrajectories/tooFewSamples(found:needed:)``, ``InvalidTrajectories/setting(_:)``.
    static func checked(
        _ trajectories: Trajectories, order: Int, parallelism: Parallelism
    ) throws(InvalidTrajectories) -> LagMoments {
        guard order > 0 else { throw .setting("the order is \(order); expected 1 at least") }
        let size = trajectories.variableCount.multipliedReportingOverflow(by: order)
        guard !size.overflow, size.partialValue <= mostCoefficients else {
            throw .setting(
                "an order of \(order) makes more than \(mostCoefficients) coefficients an equation of "
                    + "\(trajectories.variableCount) variables; choose a lower one")
        }
        let windows = trajectories.windowCount(lags: order)
        guard windows > size.partialValue + 1 else {
            throw .tooFewSamples(found: windows, needed: size.partialValue + 2)
        }
        return LagMoments(trajectories, lags: order, parallelism: parallelism)
    }

    /// Products of more columns would not fit into memory.
    static let mostCoefficients = 5000

    /// The moments of every epoch by itself.
    ///
    /// - Throws: ``InvalidTrajectories/setting(_:)`` where they do not fit into 2 GB.
    static func ofEachEpoch(
        _ trajectories: Trajectories, lags: Int, parallelism: Parallelism
    ) throws(InvalidTrajectories) -> [LagMoments] {
        let size = Double(trajectories.variableCount * (lags + 1))
        guard size * size * Double(trajectories.epochs.count) <= 2.5e8 else {
            throw .setting("resamples of so many epochs and lags do not fit into memory; lower the order, or draw none")
        }
        return each(of: trajectories.epochs.count, piece: 1, parallelism: parallelism) { items in
            var own = LagMoments(variables: trajectories.variableCount, lags: lags)
            own.add(trajectories.epochs[items])
            return own
        }
    }

    private static func each(
        of count: Int, piece: Int, parallelism: Parallelism, _ make: @Sendable (Range<Int>) -> LagMoments
    ) -> [LagMoments] {
        var results = [LagMoments?](repeating: nil, count: (count + piece - 1) / piece)
        results.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let buffer = buffer
            parallelism.forEachPiece(of: count, piece: piece) { number, items in buffer[number] = make(items) }
        }
        return results.compactMap { $0 }
    }

    /// Adds the moments of other epochs, as often as given.
    mutating func add(_ other: LagMoments, times: Int = 1) {
        count += times * other.count
        let factor = Double(times)
        for k in sums.indices { sums[k] += factor * other.sums[k] }
        products.elements.withUnsafeMutableBufferPointer { own in
            other.products.elements.withUnsafeBufferPointer { other in
                guard let own = own.baseAddress, let other = other.baseAddress else { return }
                BLAS.axpy(sums.count * sums.count, factor, other, own)
            }
        }
    }

    private mutating func add(_ epochs: ArraySlice<Matrix>) {
        let (n, size) = (variables, sums.count)
        let chunk = 512
        var windows = [Double](repeating: 0, count: size * chunk)
        let ones = [Double](repeating: 1, count: chunk)
        for epoch in epochs {
            let available = max(0, epoch.columns - lags)
            count += available
            for start in stride(from: 0, to: available, by: chunk) {
                let columns = min(chunk, available - start)
                windows.withUnsafeMutableBufferPointer { windows in
                    epoch.elements.withUnsafeBufferPointer { values in
                        guard let w = windows.baseAddress, let x = values.baseAddress else { return }
                        for k in 0..<columns { (w + k * size).update(from: x + (start + k) * n, count: size) }
                        BLAS.gemv(false, size, columns, 1, w, size, ones, 1, &sums)
                        BLAS.outerGram(size, columns, 1, w, size, 1, &products.elements, size)
                    }
                }
            }
        }
        products.mirrorLowerTriangle()
    }

    /// Where a lag of a variable stands in a window; in reversed time a window is read from its other end.
    func position(lag: Int, variable: Int, isReversed: Bool) -> Int {
        (isReversed ? lag : lags - lag) * variables + variable
    }
}
