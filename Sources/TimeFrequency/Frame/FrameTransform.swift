/// Analysis and synthesis in memory that is used again: a call allocates nothing. One a thread.
final class FrameTransform {
    let frame: GaborFrame
    private let padded: Buffer
    private let windowed: Buffer
    /// One a dictionary, nil where a matrix product transforms.
    private let long: [(any WindowSpectra)?]

    init(_ frame: GaborFrame, _ allocations: AllocationCount) {
        self.frame = frame
        padded = Buffer(capacity: frame.lattices.reduce(0) { max($0, $1.length) }, allocations)
        windowed = Buffer(capacity: frame.lattices.reduce(0) { max($0, $1.frames * $1.window) }, allocations)
        long = frame.lattices.map {
            $0.window >= frame.longWindow ? frame.spectra?($0.window, $0.frames) : nil
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
                let x = padded.pointer
                x.update(repeating: 0, count: lattice.padding)
                (x + lattice.padding).update(from: courses + row * t, count: t)
                let end = lattice.padding + t
                if end < lattice.length { (x + end).update(repeating: 0, count: lattice.length - end) }
                analyze(lattice, long[k], scale, into: coefficients + row * frame.size + lattice.first)
            }
        }
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
                if let q = q.baseAddress { BLAS.gemm(false, false, w, frames, w, scale, q, w, f, w, 0, z, w) }
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
                let (x, target) = (padded.pointer + lattice.padding, courses + row * t)
                if k == 0 {
                    target.update(from: x, count: t)
                } else {
                    for s in 0..<t { target[s] += x[s] }
                }
            }
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
                if let q = q.baseAddress { BLAS.gemm(true, false, w, frames, w, 1, q, w, z, w, 0, f, w) }
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
}
