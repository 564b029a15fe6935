import SourceImaging

extension EstimateFile {
    /// Reads where sources may be; nothing in files of earlier builds, and where no source has a region.
    static func readRegions(
        _ reader: NativeReader, into sources: inout [EstimatedSource]
    ) throws(InputError) {
        guard try reader.contains("sources/region_offsets") else { return }
        let count = sources.count
        let offsets = try reader.integers("sources/region_offsets", count: count + 1, "a source and the end")
        let vertices = try reader.integers("sources/region_vertices", "a vertex")
        let levels = try reader.doubles("sources/region_level", count: count, "a source")
        let volumes = try reader.doubles("sources/region_volume", count: count, "a source")
        let centres = try reader.vectors("sources/region_centre", count: count)
        let axes = try reading(reader.file.doubles("sources/region_axes"))
        guard axes.shape == [count, 3, 3] else {
            throw reader.shapeError("sources/region_axes", axes.shape, "\(count) × 3 × 3")
        }
        guard offsets.first == 0, offsets.last == vertices.count,
            zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
        else {
            throw InputError(
                "\(reader.path): sources/region_offsets", found: "offsets that do not part 'sources/region_vertices'",
                expected: "ascending numbers from 0 to \(vertices.count)")
        }
        let halfAxes = vectors(rowMajor: axes.elements)
        for s in 0..<count where !levels[s].isNaN {
            sources[s].region = SourceRegion(
                level: levels[s], vertices: Array(vertices[offsets[s]..<offsets[s + 1]]), centre: centres[s],
                axes: Array(halfAxes[(3 * s)..<(3 * s + 3)]), volume: volumes[s])
        }
    }
}
