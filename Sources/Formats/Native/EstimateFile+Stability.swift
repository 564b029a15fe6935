import HDF5
import SourceImaging

extension EstimateFile {
    static func write(_ stability: Stability, _ writer: borrowing HDF5Writer) throws(HDF5Error) {
        let (sources, repeats) = (stability.sources, stability.repeats)
        try writer.attribute("by", of: "stability", stability.method.rawValue)
        try writer.attribute("radius", of: "stability", stability.radius)
        func table(_ name: String, _ rows: [[Double?]]) throws(HDF5Error) {
            try writer.dataset(
                "stability/\(name)", rows.flatMap { $0.map { $0 ?? .nan } }, shape: [sources.count, repeats])
        }
        try table("distance", sources.map(\.distances))
        try table("peak_amplitude", sources.map(\.amplitudes))
        try writer.dataset("stability/source_count", integers: stability.counts, shape: [repeats])
        try writer.dataset("stability/lambda_ratio", stability.ratios, shape: [repeats])
        let others = stability.others
        try writer.dataset("stability/other/index", integers: others.map(\.index), shape: [others.count])
        try writer.write("stability/other/position", others.map(\.position))
        try writer.dataset("stability/other/found_fraction", others.map(\.found), shape: [others.count])
        try writer.dataset("stability/other/position_spread", others.map(\.positionSpread), shape: [others.count])
    }

    static func stability(_ reader: borrowing NativeReader, sources: Int) throws(InputError) -> Stability {
        let counts = try reader.integers("stability/source_count", "a repeat")
        let ratios = try reader.doubles("stability/lambda_ratio", count: counts.count, "a repeat")
        let name = try reader.required(try reader.text("by", of: "stability"), "by", of: "stability", "a method")
        guard let method = StabilityMethod(rawValue: name) else {
            throw InputError(
                "\(reader.path): stability@by", found: "'\(name)'",
                expected: StabilityMethod.allCases.map(\.rawValue).joined(separator: ", "))
        }
        func table(_ name: String) throws(InputError) -> [[Double?]] {
            let array = try translating { () throws(HDF5Error) -> HDF5Array<Double> in try reader.file.doubles(name) }
            guard array.shape == [sources, counts.count] else {
                throw reader.shapeError(name, array.shape, "\(sources) × \(counts.count) (sources × repeats)")
            }
            return (0..<sources).map { s in
                (0..<counts.count).map { r in
                    let value = array.elements[s * counts.count + r]
                    return value.isFinite ? value : nil
                }
            }
        }
        let distances = try table("stability/distance")
        let amplitudes = try table("stability/peak_amplitude")
        let indices = try reader.integers("stability/other/index", "a place")
        let positions = try reader.vectors("stability/other/position", count: indices.count)
        let found = try reader.doubles("stability/other/found_fraction", count: indices.count, "a place")
        let spreads = try reader.doubles("stability/other/position_spread", count: indices.count, "a place")
        return Stability(
            method: method,
            radius: try reader.required(
                try reader.double("radius", of: "stability"), "radius", of: "stability", "a distance"),
            sources: zip(distances, amplitudes).map { Stability.Source(distances: $0, amplitudes: $1) },
            others: indices.indices.map {
                Stability.Other(
                    index: indices[$0], position: positions[$0], found: found[$0], positionSpread: spreads[$0])
            }, counts: counts, ratios: ratios)
    }
}
