/// Which of some names somebody may have meant who wrote another.
enum NearestNames {
    /// At most three names that differ from the one given by few letters, capitals aside, the nearest first.
    ///
    /// - Complexity: O(names · lengths²).
    static func of(_ name: String, among names: [String]) -> [String] {
        let wanted = Array(name.lowercased())
        let limit = max(1, wanted.count / 3)
        let near = names.enumerated().compactMap { place, other in
            let distance = Self.distance(wanted, Array(other.lowercased()))
            return distance <= limit ? (distance: distance, place: place, name: other) : nil
        }
        return near.sorted { ($0.distance, $0.place) < ($1.distance, $1.place) }.prefix(3).map(\.name)
    }

    /// The fewest letters to put in, take out, change, or exchange with their neighbour (Damerau 1964).
    static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var before: [Int] = []
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var least = min(row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { least = min(least, before[j - 1] + 1) }
                row.append(least)
            }
            (before, last) = (last, row)
        }
        return last[b.count]
    }
}
