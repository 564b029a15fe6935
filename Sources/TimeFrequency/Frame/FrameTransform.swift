/// Analysis and synthesis in memory that is used again: a call allocates nothing. One a thread.
final class FrameTransform {
    let frame: GaborFrame
    private let padded: Buffer
    private let windowed: Buffer
    /// Of one dictionary.
    private let coefficients: Buffer
    /// One a dictionary, nil where a matrix product transforms.
    private let long: [(any WindowSpectra)?]

    init(_ frame: GaborFrame, _ allocations: AllocationCount) {
        self.frame = frame
        padded = Buffer(capacity: frame.lattices.reduce(0) { max($0, $1.length) }, allocations)
        let most = frame.lattices.reduce(0) { max($0, $1.size) }
        windowed = Buffer(capacity: most, allocations)
        coefficients = Buffer(capacity: most, allocations)
        long = frame.lattices.map {
            $0.window >= frame.longWindow ? frame.transforms?.spectra(length: $0.window, count: $0.frames) : nil
        }
    }

    /// Coefficients of time courses, times a scale.
    ///
    /// - Parameters:
    ///   - count: number of time courses.
    ///   - courses: T × count.
    ///   - coefficients: D × count.
    func analyze(
        _ count: Int, _ courses: UnsafePointer<Double>, scale: Double = 1,
        into coefficients: UnsafeMutablePointer<Double>
    ) {
        let t = frame.samples
        for k in frame.lattices.indices {
            let lattice = frame.lattices[k]
            for row in 0..<count {
                pad(courses + row * t, lattice)
                analyze(lattice, long[k], scale, into: coefficients + row * frame.size + lattice.first)
            }
        }
    }

    private func pad(_ course: UnsafePointer<Double>, _ lattice: GaborFrame.Lattice) {
        let (x, t) = (padded.pointer, frame.samples)
        x.update(repeating: 0, count: lattice.padding)
        (x + lattice.padding).update(from: course, count: t)
        let end = lattice.padding + t
        if end < lattice.length { (x + end).update(repeating: 0, count: lattice.length - end) }
    }

    private func analyze(
        _ lattice: GaborFrame.Lattice, _ fft: (any WindowSpectra)?, _ scale: Double,
        into z: UnsafeMutablePointer<Double>
    ) {
        let (w, step, frames) = (lattice.window, lattice.step, lattice.frames)
        let f = fft?.signals ?? windowed.pointer
        let x = padded.pointer
        lattice.envelope.withUnsafeBufferPointer { envelope in
            guard let e = envelope.baseAddress else { return }
            for i in 0..<frames {
                let (own, from, shape) = (f + i * w, x + i * step, e + i * w)
                for m in 0..<w { own[m] = from[m] * shape[m] }
            }
        }
        guard let fft else {
            lattice.transform.withUnsafeBufferPointer { q in
                if let q = q.baseAddress { BLAS.gemm(true, false, w, frames, w, scale, q, w, f, w, 0, z, w) }
            }
            return
        }
        fft.forward()
        let (single, pair) = (scale / Double(w).squareRoot(), scale * (2 / Double(w)).squareRoot())
        for i in 0..<frames {
            let (c, own) = (fft.spectra + i * (w + 2), z + i * w)
            own[0] = single * c[0]
            for r in 1..<(w - 1) { own[r] = pair * c[r + 1] }
            own[w - 1] = single * c[w]
        }
    }

    /// Time courses from coefficients.
    ///
    /// - Parameters:
    ///   - count: number of time courses.
    ///   - coefficients: D × count.
    ///   - courses: T × count.
    func synthesize(
        _ count: Int, _ coefficients: UnsafePointer<Double>, into courses: UnsafeMutablePointer<Double>
    ) {
        let t = frame.samples
        for k in frame.lattices.indices {
            let lattice = frame.lattices[k]
            for row in 0..<count {
                synthesize(lattice, long[k], coefficients + row * frame.size + lattice.first)
                take(lattice, isFirst: k == 0, into: courses + row * t)
            }
        }
    }

