import SourceImaging

// Parts that files of several kinds hold, named alike in all of them.

extension Sensors {
    /// The group `sensors` of forwards, recordings, covariances and estimates.
    var stored: [EstimateField] {
        var fields: [EstimateField] = [
            ("name", .texts(names)), ("kind", .texts(kinds.map(\.rawValue))), ("bad", .flags(bad)),
        ]
        if let locations { fields.append(("location", .table(locations))) }
        if let compensations { fields.append(("compensation", .texts(compensations))) }
        return fields
    }
}

extension SensorData {
    /// The group `sensors` of estimates.
    var stored: [EstimateField] {
        sensors.stored + [("measured", .table(measured)), ("explained", .table(explained))]
    }
}

extension SourceSpace {
    /// The group `sources` of forwards and, without normals, `candidates` of estimates. Triangles that name no sources are
    /// left out: they are for drawing, and files with them would be refused.
    func stored(withNormals: Bool) -> [EstimateField] {
        var fields: [EstimateField] = [("frame", .text(frame.rawValue)), ("position", .vectors(positions))]
        if withNormals, let normals { fields.append(("normal", .vectors(normals))) }
        if let hemispheres { fields.append(("hemisphere", .labels(hemispheres.map(\.rawValue)))) }
        if let vertices { fields.append(("vertex", .labels(vertices))) }
        let sound = triangles.filter { $0.min() >= 0 && Int($0.max()) < count }
        if !sound.isEmpty { fields.append(("triangles", .triangles(sound))) }
        return fields
    }
}
