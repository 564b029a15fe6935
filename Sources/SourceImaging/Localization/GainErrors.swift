import Glibc

/// Error terms of a gain over a source space: what ``FieldError`` needs to know of the brain.
enum GainErrors {
    /// How far an error that looks like neighbours reaches, m: their variance falls by exp(−(d/reach)²).
    private static let reach = 0.008
    /// Its relative norm: shapes and centres of patches are never exact, whatever the head model.
    private static let nearby = 0.4
    /// Relative norms of errors alike at all sensors to choose among where none is given.
    private static let usual = [0.05, 0.1, 0.2]

    /// The error terms to choose among.
    ///
    /// - Parameters:
    ///   - given: relative error of the gain; 0 for a gain without errors, nil to learn it.
    ///   - places: what may be selected, a block each of a gain of their ``FinePlaces/columns``.
    ///   - shapes: over the source space.
    /// - Returns: none for a gain without errors.
    static func terms(_ given: Double?, _ places: FinePlaces, _ shapes: PatchShapes) -> [FieldError] {
        if given == 0 { return [] }
        return (given.map { [$0] } ?? usual).map { spread in
            FieldError(spread: spread, nearby: nearby) { block in
                shapes.visible(within: 2 * reach, of: places.centres[block]).compactMap { other in
                    places.columns(of: other.index, in: shapes.blocks)
                        .map { ($0, exp(-pow(other.distance / reach, 2))) }
                }
            }
        }
    }
}
