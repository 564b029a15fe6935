/// What differs between epochs in the window: noise of one epoch, and nothing of what all of them hold alike.
///
/// A response that is stronger in one trial than in another leaves that part in, and a rhythm that is not locked to the
/// event all of it: they count as noise, and sources that vary most are found last.
struct EpochResiduals {
    /// Each epoch less the mean of all: sensors × samples, SI units, projected.
    let deviations: [Matrix]
    /// How many trials each epoch averages.
    let trials: Double
    /// Whether each sensor has any noise.
    let isNoisy: [Bool]

    /// Epochs below which no covariance is estimated: two beside one that is held out.
    static let fewestEpochs = 3

    /// Takes the mean away.
    ///
    /// - Parameters:
    ///   - epochs: in the window, sensors × samples, SI units, projected; at least one.
    ///   - trials: how many each of them averages.
    init(_ epochs: [Matrix], trials: Double) {
        let mean = epochs.dropFirst().reduce(epochs[0], +) * (1 / Double(epochs.count))
        let deviations = epochs.map { $0 - mean }
        self.deviations = deviations
        self.trials = trials
        // What rounding leaves of values that are all the same is no noise.
        isNoisy = (0..<mean.rows).map { i in
            let power = deviations.reduce(0) { $0 + $1.row(i).reduce(0) { $0 + $1 * $1 } }
            let common = mean.row(i).reduce(0) { $0 + $1 * $1 } * Double(deviations.count)
            return power > 0 && power > 1e-20 * common
        }
    }

    /// What they are, in plain English.
    var name: String { "\(deviations.count) epochs of \(deviations[0].columns) samples" }

    /// As how many independent samples they count: N − 1 times T, were the noise white in time, else (N − 1)·(tr K)²/tr
    /// K² with the correlations K of a ``TemporalNoise``.
    ///
    /// - Parameters:
    ///   - basis: what the samples are reduced to.
    ///   - rank: directions that the data have.
    /// - Throws: ``InputError`` where there are fewer than ``fewestEpochs`` epochs, or such samples than half the
    ///   directions.
    func independentSamples(_ basis: TemporalBasis, rank: Int) throws(InputError) -> Int {
        let reducer = basis.matrix(deviations[0].columns)
        let correlations = Matrix.product(
            reducer, transposed: true, TemporalNoise(deviations).correlation(reducer.rows) * reducer)
        let trace = (0..<correlations.rows).reduce(0) { $0 + correlations[$1, $1] }
        let count = Int(Double(deviations.count - 1) * trace * trace / correlations.squaredNorm)
        // As what they say is shrunk, half as many are enough.
        let fewest = (rank + 1) / 2
        guard deviations.count >= Self.fewestEpochs, count >= fewest else {
            throw InputError(
                .noise, found: "\(name), which count as \(count) independent ones",
                expected: "at least \(Self.fewestEpochs) epochs, and \(fewest) such samples for "
                    + "\(rank) directions of the data",
                advice: "choose a longer window with \(.window), or leave \(.noise) out")
        }
        return count
    }

    /// Second moments of all epochs, and of all but every fifth.
    ///
    /// Of the others, epochs that are held out differ by their noise and that of the mean: the factor n/(n + 1) leaves
    /// the noise of one.
    /// - Complexity: O(sensors²·(sensors + samples of all epochs)).
    func moments(
        _ basis: TemporalBasis, _ sensors: Sensors
    ) throws(InputError) -> (whole: NoiseMoments, parts: [NoiseMoments]) {
        let reducer = basis.matrix(deviations[0].columns)
        let (rows, columns) = (sensors.count, reducer.columns)
        let reduced = basis.isIdentity ? deviations : deviations.map { $0 * reducer }
        let count = Double(reduced.count)
        func squares(_ a: Matrix, _ b: Matrix) -> Matrix { Matrix.product(a, transposed: false, b, transposed: true) }
        let folds = (0..<min(EstimatedCovariance.foldCount, reduced.count)).map { k in
            let members = stride(from: k, to: reduced.count, by: EstimatedCovariance.foldCount).map { reduced[$0] }
            let beside = Matrix(
                rows: rows, columns: members.count * columns, elements: members.flatMap(\.elements))
            return (
                count: Double(members.count), squares: squares(beside, beside),
                sum: members.dropFirst().reduce(members[0], +)
            )
        }
        let all = folds.dropFirst().reduce(folds[0].squares) { $0 + $1.squares }
        let whole = all * (1 / ((count - 1) * Double(columns)))
        let scales = Whitener.scales(whole, sensors)
        do {
            let parts = try folds.map { fold throws(LinearAlgebraError) in
                // Deviations of all epochs have no sum.
                let others = count - fold.count
                let mean = fold.sum * (-1 / others)
                let (square, cross) = (squares(mean, mean), squares(fold.sum, mean))
                let rest = all - fold.squares - square * others
                let own = fold.squares - cross - cross.transposed + square * fold.count
                return try NoiseMoments(
                    covariance: rest * (1 / ((others - 1) * Double(columns))),
                    heldOut: own * (others / (others + 1) / (fold.count * Double(columns))), scales: scales)
            }
            return (try NoiseMoments(covariance: whole, heldOut: nil, scales: scales), parts)
        } catch {
            throw InputError(at: .input(.recording), found: "\(error)", expected: "epochs of finite values")
        }
    }
}
