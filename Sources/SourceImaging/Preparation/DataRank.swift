import Foundation

/// The rank of the data: how many independent directions magnetometers and gradiometers have together, and electrodes, after
/// all that was done to them; and the projection that leaves those.
///
/// Maxwell filters, removed components, interpolated channels and references take directions away for good. Noise that is
/// claimed for them (a covariance that was regularized to full rank), or a gain that is not reduced alike, makes sources
/// from nothing: a null direction in which the gain is not zero contradicts whatever lies there.
struct DataRank {
    /// What was decided for one block of sensors.
    struct Block {
        let name: String
        /// Places of its channels.
        let rows: [Int]
        /// Who says which rank, the smallest credible one of which counts.
        var statements: [(source: String, rank: Int)] = []
        var rank = 0
        var source = ""
    }

    /// What takes projectors and all null directions away.
    let projection: Projection
    /// Blocks with channels, MEG first.
    let blocks: [Block]

    /// An eigenvalue is of the null space when it is so much smaller than the next: real spectra descend in small steps,
    /// those of filtered averages too.
    fileprivate static let cliff = 1e3
    /// And below this part of the largest.
    fileprivate static let floor = 1e-8

    /// What is known of the data.
    struct Evidence {
        let recording: Recording
        let matching: ChannelMatching
        /// Of the matched channels; nil where none was given.
        let covariance: Matrix?
        let isSinglePrecision: Bool
        let forward: Forward
        /// Projectors and references.
        let projection: Projection
    }

    /// Decides the rank.
    ///
    /// - Parameters:
    ///   - choice: where it comes from.
    ///   - evidence: what there is to find it from.
    ///   - checks: is told what was found, and where sources disagree.
    /// - Throws: ``InputError`` for a rank that the channels do not have.
    /// - Complexity: O(channels²·(channels + samples)).
    init(_ choice: RankChoice, _ evidence: Evidence, checks: inout Checklist) throws(InputError) {
        let kinds = evidence.matching.sensors.kinds
        var blocks: [Block] = []
        var nulls: [[Double]] = []
        for isElectrode in [false, true] {
            let rows = kinds.indices.filter { (kinds[$0] == .eeg) == isElectrode }
            guard !rows.isEmpty else { continue }
            let finder = try BlockRank(rows, evidence)
            var block = Block(name: isElectrode ? "EEG" : "MEG", rows: rows)
            block.statements = finder.statements(choice, isElectrode ? nil : evidence.recording.acquisition.maxwellRank)
            let asked = try Self.asked(choice, block, isOnly: Set(kinds.map { $0 == .eeg }).count == 1)
            let allowed = block.statements.min { $0.rank < $1.rank } ?? (source: "channels", rank: rows.count)
            if let asked, asked > finder.projected {
                throw InputError(
                    .rank, found: "\(asked) for \(block.name)",
                    expected: "at most \(finder.projected), which \(rows.count) channels and their projectors leave")
            }
            // What cannot be inverted is not used, whatever was asked for.
            let most = min(finder.projected, finder.ofCovariance ?? .max)
            block.rank = min(asked ?? allowed.rank, most)
            block.source = asked == nil ? allowed.source : block.rank == asked ? "as asked for" : "covariance"
            nulls += finder.nullDirections(leaving: block.rank)
            Self.tell(block, choice, finder, &checks)
            blocks.append(block)
        }
        self.blocks = blocks
        projection = evidence.projection.removing(nulls)
    }

    /// The rank that the caller gives for a block.
    private static func asked(_ choice: RankChoice, _ block: Block, isOnly: Bool) throws(InputError) -> Int? {
        guard case .given(let meg, let eeg, let only) = choice else { return nil }
        guard only == nil || isOnly else {
            throw InputError(
                .rank, found: "one number for MEG and EEG", expected: "one for each, such as meg:70,eeg:59")
        }
        return only ?? (block.name == "EEG" ? eeg : meg)
    }

    private static func tell(_ block: Block, _ choice: RankChoice, _ finder: BlockRank, _ checks: inout Checklist) {
        let all = block.statements.map { "\($0.source) \($0.rank)" }.joined(separator: ", ")
        let others = block.statements.filter {
            $0.rank > block.rank && $0.source != "channels" && $0.source != "projectors"
        }
        let text: Message = "\(block.name) \(block.rank) of \(block.rows.count) channels (\(block.source)): \(all)"
        let isUnexpected = block.statements.contains { $0.rank < block.rank }
        if !others.isEmpty || isUnexpected {
            checks.look("rank", text, "sources disagree; set another with \(.rank)")
        } else {
            checks.ok("rank", text)
        }
        if finder.isCovarianceUnclear {
            checks.look(
                "rank", "the covariance of \(block.name) is nearly singular: its rank could be read as less",
                "set it with \(.rank)")
        }
    }
}

