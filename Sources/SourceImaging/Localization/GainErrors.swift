import Glibc

/// Error terms of a gain over a source space: what ``FieldError`` needs to know of the sensors and of the brain.
struct GainErrors: Sendable {
    /// Relative error of the gain at the sensors; 0 for a gain without errors, nil to learn it.
    let given: Double?
    /// Rows of electrodes, and rows of other sensors.
    private let groups: [FieldError.RowGroup]
    /// Level of the noise that sources compete with, as a variance of whitened data.
    private let noise: Double

    /// How far an error that looks like neighbours reaches, m: their variance falls by exp(−(d/reach)²).
    private static let reach = 0.008
    /// Its relative norm: shapes and centres of patches are never exact, whatever the head model.
    private static let nearby = 0.4
    /// Relative norms of errors alike at all sensors to choose among where none is given.
    private static let usual = [0.025, 0.05, 0.1]

    /// Error terms of data of some rows that a whitener makes.
    ///
    /// In the rows of least noise, mixtures in which sensors all but cancel, errors alike at all sensors would be larger than
    /// most fields. Those of a head model are smooth and cancel as well: they count for no more than in the median row.
    init(_ given: Double?, _ whitener: Whitener, rows: [Int], noise: Double) {
        (self.given, self.noise) = (given, noise > 0 && noise.isFinite ? noise : 1)
        groups = Set(whitener.rowBlocks).sorted().map { block in
            let own = rows.indices.filter { whitener.rowBlocks[rows[$0]] == block }
            let variances = own.map { max(whitener.sensorVariances[rows[$0]], .leastNormalMagnitude) }
            let median = Plausibility.median(variances)
            return FieldError.RowGroup(rows: own, variances: variances.map { min($0, median) })
        }
    }

    /// The error terms of the sources of a space to choose among.
    ///
    /// - Parameter shapes: over the source space, whose columns the gain has.
    /// - Returns: none for a gain without errors.
    func terms(_ shapes: PatchShapes) -> [FieldError] {
        terms(shapes) { (shapes.sources.positions[$0], shapes.blocks.columns(of:)) }
    }

    /// The same of candidates, of a gain of their ``FinePlaces/columns``.
    func terms(_ shapes: PatchShapes, _ places: FinePlaces) -> [FieldError] {
        terms(shapes) { (places.centres[$0], { places.columns(of: $0, in: shapes.blocks) }) }
    }

    /// - Parameter place: of a block that may be selected, where it is, and where the gain has the columns of a source.
    private func terms(
        _ shapes: PatchShapes,
        place: @escaping @Sendable (Int) -> (centre: SIMD3<Double>, columns: (Int) -> Range<Int>?)
    ) -> [FieldError] {
        if given == 0 { return [] }
        return (given.map { [$0] } ?? Self.usual).map { spread in
            FieldError(spread: spread, nearby: Self.nearby, noise: noise, groups: groups) { block in
                let (centre, columns) = place(block)
                return shapes.visible(within: 2 * Self.reach, of: centre).compactMap { other in
                    columns(other.index).map { ($0, exp(-pow(other.distance / Self.reach, 2))) }
                }
            }
        }
    }
}
