import SourceImaging

extension EstimatedSource {
    /// The dipole over time in nAm; empty without samples.
    var moments: [Double] { timeCourse.map { $0 * 1e9 } }

    /// Largest magnitude over time, nAm; nil without samples.
    var peakMoment: Double? { amplitudes.columns > 0 ? peakAmplitude * 1e9 : nil }

    /// Where the source is, for legends: `right (52, 16, 70) mm`.
    var place: String {
        (hemisphere.map { $0.name + " " } ?? "") + position.place
    }

    /// The patch that it stands for, to follow its place: `, a patch of 8 mm`; empty for a point.
    var patchText: String {
        guard let extent, extent > 0, extent.isFinite else { return "" }
        return ", a patch of \(NumberText.fixed(extent * 1000, 0)) mm"
    }

    /// Half-axes of its region as people read them, with their level: `12 × 8 × 6 mm (95 %)`; nil without a region that can
    /// be told.
    var regionText: String? {
        guard let region, region.halfAxes.allSatisfy(\.isFinite) else { return nil }
        let lengths = region.halfAxes.map { $0 * 1000 }
        // Tenths only where all are small.
        let decimals = lengths[0] < 9.5 ? 1 : 0
        return lengths.map { NumberText.fixed($0, decimals) }.joined(separator: " × ")
            + " mm (\(NumberText.percent(region.level)))"
    }

    /// Where the source is and how far away it may be, by the longest half-axis of its region: `right (52, 16, 70) ± 12 mm`.
    var placeAndSpread: String {
        guard let longest = region?.halfAxes.first, longest.isFinite else { return place }
        return place.dropLast(2) + "± \(NumberText.fixed(longest * 1000, 0)) mm"
    }

    /// Its error bars in words: `within 12 × 8 × 6 mm (95 %), peak 38–52 nAm, at 88–97 ms, patch 4–9 mm`; nil without any.
    var errorBarsText: String? {
        func text(_ name: String, _ interval: ClosedRange<Double>?, _ factor: Double, _ unit: String) -> String? {
            interval.map { range in
                "\(name) \(NumberText.range(range.lowerBound * factor, range.upperBound * factor)) \(unit)"
            }
        }
        let parts = [
            regionText.map { "within " + $0 }, text("peak", amplitudeInterval, 1e9, "nAm"),
            text("at", latencyInterval, 1000, "ms"), text("patch", extentInterval, 1000, "mm"),
        ].compactMap(\.self)
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}

extension SIMD3<Double> {
    /// A position in m, for legends: `(52, 16, 70) mm`.
    var place: String {
        let numbers = [x, y, z].map { NumberText.typographic(NumberText.fixed($0 * 1000, 0)) }
        return "(\(numbers.joined(separator: ", "))) mm"
    }
}

extension Estimate {
    /// The title of a figure: what it shows, and of whom.
    func title(_ subject: String) -> String { subject + (name.isEmpty ? "" : " · " + name) }

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
        sources.isEmpty ? "no sources" : sources.count.counted("source")
    }
}

extension Int {
    /// So many of something: `1 source`, `2 sources`.
    func counted(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}
