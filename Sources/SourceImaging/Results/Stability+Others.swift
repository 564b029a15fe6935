extension Stability {
    /// Where repeats often find a source that stands for none of the estimate: the position with such sources of most
    /// repeats around it, then the next among what is left, greedily, while they are often enough.
    ///
    /// - Parameter left: the sources left over, with the repeat that found each.
    /// - Complexity: O(u²·r/64) for u positions and r repeats; one pass more over neighbours for every place.
    static func others(
        _ left: [(repetition: Int, source: Found)], within radius: Double, repeats: Int
    ) -> [Other] {
        var byIndex: [Int: Place] = [:]
        for (repetition, source) in left {
            byIndex[source.index, default: Place(index: source.index, position: source.position, repeats: repeats)]
                .add(repetition)
        }
        var places = byIndex.values.sorted { $0.index < $1.index }
        let neighbours = places.map { centre in
            places.indices.filter { places[$0].position.distance(to: centre.position) <= radius }
        }
        var others: [Other] = []
        while true {
            var best: (place: Int, repeats: Int, spread: Double)?
            for centre in places.indices where places[centre].count > 0 {
                let around = neighbours[centre].map { places[$0] }
                let found = Place.union(around)
                guard Double(found) >= often * Double(repeats) else { continue }
                let squares = around.reduce(0) { sum, place in
                    let distance = place.position.distance(to: places[centre].position)
                    return sum + Double(place.count) * distance * distance
                }
                let spread = (squares / Double(around.reduce(0) { $0 + $1.count })).squareRoot()
                if best.map({ found > $0.repeats || (found == $0.repeats && spread < $0.spread) }) ?? true {
                    best = (centre, found, spread)
                }
            }
            guard let best else { return others }
            others.append(
                Other(
                    index: places[best.place].index, position: places[best.place].position,
                    found: Double(best.repeats) / Double(repeats), positionSpread: best.spread))
            for k in neighbours[best.place] { places[k].clear() }
        }
    }
}

/// A position, and the repeats that have a source there.
private struct Place {
    let index: Int
    let position: SIMD3<Double>
    /// A bit a repeat.
    private var members: [UInt64]
    private(set) var count = 0

    init(index: Int, position: SIMD3<Double>, repeats: Int) {
        self.index = index
        self.position = position
        members = [UInt64](repeating: 0, count: (repeats + 63) / 64)
    }

    mutating func add(_ repetition: Int) {
        members[repetition / 64] |= 1 << UInt64(repetition % 64)
        count += 1
    }

    mutating func clear() {
        for k in members.indices { members[k] = 0 }
        count = 0
    }

    /// How many repeats have a source at one of some places.
    static func union(_ places: [Place]) -> Int {
        guard let first = places.first else { return 0 }
        return first.members.indices.reduce(0) { sum, k in
            sum + places.reduce(UInt64(0)) { $0 | $1.members[k] }.nonzeroBitCount
        }
    }
}