    /// Writes or adds the samples that are not padding.
    private func take(_ lattice: GaborFrame.Lattice, isFirst: Bool, into course: UnsafeMutablePointer<Double>) {
        let x = padded.pointer + lattice.padding
        if isFirst {
            course.update(from: x, count: frame.samples)
        } else {
            for s in 0..<frame.samples { course[s] += x[s] }
        }
    }

    private func synthesize(_ lattice: GaborFrame.Lattice, _ fft: (any WindowSpectra)?, _ z: UnsafePointer<Double>) {
        let (w, step, frames) = (lattice.window, lattice.step, lattice.frames)
        let f = fft?.signals ?? windowed.pointer
        if let fft {
            let (single, pair) = (1 / Double(w).squareRoot(), 0.5 * (2 / Double(w)).squareRoot())
            for i in 0..<frames {
                let (c, own) = (fft.spectra + i * (w + 2), z + i * w)
                c[0] = single * own[0]
                c[1] = 0
                for r in 1..<(w - 1) { c[r + 1] = pair * own[r] }
                c[w] = single * own[w - 1]
                c[w + 1] = 0
            }
            fft.backward()
        } else {
            lattice.transform.withUnsafeBufferPointer { q in
                if let q = q.baseAddress { BLAS.gemm(false, false, w, frames, w, 1, q, w, z, w, 0, f, w) }
            }
        }
        let x = padded.pointer
        x.update(repeating: 0, count: lattice.length)
        lattice.envelope.withUnsafeBufferPointer { envelope in
            guard let e = envelope.baseAddress else { return }
            for i in 0..<frames {
                let (own, to, shape) = (f + i * w, x + i * step, e + i * w)
                for m in 0..<w { to[m] += own[m] * shape[m] }
            }
        }
    }

    // MARK: - Some groups

    /// Of a dictionary, the part of the groups from which on transforming all of it takes less time than one listed group
    /// after another: by a matrix product, where 0.05 to 0.5 are alike at windows of 4 and 16 samples, and by a fast transform,
    /// where operations were counted.
    private static let densePart = (product: 0.3, fast: 0.1)

    /// Coefficients of some groups, times a scale: cheap where they are few.
    ///
    /// - Parameters:
    ///   - count: number of time courses.
    ///   - courses: T × count.
    ///   - groups: ascending.
    ///   - values: group after group, in each time course after time course.
    /// - Complexity: O(numbers · window), and at most that of all coefficients.
    func analyze(
        _ count: Int, _ courses: UnsafePointer<Double>, scale: Double = 1, groups: UnsafeBufferPointer<Int32>,
        into values: UnsafeMutablePointer<Double>
    ) {
        let (x, f, z) = (padded.pointer, windowed.pointer, coefficients.pointer)
        for row in 0..<count {
            var (next, place) = (0, 0)
            for (k, lattice) in frame.lattices.enumerated() where next < groups.count {
                pad(courses + row * frame.samples, lattice)
                if let end = denseEnd(of: groups, in: k, from: next) {
                    analyze(lattice, long[k], scale, into: z)
                    forEachPlace(of: groups, next..<end, in: lattice) { from, size in
                        for r in 0..<size { values[place + row * size + r] = z[from + r] }
                        place += size * count
                    }
                    next = end
                    continue
                }
                let w = lattice.window
                forEachFrame(of: groups, in: lattice, from: &next) { start, shape, waves in
                    for m in 0..<w { f[m] = x[start + m] * shape[m] }
                    waves { wave, size in
                        for r in 0..<size { values[place + row * size + r] = scale * Self.dot(wave + r * w, f, w) }
                        place += size * count
                    }
                }
            }
        }
    }

