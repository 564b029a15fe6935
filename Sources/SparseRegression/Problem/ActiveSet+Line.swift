extension ActiveSet {
    /// Where a solution that moves along a line would be: `first` + `fraction`·(`second` − `first`), between the two or
    /// beyond the second.
    ///
    /// Blocks active in one alone grow from zero or shrink to it; a block that would turn about is left out. With different
    /// numbers of samples the second is returned.
    ///
    /// - Parameters:
    ///   - first: at 0.
    ///   - second: of the same problem, at 1.
    ///   - fraction: 0 or more.
    /// - Complexity: O(size of the union of both supports · samples).
    public static func line(from first: ActiveSet, to second: ActiveSet, at fraction: Double) -> ActiveSet {
        let t = second.coefficients.rows
        guard first.coefficients.rows == t else { return second }
        var blocks: [Int] = []
        var offsets = [0]
        var elements: [Double] = []
        elements.reserveCapacity((first.coefficients.columns + second.coefficients.columns) * t)
        var (i, j) = (0, 0)
        while i < first.count || j < second.count {
            let a = i < first.count ? first.blocks[i] : Int.max
            let b = j < second.count ? second.blocks[j] : Int.max
            let begin = elements.count
            if a == b {
                let own = (first.offsets[i] * t, second.offsets[j] * t)
                var turn = 0.0
                for k in 0..<((second.offsets[j + 1] - second.offsets[j]) * t) {
                    let (x, y) = (first.coefficients.elements[own.0 + k], second.coefficients.elements[own.1 + k])
                    let moved = x + fraction * (y - x)
                    turn += moved * y
                    elements.append(moved)
                }
                if turn <= 0 { elements.removeSubrange(begin...) }
            } else if a < b {
                let weight = 1 - fraction
                if weight > 0 {
                    for k in (first.offsets[i] * t)..<(first.offsets[i + 1] * t) {
                        elements.append(weight * first.coefficients.elements[k])
                    }
                }
            } else if fraction > 0 {
                for k in (second.offsets[j] * t)..<(second.offsets[j + 1] * t) {
                    elements.append(fraction * second.coefficients.elements[k])
                }
            }
            if elements.count > begin {
                blocks.append(min(a, b))
                offsets.append(elements.count / t)
            }
            if a <= b { i += 1 }
            if b <= a { j += 1 }
        }
        return ActiveSet(
            blocks: blocks, offsets: offsets,
            coefficients: Matrix(rows: t, columns: elements.count / max(1, t), elements: elements))
    }
}
