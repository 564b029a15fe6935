import Foundation
import SourceImaging

/// The current of an evoked response over time: an oscillation under a Gaussian window, zero before the event.
struct EvokedWaveform: Sendable, Equatable {
    /// Time of the peak, s.
    let latency: Double
    /// Standard deviation of the window, s.
    let width: Double
    /// Frequency of the oscillation, Hz.
    let frequency: Double
    /// Dipole moment at the peak, A·m; may be negative.
    let amplitude: Double

    /// How long after the event the response takes to set in fully, s.
    private static let onset = 0.03

    /// Dipole moment at a time, A·m.
    func value(at time: Double) -> Double {
        guard time > 0 else { return 0 }
        let fraction = min(1, time / Self.onset)
        let rise = fraction * fraction * (3 - 2 * fraction)
        let delay = time - latency
        let window = exp(-0.5 * delay * delay / (width * width))
        return amplitude * rise * window * cos(2 * .pi * frequency * delay)
    }

    /// Waveforms with peaks spread over 70–130 ms, one a slot of equal length in random order, 20–40 nAm.
    static func random(_ count: Int, _ generator: inout SeededGenerator) -> [EvokedWaveform] {
        (0..<count).shuffled(using: &generator).map { slot in
            EvokedWaveform(
                latency: 0.07 + 0.06 * (Double(slot) + 0.2 + 0.6 * generator.uniform()) / Double(count),
                width: 0.012 + 0.008 * generator.uniform(), frequency: 6 + 8 * generator.uniform(),
                amplitude: (generator.uniform() < 0.5 ? -1 : 1) * (20 + 20 * generator.uniform()) * 1e-9)
        }
    }
}
