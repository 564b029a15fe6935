/// Some blocks of a matrix brought together: from where each block starts to where its copy goes.
///
/// Blocks are given by their places in `starts`; the copy of the k-th of them is as wide as `offsets[k]..<offsets[k + 1]`.
enum Gathering {
    /// Columns of a matrix of a height.
    static func columns(
        _ chosen: [Int], from source: UnsafePointer<Double>, height: Int, starts: [Int],
        into target: UnsafeMutablePointer<Double>, offsets: [Int]
    ) {
        for (k, j) in chosen.enumerated() {
            (target + offsets[k] * height).update(
                from: source + starts[j] * height, count: (offsets[k + 1] - offsets[k]) * height)
        }
    }

    /// Rows of one column.
    @inline(__always)
    static func rows(
        _ chosen: [Int], from source: UnsafePointer<Double>, starts: [Int],
        into target: UnsafeMutablePointer<Double>, offsets: [Int]
    ) {
        for (k, j) in chosen.enumerated() {
            let (from, to) = (source + starts[j], target + offsets[k])
            for r in 0..<(offsets[k + 1] - offsets[k]) { to[r] = from[r] }
        }
    }

    /// Rows and columns of a Gram matrix with a leading dimension; the copy has none to spare.
    static func gram(
        _ chosen: [Int], from source: UnsafePointer<Double>, leading: Int, starts: [Int],
        into target: UnsafeMutablePointer<Double>, offsets: [Int]
    ) {
        let width = offsets[chosen.count]
        for (k, j) in chosen.enumerated() {
            for c in 0..<(offsets[k + 1] - offsets[k]) {
                rows(
                    chosen, from: source + (starts[j] + c) * leading, starts: starts,
                    into: target + (offsets[k] + c) * width, offsets: offsets)
            }
        }
    }
}
