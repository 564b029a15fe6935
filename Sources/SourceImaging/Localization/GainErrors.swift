import Glibc

/// Error terms of a gain over a source space: what ``FieldError`` needs to know of the brain.
enum GainErrors {
    /// How far an error that looks like neighbours reaches, m: their variance falls by exp(−(d/reach)²).
    private static let reach = 0.008
    /// Its relative norm: shapes and centres of patches are never exact, whatever the head model.
    private static let nearby = 0.4
    /// Relative norms of errors alike at all sensors to choose among where none is given.
    private static let usual = [0.05, 0.1, 0.2]

    /// The error terms of the sources of a space to choose among.
    ///
    /// - Parameters:
    ///   - given: relative error of the gain; 0 for a gain without errors, nil to learn it.
    ///   - shapes: over the source space, whose columns the gain has.
    /// - Returns: none for a gain without errors.
    static func terms(_ given: Double?, _ shapes: PatchShapes) -> [FieldError] {
        terms(given, shapes) { (shapes.sources.positions[$0], shapes.blocks.columns(of:)) }
    }

    /// The same of candidates, of a gain of their ``FinePlaces/columns``.
    static func terms(_ given: Double?, _ shapes: PatchShapes, _ places: FinePlaces) -> [FieldError] {
        terms(given, shapes) { (places.centres[$0], { places.columns(of: $0, in: shapes.blocks) }) }
    }

    /// - Parameter place: of a block that may be selected, where it is, and where the gain has the columns of a source.
    private static func terms(
        _ given: Double?, _ shapes: PatchShapes,
        place: @escaping @Sendable (Int) -> (centre: SIMD3<Double>, columns: (Int) -> Range<Int>?)
    ) -> [FieldError] {
        if given == 0 { return [] }
        return (given.map { [$0] } ?? usual).map { spread in
            FieldError(spread: spread, nearby: nearby) { block in
                let (centre, columns) = place(block)
                return shapes.visible(within: 2 * reach, of: centre).compactMap { other in
                    columns(other.index).map { ($0, exp(-pow(other.distance / reach, 2))) }
                }
            }
        }
    }
}