extension DataRank {
    /// The decisions in one line.
    var text: String {
        blocks.map { "\($0.name) \($0.rank) of \($0.rows.count) by \($0.source)" }.joined(separator: ", ")
    }
}

/// What tells the rank of one block of sensors.
private struct BlockRank {
    let rows: [Int]
    let evidence: DataRank.Evidence
    /// Dimensions that projectors and references leave.
    let projected: Int
    /// Rank of the data by their own spectrum; nil where it cannot be told from them.
    let ofData: Int?
    /// Rank of the covariance, as exact as its numbers are; nil without one.
    let ofCovariance: Int?
    /// Whether eigenvalues of the covariance lie between its zeros and what noise has.
    let isCovarianceUnclear: Bool

    /// Of the projected data.
    private let data: Spectrum?

    init(_ rows: [Int], _ evidence: DataRank.Evidence) throws(InputError) {
        self.rows = rows
        self.evidence = evidence
        projected = rows.count - evidence.projection.rank(within: rows)
        guard projected > 0 else {
            (data, ofData, ofCovariance, isCovarianceUnclear) = (nil, 0, nil, false)
            return
        }
        let (moments, samples) = Self.moments(rows, evidence)
        data = Self.spectrum(moments)
        ofData = data.flatMap { Self.rank($0, samples, rows, evidence) }
        guard let covariance = evidence.covariance else {
            (ofCovariance, isCovarianceUnclear) = (nil, false)
            return
        }
        let left = evidence.projection.applyBothSides(covariance).rows(rows).columns(rows)
        let values = Self.spectrum(left)?.values ?? []
        try Whitener.checkSigns(values, isSinglePrecision: evidence.isSinglePrecision)
        let tolerance = Whitener.tolerance(values, isSinglePrecision: evidence.isSinglePrecision)
        let rank = min(projected, values.count { $0 > tolerance })
        ofCovariance = rank
        let least = values.suffix(rank).first ?? 0
        isCovarianceUnclear = least < 1e3 * tolerance && least < 1e-7 * (values.last ?? 0)
    }

    /// What each source says.
    func statements(_ choice: RankChoice, _ maxwell: Int?) -> [(source: String, rank: Int)] {
        var statements = [(source: "channels", rank: rows.count)]
        if projected < rows.count { statements.append(("projectors", projected)) }
        let lost = rows.count - projected
        if let maxwell, choice == .automatic || choice == .info {
            // A projector on top of the filter takes one more direction.
            statements.append(("processing history", max(0, min(projected, maxwell - lost))))
        }
        if choice == .automatic || choice == .data {
            if let ofData { statements.append(("data", ofData)) }
            if let ofCovariance { statements.append(("covariance", ofCovariance)) }
        }
        return statements
    }

    /// Directions of all channels that are to be removed beside the projectors, so that a rank is left: first those in which
    /// the data are nothing, then those in which noise is least.
    func nullDirections(leaving rank: Int) -> [[Double]] {
        guard rank < projected else { return [] }
        var nulls: [[Double]] = []
        var left = projected
        if let data, let ofData, ofData >= rank {
            nulls += directions(data, rows.count - ofData)
            left = ofData
        }
        guard rank < left else { return nulls }
        let inner = evidence.projection.removing(nulls)
        let moments: Matrix
        if let covariance = evidence.covariance, !isDiagonal(covariance) {
            moments = covariance
        } else {
            // A diagonal covariance knows no directions; data, and the fields of all sources, do.
            let measured = Self.moments(rows, evidence, inner)
            if measured.samples > 2 * rank {
                return spectrumByKind(measured.matrix).map { directions($0, rows.count - rank) } ?? nulls
            }
            let fields = evidence.forward.gain.rows(evidence.matching.inForward)
            moments = Matrix.product(fields, transposed: false, fields, transposed: true)
        }
        let rest = inner.applyBothSides(moments).rows(rows).columns(rows)
        return spectrumByKind(rest).map { directions($0, rows.count - rank) } ?? nulls
    }

    private func isDiagonal(_ covariance: Matrix) -> Bool {
        rows.allSatisfy { i in rows.allSatisfy { $0 == i || covariance[i, $0] == 0 } }
    }

    /// The lowest directions of a spectrum, spread over all channels.
    private func directions(_ spectrum: Spectrum, _ count: Int) -> [[Double]] {
        spectrum.lowest(count).map { direction in
            var whole = [Double](repeating: 0, count: evidence.matching.sensors.count)
            for (i, row) in rows.enumerated() { whole[row] = direction[i] }
            return whole
        }
    }

