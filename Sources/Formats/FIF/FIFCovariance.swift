import SourceImaging

/// The noise covariance of a FIF file.
///
/// The file names its channels but does not say what they measure; that comes from a recording.
struct FIFCovariance: Sendable {
    /// Names of channels, in the order of rows and columns.
    let names: [String]
    /// Number of degrees of freedom that it was estimated with; 0 when unknown.
    let samples: Int
    /// Names of bad channels.
    let bad: Set<String>

    private let tree: FIFTree
    private let block: Int
    private let data: FIFTag
    /// Whether only variances are stored.
    let isDiagonal: Bool

    /// Finds the noise covariance of a file; nil where there is none.
    ///
    /// - Throws: ``InputError`` when names, dimension and data disagree.
    init?(_ tree: FIFTree) throws(InputError) {
        var found: Int?
        for block in tree.blocks(FIFBlockKind.covariance) where found == nil {
            if try tree.integer(FIFKind.covarianceKind, in: block) == 1 { found = block }
        }
        guard let block = found else { return nil }
        self.tree = tree
        self.block = block
        names = try tree.names(FIFKind.rowNames, in: block)
        guard let dimension = try tree.integer(FIFKind.covarianceDimension, in: block) else {
            throw tree.missing(FIFKind.covarianceDimension, "covariance")
        }
        guard names.count == dimension else {
            throw InputError("covariance", found: "\(names.count) names", expected: "\(dimension), one a channel")
        }
        if let full = tree.tag(FIFKind.covariance, in: block) {
            (data, isDiagonal) = (full, false)
        } else if let diagonal = tree.tag(FIFKind.covarianceDiagonal, in: block) {
            (data, isDiagonal) = (diagonal, true)
        } else {
            throw tree.missing(FIFKind.covariance, "covariance")
        }
        samples = max(0, try tree.integer(FIFKind.covarianceFreedom, in: block) ?? 0)
        bad = Set(try FIFChannels.badNames(tree, in: block))
    }

    /// Reads the covariance of the channels that are also among the sensors, by the same or by like names; they keep
    /// their own, so that whoever matches them later can tell how they differ.
    ///
    /// - Parameter sensors: what channels measure, by their names.
    /// - Throws: ``InputError`` when no channel is among the sensors, or the numbers do not fit the names.
    func read(_ sensors: Sensors) throws(InputError) -> NoiseCovariance {
        let places = NameMatching.loose.places(of: names, among: sensors.names)
        let kept = names.indices.filter { places[$0] != nil }
        guard !kept.isEmpty else {
            throw InputError(
                "channels", found: "'\(names.first ?? "")'…, none of which the recording has or has one like it",
                expected: "names as in the recording ('\(sensors.names[0])'…)",
                advice: "check which recording is given; names that differ by case, blanks or what stands before them "
                    + "are matched by \(.matchNames) loose")
        }
        let keptNames = kept.map { names[$0] }
        let keptKinds = places.compactMap { place in place.map { sensors.kinds[$0] } }
        let numbers = try tree.numbers(data)
        let n = names.count
        let expected = isDiagonal ? n : n * (n + 1) / 2
        guard numbers.count == expected else {
            throw InputError(
                tree.place(data), found: "\(numbers.count) numbers",
                expected: "\(expected) for \(n) channels (\(isDiagonal ? "variances" : "a lower triangle"))")
        }
        let values = try numbers.read()
        let matrix = Matrix(rows: kept.count, columns: kept.count) { i, j in
            if isDiagonal { return i == j ? values[kept[i]] : 0 }
            let (row, column) = (max(kept[i], kept[j]), min(kept[i], kept[j]))
            return values[row * (row + 1) / 2 + column]
        }
        return try NoiseCovariance(
            matrix: matrix, samples: samples,
            sensors: Sensors(
                names: keptNames, kinds: keptKinds, bad: keptNames.map { bad.contains($0) }),
            projectors: FIFProjectors(tree, in: block, names: keptNames).matrix)
    }
}
