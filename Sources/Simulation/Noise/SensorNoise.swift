import Foundation
import Fourier
import SourceImaging

/// How noise is spread over frequencies.
public enum NoiseSpectrum: String, Sendable, CaseIterable, Codable {
    /// The same power at all frequencies: samples are independent.
    case white
    /// Power as 1/frequency from 1 Hz on, as in real recordings: samples are correlated, their variance is the same.
    case pink
}

/// The noise of one epoch: independent noise of each sensor and the field of ongoing brain activity, which correlates
/// the sensors and has full strength in all of them.
struct SensorNoise: Sendable {
    /// Standard deviation of each sensor's own noise.
    let deviations: [Double]
    /// Field of independent brain generators of unit variance, sensors × generators.
    let background: Matrix

    /// Own noise of each kind of sensor in an epoch filtered to 100 Hz: 3.5 fT/√Hz, 3.5 fT/cm/√Hz and an electrode's.
    static func deviation(of kind: SensorKind) -> Double {
        switch kind {
        case .mag: 35e-15
        case .grad: 35e-13
        case .eeg: 1.5e-6
        }
    }

    /// Generators of ongoing activity at most, taken evenly from the candidate sources.
    static let generators = 400
    /// Root of the summed squares of all generators' moments, A·m.
    static let backgroundMoment = 100e-9
    /// Standard deviation of the Gaussian over which a generator's activity spreads, m.
    static let spread = 0.012

    /// Noise for the sensors of a forward model with free orientation and normals.
    ///
    /// - Parameter normalGain: gain along the normals, sensors × sources.
    init(_ forward: Forward, normalGain: Matrix, _ generator: inout SeededGenerator) {
        deviations = forward.sensors.kinds.map { Self.deviation(of: $0) * exp(0.15 * generator.normal()) }
        let all = forward.sources.positions
        let count = min(Self.generators, all.count)
        let picked = (0..<count).map { $0 * all.count / count }
        // Each independent generator drives its neighbours, which makes nearby dipoles fluctuate together.
        var kernel = Matrix(rows: count, columns: count) { i, j in
            let d = all[picked[i]] - all[picked[j]]
            return exp(-0.5 * d.dot(d) / (Self.spread * Self.spread))
        }
        kernel = kernel * (Self.backgroundMoment / kernel.squaredNorm.squareRoot())
        background = normalGain.columns(picked) * kernel
    }

    /// The covariance of one epoch, sensors × sensors, symmetric and positive definite.
    var covariance: Matrix {
        var covariance = Matrix.product(background, transposed: false, background, transposed: true)
        for (i, deviation) in deviations.enumerated() { covariance[i, i] += deviation * deviation }
        covariance.mirrorLowerTriangle()
        return covariance
    }

    /// Noise over time, sensors × samples, of the covariance of one epoch.
    ///
    /// - Complexity: O(sensors · generators · samples).
    func samples(
        _ count: Int, spectrum: NoiseSpectrum, samplingFrequency: Double,
        _ generator: inout SeededGenerator
    ) -> Matrix {
        func independent(_ rows: Int) -> Matrix {
            switch spectrum {
            case .white: return generator.normal(rows: rows, columns: count)
            case .pink:
                var matrix = Matrix(rows: rows, columns: count)
                for row in 0..<rows {
                    let course = Self.pinkNoise(count, samplingFrequency: samplingFrequency, &generator)
                    for t in 0..<count { matrix[row, t] = course[t] }
                }
                return matrix
            }
        }
        var noise = background * independent(background.columns)
        let own = independent(deviations.count)
        for t in 0..<count {
            for (i, deviation) in deviations.enumerated() { noise[i, t] += deviation * own[i, t] }
        }
        return noise
    }

    /// Noise of unit variance with a power of 1/frequency from 1 Hz on, constant below.
    static func pinkNoise(
        _ count: Int, samplingFrequency: Double, _ generator: inout SeededGenerator
    ) -> [Double] {
        // The filter wraps around: of twice the length only the first half is kept, whose ends are then not neighbours.
        let length = 2 * count
        func gain(_ frequency: Double) -> Double {
            1 / max(frequency * samplingFrequency, 1).squareRoot()
        }
        let power = (0..<length).reduce(0.0) { sum, k in
            let factor = gain(Double(min(k, length - k)) / Double(length))
            return sum + factor * factor
        }
        let scale = (Double(length) / power).squareRoot()
        let white = (0..<length).map { _ in generator.normal() }
        return Array(Fourier.filter(white) { scale * gain($0) }.prefix(count))
    }
}
