extension Comparison {
    private static func checkAscending(_ place: String, _ times: [Double]) throws(InputError) {
        for (i, time) in times.enumerated() {
            guard time.isFinite, i == 0 || time > times[i - 1] else {
                throw InputError(place, found: "\(time) s at sample \(i)", expected: "finite, ascending times")
            }
        }
    }

    private static func checkPosition(_ place: String, _ position: SIMD3<Double>) throws(InputError) {
        let distance = position.distance(to: .zero)
        guard distance.isFinite else {
            throw InputError(place, found: "a position at NaN or infinity", expected: "metres")
        }
        guard distance < 1 else {
            throw InputError(
                place, found: "a position \(distance.rounded()) m from the origin", expected: "metres within a head",
                advice: "divide by 1000 if it is in millimetres")
        }
    }

    static func check(
        radius: Double, reach: Double, frames found: CoordinateFrame, _ known: CoordinateFrame
    ) throws(InputError) {
        for (name, distance) in [("radius", radius), ("reach", reach)] {
            guard distance > 0, distance <= 1 else {
                throw InputError(name, found: "\(distance) m", expected: "a positive distance within a head")
            }
        }
        guard found == known else {
            throw InputError(
                "frame", found: "an estimate in \(found.rawValue) and a truth in \(known.rawValue) coordinates",
                expected: "the same frame", advice: "compare with the truth of this recording")
        }
    }

    static func check(_ truth: Truth) throws(InputError) {
        try checkAscending("truth: times", truth.times)
        for (i, source) in truth.sources.enumerated() {
            let place = "truth: source \(i)"
            try checkPosition(place, source.position)
            guard source.waveform.count == truth.times.count else {
                throw InputError(
                    place, found: "\(source.waveform.count) samples", expected: "\(truth.times.count), one a time")
            }
            guard source.waveform.allSatisfy(\.isFinite), source.direction.x.isFinite, source.direction.y.isFinite,
                source.direction.z.isFinite
            else {
                throw InputError(place, found: "NaN or infinity", expected: "finite amplitudes and direction")
            }
        }
    }

    static func check(_ found: [EstimatedSource], _ times: [Double]) throws(InputError) {
        try checkAscending("estimate: times", times)
        for (i, source) in found.enumerated() {
            let place = "estimate: source \(i)"
            try checkPosition(place, source.position)
            guard source.amplitudes.columns == times.count else {
                throw InputError(
                    place, found: "\(source.amplitudes.columns) samples", expected: "\(times.count), one a time")
            }
            if let axes = source.axes, axes.count != source.amplitudes.rows {
                throw InputError(
                    place, found: "\(axes.count) axes", expected: "\(source.amplitudes.rows), one a row of amplitudes")
            }
            guard source.amplitudes.firstNonFinite == nil else {
                throw InputError(place, found: "NaN or infinity", expected: "finite amplitudes")
            }
        }
    }

    static func checkOverlap(_ times: [Double], _ trueTimes: [Double]) throws(InputError) {
        guard let first = times.first, let last = times.last else {
            throw InputError("estimate: times", found: "no samples", expected: "the time of each sample")
        }
        guard let trueFirst = trueTimes.first, let trueLast = trueTimes.last else {
            throw InputError("truth: times", found: "no samples", expected: "the time of each sample")
        }
        let slack = slack(trueTimes)
        guard times.contains(where: { $0 >= trueFirst - slack && $0 <= trueLast + slack }) else {
            throw InputError(
                "times", found: "an estimate from \(first) to \(last) s and a truth from \(trueFirst) to \(trueLast) s",
                expected: "common times", advice: "compare with the truth of this recording")
        }
    }
}
