extension GaborFrame {
    /// Frequencies of a dictionary, cycles a sample, ascending from 0 to ½.
    public func frequencies(of dictionary: Int) -> [Double] {
        let window = windows[dictionary].length
        return (0...(window / 2)).map { Double($0) / Double(window) }
    }

    /// The middle of each window of a dictionary, in samples from the first.
    public func centres(of dictionary: Int) -> [Double] {
        let lattice = lattices[dictionary]
        return (0..<lattice.frames).map {
            Double($0 * lattice.step - lattice.padding) + 0.5 * Double(lattice.window - 1)
        }
    }

    /// The coefficients of one time course in one dictionary as one-sided complex numbers, whose squares add up as those of the
    /// coefficients do: √2 times MNE-Python's but at the lowest and the highest frequency.
    ///
    /// - Parameters:
    ///   - coefficients: D.
    ///   - dictionary: position among the windows.
    /// - Returns: frequencies × windows each.
    public func spectrum(
        _ coefficients: [Double], of dictionary: Int
    ) -> (real: Matrix, imaginary: Matrix) {
        let lattice = lattices[dictionary]
        let rows = lattice.window / 2 + 1
        let real = Matrix(rows: rows, columns: lattice.frames) { f, i in
            coefficients[place(f, i, lattice)]
        }
        let imaginary = Matrix(rows: rows, columns: lattice.frames) { f, i in
            isSingle(f, lattice) ? 0 : coefficients[place(f, i, lattice) + 1]
        }
        return (real, imaginary)
    }

    /// The D coefficients from the complex ones of all dictionaries; nil where their shapes are of another frame.
    public func coefficients(of spectra: [(real: Matrix, imaginary: Matrix)]) -> [Double]? {
        guard spectra.count == lattices.count else { return nil }
        var result = [Double](repeating: 0, count: size)
        for (lattice, spectrum) in zip(lattices, spectra) {
            for part in [spectrum.real, spectrum.imaginary] {
                guard part.rows == lattice.window / 2 + 1, part.columns == lattice.frames else { return nil }
            }
            for i in 0..<lattice.frames {
                for f in 0...(lattice.window / 2) {
                    let place = place(f, i, lattice)
                    result[place] = spectrum.real[f, i]
                    if !isSingle(f, lattice) { result[place + 1] = spectrum.imaginary[f, i] }
                }
            }
        }
        return result
    }

    private func isSingle(_ f: Int, _ lattice: Lattice) -> Bool { f == 0 || 2 * f == lattice.window }

    private func place(_ f: Int, _ i: Int, _ lattice: Lattice) -> Int {
        lattice.first + i * lattice.window + (f == 0 ? 0 : 2 * f - 1)
    }
}
