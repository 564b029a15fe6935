import Glibc

/// Adam (Kingma & Ba 2015): steps by running means of a gradient and of its square.
struct Adam {
    private var mean: [Double]
    private var square: [Double]
    /// The step of every number by itself: rate over the root of its mean square.
    private(set) var scales: [Double]
    private var count = 0

    init(count: Int) {
        mean = [Double](repeating: 0, count: count)
        square = mean
        scales = mean
    }

    /// One step.
    mutating func step(
        _ parameters: UnsafeMutablePointer<Double>, _ gradient: UnsafePointer<Double>, rate: Double
    ) {
        let (first, second, floor) = (0.9, 0.999, 1e-8)
        count += 1
        let meanFactor = 1 / (1 - pow(first, Double(count)))
        let squareFactor = 1 / (1 - pow(second, Double(count)))
        let size = mean.count
        mean.withUnsafeMutableBufferPointer { mean in
            square.withUnsafeMutableBufferPointer { square in
                scales.withUnsafeMutableBufferPointer { scales in
                    for k in 0..<size {
                        let g = gradient[k]
                        mean[k] = first * mean[k] + (1 - first) * g
                        square[k] = second * square[k] + (1 - second) * g * g
                        scales[k] = rate / ((square[k] * squareFactor).squareRoot() + floor)
                        parameters[k] -= scales[k] * mean[k] * meanFactor
                    }
                }
            }
        }
    }
}