    /// Second moments of the block's finite samples about the mean of each epoch, projected, and how many samples they are.
    ///
    /// - Parameter part: of the epochs, or of the samples of the only one.
    private static func moments(
        _ rows: [Int], _ evidence: DataRank.Evidence, _ projection: Projection? = nil, part: Double = 1
    ) -> (matrix: Matrix, samples: Int) {
        let (epochs, matching) = (evidence.recording.epochs, evidence.matching)
        var sum = Matrix(rows: rows.count, columns: rows.count)
        var count = 0
        for epoch in epochs.prefix(epochs.count == 1 ? 1 : Int(part * Double(epochs.count))) {
            let own = epoch.rows(matching.inRecording)
            var finite = (0..<own.columns).filter { t in (0..<own.rows).allSatisfy { own[$0, t].isFinite } }
            if epochs.count == 1 { finite = Array(finite.prefix(Int(part * Double(finite.count)))) }
            guard finite.count > 1 else { continue }
            let used = own.columns(finite)
            let left = (projection ?? evidence.projection).apply(used.subtracting(used.rowMeans)).rows(rows)
            sum = sum + Matrix.product(left, transposed: false, left, transposed: true)
            count += finite.count - 1
        }
        return (sum, count)
    }

    /// Eigenvalues of a matrix of second moments over its own deviations, which takes units and quiet channels out: the
    /// number of zeros stays.
    private static func spectrum(_ moments: Matrix) -> Spectrum? {
        let variances = (0..<moments.rows).map { moments[$0, $0] }
        let largest = variances.max() ?? 0
        // What projection leaves of a channel that it takes away is rounding.
        return spectrum(moments, over: variances.map { $0 > 1e-20 * largest ? $0.squareRoot() : 0 })
    }

    private static func spectrum(_ moments: Matrix, over scales: [Double]) -> Spectrum? {
        let scaled = Matrix(rows: moments.rows, columns: moments.columns) { i, j in
            let product = scales[i] * scales[j]
            return product > 0 ? 0.5 * (moments[i, j] + moments[j, i]) / product : 0
        }
        return (try? SymmetricEigen.values(of: scaled)).map { Spectrum(values: $0, scaled: scaled, scales: scales) }
    }

    /// Eigenvalues of a matrix of second moments over the mean deviation of each kind of sensor: white noise that was added
    /// to a covariance in proportion to it, as regularization does, leaves their order and directions as they were.
    private func spectrumByKind(_ moments: Matrix) -> Spectrum? {
        let kinds = rows.map { evidence.matching.sensors.kinds[$0] }
        let means = Dictionary(grouping: rows.indices, by: { kinds[$0] }).mapValues { places in
            (places.reduce(0) { $0 + moments[$1, $1] } / Double(places.count)).squareRoot()
        }
        return Self.spectrum(moments, over: kinds.map { means[$0] ?? 0 })
    }

    /// The number of eigenvalues before a cliff, or all where none is near zero; nil where samples are too few to tell.
    ///
    /// - Parameters:
    ///   - values: ascending.
    ///   - samples: how many there are, independent at best.
    private static func rank(_ values: [Double], samples: Int) -> Int? {
        guard let largest = values.last, largest > 0 else { return nil }
        let descending = values.reversed().map { max($0, 1e-18 * largest) }
        let drops = (1..<max(1, min(values.count, samples - 1))).map {
            (rank: $0, by: descending[$0 - 1] / descending[$0])
        }
        let steepest = drops.filter { descending[$0.rank] < DataRank.floor * largest && $0.by > DataRank.cliff }
            .max { $0.by < $1.by }
        if let steepest { return steepest.rank }
        return samples > values.count && descending[values.count - 1] > DataRank.floor * largest ? values.count : nil
    }

    /// The rank of the data by their own spectrum.
    private static func rank(_ spectrum: Spectrum, _ samples: Int, _ rows: [Int], _ evidence: DataRank.Evidence) -> Int?
    {
        guard let found = rank(spectrum.values, samples: samples) else { return nil }
        guard found < rows.count else { return found }
        // Time can limit the rank, too (low-pass filters, short averages): then a part of the samples has less of it.
        let part = moments(rows, evidence, part: 0.75)
        guard let fewer = Self.spectrum(part.matrix) else { return nil }
        return rank(fewer.values, samples: part.samples) == found ? found : nil
    }
}

/// The eigenvalues of second moments over some scales, one a channel.
private struct Spectrum {
    /// Ascending.
    let values: [Double]
    /// What they are of.
    let scaled: Matrix
    let scales: [Double]

    /// Directions of the lowest eigenvalues in the units of the data, of length one: what is nothing over the scales,
    /// w·(x/s) = 0, is nothing in (w/s)·x.
    func lowest(_ count: Int) -> [[Double]] {
        guard count > 0, let vectors = try? SymmetricEigen(scaled).vectors else { return [] }
        return (0..<count).map { k in
            let direction = zip(vectors.column(k), scales).map { $1 > 0 ? $0 / $1 : 0 }
            let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return direction.map { length > 0 ? $0 / length : 0 }
        }
    }
}
