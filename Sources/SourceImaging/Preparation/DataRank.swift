import Glibc

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
        /// Whose word counts: `by data`, `as asked for`.
        var source = ""
    }

    /// What takes projectors and all null directions away.
    let projection: Projection
    /// Blocks with channels, MEG first.
    let blocks: [Block]

    /// An eigenvalue is of the null space when it is so much smaller than the next: real spectra descend in small steps,
    /// those of filtered averages too.
    fileprivate static let cliff = 1e3
    /// The same for what is as small as the rounding of stored values makes it.
    fileprivate static let roundedCliff = 30.0
    /// And below this part of the largest.
    fileprivate static let floor = 1e-8

    /// What is known of the data.
    struct Evidence {
        let recording: Recording
        let matching: ChannelMatching
        /// The average where it holds noise alone, matched channels × samples.
        let baseline: Matrix
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
            let asked = try Self.asked(choice, block, kinds)
            let allowed = block.statements.min { $0.rank < $1.rank } ?? (source: "channels", rank: rows.count)
            if let asked, asked > finder.projected {
                throw InputError(
                    .rank, found: "\(asked) for \(block.name)",
                    expected: "at most \(finder.projected), which \(rows.count) channels and their projectors leave")
            }
            // What cannot be inverted is not used, whatever was asked for.
            let most = min(finder.projected, finder.ofCovariance ?? .max)
            block.rank = min(asked ?? allowed.rank, most)
            block.source = asked == nil ? "by \(allowed.source)" : "as asked for"
            if block.rank < asked ?? allowed.rank {
                block.source = "by covariance"
                if !block.statements.contains(where: { $0.source == "covariance" }) {
                    block.statements.append(("covariance", block.rank))
                }
            }
            nulls += finder.nullDirections(leaving: block.rank)
            if let asked, asked > block.rank {
                checks.look(
                    "rank",
                    "\(block.name) \(block.rank): asked for \(asked), of which the covariance allows \(block.rank)",
                    "compute the covariance from more samples, or ask for less with \(.rank)")
            } else {
                Self.tell(block, choice, finder, &checks)
            }
            blocks.append(block)
        }
        self.blocks = blocks
        projection = evidence.projection.removing(nulls)
    }

    /// The rank that the caller gives for a block.
    private static func asked(_ choice: RankChoice, _ block: Block, _ kinds: [SensorKind]) throws(InputError) -> Int? {
        guard case .given(let meg, let eeg, let only) = choice else { return nil }
        let (hasMEG, hasEEG) = (kinds.contains { $0 != .eeg }, kinds.contains(.eeg))
        guard only == nil || !(hasMEG && hasEEG) else {
            throw InputError(
                .rank, found: "one number for MEG and EEG", expected: "one for each, such as meg:70,eeg:59")
        }
        guard meg == nil || hasMEG, eeg == nil || hasEEG else {
            throw InputError(
                .rank, found: choice.name, expected: "kinds that are used: there is no \(hasMEG ? "EEG" : "MEG")")
        }
        return only ?? (block.name == "EEG" ? eeg : meg)
    }

    private static func tell(_ block: Block, _ choice: RankChoice, _ finder: BlockRank, _ checks: inout Checklist) {
        let all = block.statements.map { "\($0.source) \($0.rank)" }.joined(separator: ", ")
        let unknown = finder.ofData == nil ? ", data: they cannot tell" : ""
        let text: Message =
            "\(block.name) \(block.rank) of \(block.rows.count) channels \(block.source): \(all)\(unknown)"
        let others = block.statements.filter {
            $0.rank != block.rank && !["channels", "projectors"].contains($0.source)
        }
        let claims = others.filter { $0.source == "covariance" && $0.rank > block.rank }
        if let most = claims.first, others.count == 1 {
            checks.look(
                "rank", text,
                "the covariance claims noise in \(most.rank - block.rank) directions that the data have lost: it was regularized, or its data were not filtered alike; compute it from data treated as these, or set the rank with \(.rank)"
            )
        } else if !others.isEmpty {
            checks.look("rank", text, "sources disagree; set another with \(.rank)")
        } else if let deficit = finder.regularized, finder.ofData == nil, block.rank != deficit {
            checks.look(
                "rank", text,
                "the \(block.rows.count - deficit) lowest eigenvalues of the covariance are equal, as regularization makes zeros: if the data have rank \(deficit), set it with \(.rank)"
            )
        } else if finder.ofData == nil, finder.ofCovariance == nil {
            checks.look("rank", text, "if components or channels were removed or interpolated, set it with \(.rank)")
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
        blocks.map { "\($0.name) \($0.rank) of \($0.rows.count) \($0.source)" }.joined(separator: ", ")
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
    /// The rank of the covariance without the white noise that was added to all of its directions; nil where none was.
    let regularized: Int?
    /// Whether eigenvalues of the covariance lie between its zeros and what noise has.
    let isCovarianceUnclear: Bool

    /// Of the projected data.
    private let data: Spectrum?

    init(_ rows: [Int], _ evidence: DataRank.Evidence) throws(InputError) {
        self.rows = rows
        self.evidence = evidence
        projected = rows.count - evidence.projection.rank(within: rows)
        guard projected > 0 else {
            (data, ofData, ofCovariance, regularized, isCovarianceUnclear) = (nil, 0, nil, nil, false)
            return
        }
        let moments = Self.moments(rows, evidence)
        data = Self.spectrum(moments.matrix)
        ofData = Self.rank(moments, rows, evidence).flatMap { found in
            Self.isNoisy(found, rows, evidence) ? found : nil
        }
        guard let covariance = evidence.covariance else {
            (ofCovariance, regularized, isCovarianceUnclear) = (nil, nil, false)
            return
        }
        let left = evidence.projection.applyBothSides(covariance).rows(rows).columns(rows)
        let values = Self.spectrum(left)?.values ?? []
        try Whitener.checkSigns(values)
        let tolerance = Whitener.tolerance(values, isSinglePrecision: evidence.isSinglePrecision)
        let rank = min(projected, values.count { $0 > tolerance })
        ofCovariance = rank
        let least = values.suffix(rank).first ?? 0
        let most = projected
        regularized = Self.equalLowest(left, rows, evidence).map { most - $0 }
        isCovarianceUnclear = least < 1e3 * tolerance && least < 1e-7 * (values.last ?? 0)
    }

    /// What each source says; where a number is given for another kind of sensor, or this one, all are asked.
    func statements(_ choice: RankChoice, _ maxwell: Int?) -> [(source: String, rank: Int)] {
        var statements = [(source: "channels", rank: rows.count)]
        if projected < rows.count { statements.append(("projectors", projected)) }
        let lost = rows.count - projected
        if let maxwell, choice != .data, choice != .full {
            // A projector on top of the filter takes one more direction.
            statements.append(("processing history", max(0, min(projected, maxwell - lost))))
        }
        if choice != .info, choice != .full {
            if let ofData { statements.append(("data", ofData)) }
            if let ofCovariance { statements.append(("covariance", ofCovariance)) }
            // Where data cannot tell: many equal eigenvalues are as likely a model of white noise.
            if let regularized, ofData == nil, 2 * regularized > rows.count {
                statements.append(("covariance before it was regularized", regularized))
            }
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
        if let covariance = evidence.covariance, !Self.isDiagonal(covariance, rows) {
            moments = covariance
        } else {
            // A diagonal covariance knows no directions; data, and the fields of all sources, do.
            let measured = Self.moments(rows, evidence, inner)
            if measured.samples > 2 * rank {
                return spectrumByKind(measured.matrix).map { directions($0, rows.count - rank) } ?? nulls
            }
            let fields = evidence.forward.stored.rows(evidence.matching.inForward)
            moments = Matrix.product(fields, transposed: false, fields, transposed: true)
        }
        let rest = inner.applyBothSides(moments).rows(rows).columns(rows)
        return spectrumByKind(rest).map { directions($0, rows.count - rank) } ?? nulls
    }

    private static func isDiagonal(_ covariance: Matrix?, _ rows: [Int]) -> Bool {
        guard let covariance else { return false }
        return rows.allSatisfy { i in rows.allSatisfy { $0 == i || covariance[i, $0] == 0 } }
    }

    /// The lowest directions of a spectrum, spread over all channels.
    private func directions(_ spectrum: Spectrum, _ count: Int) -> [[Double]] {
        spectrum.lowest(count).map { direction in
            var whole = [Double](repeating: 0, count: evidence.matching.sensors.count)
            for (i, row) in rows.enumerated() { whole[row] = direction[i] }
            return whole
        }
    }

    private struct Moments {
        var matrix: Matrix
        /// How many samples they are of, independent at best.
        var samples = 0
        /// Variance that rounding to single precision may have added to each channel.
        var rounding: [Double]
    }

    /// Second moments of the block's finite samples about the mean of each epoch, projected.
    ///
    /// - Parameter part: of the epochs, or of the samples of the only one.
    private static func moments(
        _ rows: [Int], _ evidence: DataRank.Evidence, _ projection: Projection? = nil, part: Double = 1
    ) -> Moments {
        let (epochs, matching) = (evidence.recording.epochs, evidence.matching)
        var sum = Moments(
            matrix: Matrix(rows: rows.count, columns: rows.count), rounding: [Double](repeating: 0, count: rows.count))
        for epoch in epochs.prefix(epochs.count == 1 ? 1 : Int(part * Double(epochs.count))) {
            let own = epoch.rows(matching.inRecording)
            var finite = (0..<own.columns).filter { t in (0..<own.rows).allSatisfy { own[$0, t].isFinite } }
            if epochs.count == 1 { finite = Array(finite.prefix(Int(part * Double(finite.count)))) }
            guard finite.count > 1 else { continue }
            let used = own.columns(finite)
            let left = (projection ?? evidence.projection).apply(used.subtracting(used.rowMeans)).rows(rows)
            sum.matrix = sum.matrix + Matrix.product(left, transposed: false, left, transposed: true)
            sum.samples += finite.count - 1
            for (k, row) in rows.enumerated() {
                // Values as stored, offsets included: half a unit in the last place, evenly spread.
                for t in 0..<used.columns { sum.rounding[k] += pow(used[row, t] * 0x1p-24, 2) / 3 }
            }
        }
        return sum
    }

    /// How many of the lowest eigenvalues of a covariance are equal to rounding, two or more: zeros before white noise was
    /// added to all; nil for others.
    private static func equalLowest(_ covariance: Matrix, _ rows: [Int], _ evidence: DataRank.Evidence) -> Int? {
        let kinds = Set(rows.map { evidence.matching.sensors.kinds[$0] })
        // Two kinds have white noise of two sizes, and a diagonal covariance has nothing else.
        guard kinds.count == 1, !isDiagonal(evidence.covariance, rows) else { return nil }
        let level = (0..<covariance.rows).reduce(0) { $0 + covariance[$1, $1] } / Double(covariance.rows)
        guard level > 0, let values = try? SymmetricEigen.values(of: covariance * (1 / level)) else { return nil }
        let positive = values.filter { $0 > 1e-10 * (values.last ?? 0) }
        guard let least = positive.first else { return nil }
        let equal = positive.count { $0 <= least * (1 + 1e-6) }
        return equal > 1 && equal < positive.count ? equal : nil
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
    ///   - moments: of the data.
    ///   - values: their eigenvalues over their deviations, ascending.
    private static func rank(_ moments: Moments, _ values: [Double]) -> Int? {
        guard let largest = values.last, largest > 0 else { return nil }
        let rounding = moments.rounding.enumerated().map { k, value in
            moments.matrix[k, k] > 0 ? value / moments.matrix[k, k] : 0
        }
        // Rounding of few samples spreads up to four times its mean.
        let floor = 8 * rounding.reduce(0, +) / Double(rounding.count)
        let descending = values.reversed().map { max($0, 1e-18 * largest) }
        let drops = (1..<max(1, min(values.count, moments.samples - 1))).map {
            (rank: $0, by: descending[$0 - 1] / descending[$0])
        }
        let cliffs = drops.filter { drop in
            let below = descending[drop.rank]
            return below < DataRank.floor * largest && drop.by > DataRank.cliff
                || below < floor && drop.by > DataRank.roundedCliff
        }
        // Of several the first: what projectors take away lies below what rounding leaves.
        if let first = cliffs.first { return first.rank }
        let isFull = descending[values.count - 1] > max(DataRank.floor * largest, floor)
        return moments.samples > values.count && isFull ? values.count : nil
    }

    /// Whether data are noisy enough for their rank to be that of noise, too: simulated ones without noise have as many
    /// directions as sources, and those say nothing.
    private static func isNoisy(_ rank: Int, _ rows: [Int], _ evidence: DataRank.Evidence) -> Bool {
        guard rank >= max(3, rows.count / 8) else { return false }
        guard let covariance = evidence.covariance, evidence.baseline.columns > 1 else { return true }
        let own = evidence.baseline
        let noise = evidence.projection.apply(own.subtracting(own.rowMeans)).rows(rows)
        let claimed = evidence.projection.applyBothSides(covariance)
        let power = rows.reduce(0) { $0 + claimed[$1, $1] } / (evidence.recording.trialCount ?? 1)
        // A number of averages that is wrong by far leaves it so.
        return noise.squaredNorm / Double(own.columns) > 1e-5 * power
    }

    /// The rank of the data by their own spectrum.
    private static func rank(_ all: Moments, _ rows: [Int], _ evidence: DataRank.Evidence) -> Int? {
        guard let spectrum = spectrum(all.matrix), let found = rank(all, spectrum.values) else { return nil }
        guard found < rows.count else { return found }
        // Time can limit the rank, too (low-pass filters, short averages): then a part of the samples has less of it. Half
        // of them, since signals of few frequencies show all of these in three quarters.
        let half = Double(all.samples) / 2 > 1.2 * Double(found) + 2
        let part = moments(rows, evidence, part: half ? 0.5 : 0.75)
        guard let fewer = Self.spectrum(part.matrix) else { return nil }
        return rank(part, fewer.values) == found ? found : nil
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
