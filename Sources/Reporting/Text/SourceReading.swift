import SourceImaging

/// When and how strong a source is at its peak, in the units that people read.
struct Peak {
    /// Largest dipole magnitude, nAm, not negative.
    let moment: Double
    /// When, s; nil when the estimate has no time for the sample.
    let time: Double?
    /// Unit vector of the dipole at that moment; nil when the axes are unknown or the amplitude is zero.
    let direction: SIMD3<Double>?
}

extension EstimatedSource {
    /// The position in mm.
    var millimetres: SIMD3<Double> { position * 1000 }

    /// The dipole over time in nAm; empty without samples.
    var moments: [Double] { amplitudes.columns > 0 ? timeCourse.map { $0 * 1e9 } : [] }

    /// The peak; nil when there is no sample.
    func peak(times: [Double]) -> Peak? {
        guard amplitudes.columns > 0 else { return nil }
        let sample = peakSample
        var direction: SIMD3<Double>?
        if let axes, axes.count == amplitudes.rows {
            let moment = axes.indices.reduce(SIMD3<Double>.zero) { $0 + axes[$1] * amplitudes[$1, sample] }
            let length = (moment * moment).sum().squareRoot()
            if length > 0, length.isFinite { direction = moment / length }
        }
        return Peak(
            moment: abs(timeCourse[sample]) * 1e9, time: times.indices.contains(sample) ? times[sample] : nil,
            direction: direction)
    }

    /// Where the source is, for legends: `right (52, 16, 70) mm`.
    var place: String {
        let p = millimetres
        let numbers = [p.x, p.y, p.z].map { NumberText.typographic(NumberText.fixed($0, 0)) }.joined(separator: ", ")
        return (hemisphere.map { $0.name + " " } ?? "") + "(\(numbers)) mm"
    }
}

extension EstimatedSource {
    /// The patch that it stands for, to follow its place: `, a patch of 8 mm`; empty for a point.
    var patchText: String {
        guard let extent, extent > 0, extent.isFinite else { return "" }
        return ", a patch of \(NumberText.fixed(extent * 1000, 0)) mm"
    }
}

extension Estimate {
    /// Subject and condition, as far as they have names.
    var name: String {
        // A name is a title here; one that goes on for pages is cut.
        [subject, condition].map(\.onOneLine).filter { !$0.isEmpty }
            .map { $0.count > 80 ? $0.prefix(79) + "…" : $0 }.joined(separator: " · ")
    }

    /// First and last time of the window in ms; nil without a finite time.
    var windowInMilliseconds: ClosedRange<Double>? {
        let finite = times.filter(\.isFinite)
        guard let first = finite.min(), let last = finite.max() else { return nil }
        return (first * 1000)...(last * 1000)
    }

    /// The window for people: `50–150 ms`.
    var windowText: String {
        guard let window = windowInMilliseconds else { return "empty window" }
        func text(_ value: Double) -> String {
            NumberText.typographic(NumberText.significant((value * 10).rounded() / 10, 6))
        }
        if window.lowerBound == window.upperBound { return "\(text(window.lowerBound)) ms" }
        let dash = window.lowerBound < 0 || window.upperBound < 0 ? " to " : "–"
        return "\(text(window.lowerBound))\(dash)\(text(window.upperBound)) ms"
    }

    /// Why there is nothing to see, for figures of an estimate without sources.
    var noSourcesText: String {
        selection.isFixed
            ? "No sources: none is active at the given λ"
            : "No sources: nothing in this window stands out from the noise"
    }

    /// The number of active sources in words.
    var sourceCountText: String {
        switch sources.count {
        case 0: "no sources"
        case 1: "1 source"
        case let count: "\(count) sources"
        }
    }
}