    /// Time courses of the coefficients of some groups, all others being zero.
    ///
    /// - Parameters:
    ///   - count: number of time courses.
    ///   - values: group after group, in each time course after time course.
    ///   - groups: ascending.
    ///   - courses: T × count.
    /// - Complexity: O(numbers · window), and at most that of all coefficients.
    func synthesize(
        _ count: Int, _ values: UnsafePointer<Double>, groups: UnsafeBufferPointer<Int32>,
        into courses: UnsafeMutablePointer<Double>
    ) {
        let (x, f, z) = (padded.pointer, windowed.pointer, coefficients.pointer)
        for row in 0..<count {
            var (next, place) = (0, 0)
            for (k, lattice) in frame.lattices.enumerated() {
                defer { take(lattice, isFirst: k == 0, into: courses + row * frame.samples) }
                if let end = denseEnd(of: groups, in: k, from: next) {
                    z.update(repeating: 0, count: lattice.size)
                    forEachPlace(of: groups, next..<end, in: lattice) { to, size in
                        for r in 0..<size { z[to + r] = values[place + row * size + r] }
                        place += size * count
                    }
                    synthesize(lattice, long[k], z)
                    next = end
                    continue
                }
                x.update(repeating: 0, count: lattice.length)
                let w = lattice.window
                forEachFrame(of: groups, in: lattice, from: &next) { start, shape, waves in
                    f.update(repeating: 0, count: w)
                    waves { wave, size in
                        for r in 0..<size {
                            let (value, q) = (values[place + row * size + r], wave + r * w)
                            for m in 0..<w { f[m] += value * q[m] }
                        }
                        place += size * count
                    }
                    for m in 0..<w { x[start + m] += f[m] * shape[m] }
                }
            }
        }
    }

    /// Where the groups of dictionary k end in a list, if they are so many that all of it is to be transformed.
    private func denseEnd(of groups: UnsafeBufferPointer<Int32>, in k: Int, from first: Int) -> Int? {
        let lattice = frame.lattices[k]
        let part = long[k] == nil ? Self.densePart.product : Self.densePart.fast
        let least = Int((part * Double(lattice.groupCount)).rounded(.up))
        let behind = lattice.firstGroup + lattice.groupCount
        // Groups ascend: there are enough if the last of so many is still of this dictionary.
        guard first + least <= groups.count, Int(groups[first + least - 1]) < behind else { return nil }
        var (low, high) = (first + least, groups.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(groups[middle]) < behind { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Where the numbers of some of the groups are among those of their dictionary, and how many.
    @inline(__always)
    private func forEachPlace(
        of groups: UnsafeBufferPointer<Int32>, _ range: Range<Int>, in lattice: GaborFrame.Lattice,
        _ body: (Int, Int) -> Void
    ) {
        frame.groupOffsets.withUnsafeBufferPointer { starts in
            for k in range {
                let g = Int(groups[k])
                body(starts[g] - lattice.first, starts[g + 1] - starts[g])
            }
        }
    }

    /// Goes through the frames of a dictionary that groups are in.
    ///
    /// - Parameters:
    ///   - next: of the groups, the first in this dictionary; then the first after it.
    ///   - body: receives the first padded sample, the envelope, and what goes through the waves of each group, one or two
    ///     of `window` numbers.
    @inline(__always)
    private func forEachFrame(
        of groups: UnsafeBufferPointer<Int32>, in lattice: GaborFrame.Lattice, from next: inout Int,
        _ body: (Int, UnsafePointer<Double>, ((UnsafePointer<Double>, Int) -> Void) -> Void) -> Void
    ) {
        let (w, half) = (lattice.window, lattice.window / 2)
        lattice.envelope.withUnsafeBufferPointer { envelope in
            lattice.transform.withUnsafeBufferPointer { q in
                guard let e = envelope.baseAddress, let q = q.baseAddress else { return }
                while next < groups.count {
                    let i = (Int(groups[next]) - lattice.firstGroup) / (half + 1)
                    guard i < lattice.frames else { break }
                    let first = lattice.firstGroup + i * (half + 1)
                    body(i * lattice.step, e + i * w) { wave in
                        while next < groups.count, Int(groups[next]) - first <= half {
                            let f = Int(groups[next]) - first
                            wave(q + max(0, 2 * f - 1) * w, f == 0 || f == half ? 1 : 2)
                            next += 1
                        }
                    }
                }
            }
        }
    }

    private static func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
        var sums = SIMD4<Double>()
        var k = 0
        while k + 4 <= count {
            let x = UnsafeRawPointer(a + k).loadUnaligned(as: SIMD4<Double>.self)
            let y = UnsafeRawPointer(b + k).loadUnaligned(as: SIMD4<Double>.self)
            sums += x * y
            k += 4
        }
        var sum = sums.sum()
        while k < count {
            sum += a[k] * b[k]
            k += 1
        }
        return sum
    }
}
