import CFoci
import Requests

/// A forward model, with what it keeps for the next recording.
final class HeldForward: Sendable {
    let forward: Forward
    let shared = SharedPreparation()

    init(_ forward: Forward) { self.forward = forward }
}

final class HeldRecording: Sendable {
    let recording: Recording

    init(_ recording: Recording) { self.recording = recording }
}

final class HeldCovariance: Sendable {
    let covariance: NoiseCovariance

    init(_ covariance: NoiseCovariance) { self.covariance = covariance }
}

/// What each of the three inputs is made of.
enum InputFields {
    private static let channels: [(name: String, help: String)] = [
        ("names", "texts, one a channel"), ("kinds", "texts: mag, grad or eeg"),
        ("bad", "integers, not 0 for bad channels"), ("locations", "channels × 12: position in m and three axes"),
        ("compensations", "texts: none, grade 3, or as a program calls it"),
        ("sensor-frame", "text: what the positions are relative to"),
        ("device-to-head", "4 × 4, from coordinates of the MEG device to those of the head"),
        ("subject", "text"),
    ]

    static let forward =
        channels + [
            ("gain", "channels × (sources · orientations), SI units"), ("orientations", "1 or 3"),
            ("positions", "sources × 3, m"), ("normals", "sources × 3"), ("frame", "text: head, mri or ctf"),
            ("hemispheres", "integers: 0 left, 1 right, -1 volume"), ("vertices", "integers"),
            ("triangles", "n × 3 integers: indices of sources"),
        ]

    static let recording =
        channels + [
            ("data", "channels × samples, or channels × samples × epochs, SI units"),
            ("sampling-frequency", "Hz"), ("first-time", "time of the first sample, s from the event"),
            ("condition", "text"), ("averages", "trials that the average is of"),
            ("projectors", "k × channels"), ("is-projected", "not 0 where the data have the projectors applied"),
            ("maxwell-rank", "components that a Maxwell filter left"),
        ]

    static let covariance =
        channels + [
            ("matrix", "channels × channels of one epoch, or its diagonal"), ("samples", "that it was estimated from"),
            ("projectors", "k × channels"),
            ("is-single-precision", "not 0 where its numbers were stored in single precision"),
        ]
}

extension Values {
    /// The channels that all three inputs have.
    fileprivate func sensors() throws(InputError) -> Sensors {
        let names = try needed("names", texts("names"))
        let kinds = try needed("kinds", texts("kinds")).map { (kind) throws(InputError) in
            guard let known = SensorKind(rawValue: kind) else {
                throw InputError("kinds", found: "'\(kind)'", expected: "mag, grad or eeg")
            }
            return known
        }
        return try Sensors(
            names: names, kinds: kinds,
            bad: try array("bad").map { (bad) throws(InputError) in try bad.numbers().map { $0 != 0 } },
            locations: matrix("locations"), compensations: texts("compensations"))
    }

    /// How the input came about.
    fileprivate func acquisition() throws(InputError) -> Acquisition {
        var acquisition = Acquisition()
        acquisition.subject = try text("subject") ?? ""
        acquisition.sensorFrame = try text("sensor-frame") ?? ""
        if let rank = try count("maxwell-rank") {
            guard (1...10_000).contains(rank) else {
                throw InputError("maxwell-rank", found: "\(rank)", expected: "a positive number of components")
            }
            acquisition.maxwellRank = rank
        }
        if let matrix = try matrix("device-to-head") {
            guard matrix.rows == 4, matrix.columns == 4 else {
                throw InputError("device-to-head", found: "\(matrix.rows) × \(matrix.columns)", expected: "4 × 4")
            }
            acquisition.deviceToHead = try RigidTransform(
                rotation: (0..<3).map { SIMD3(matrix[$0, 0], matrix[$0, 1], matrix[$0, 2]) },
                translation: SIMD3(matrix[0, 3], matrix[1, 3], matrix[2, 3]))
        }
        return acquisition
    }

    fileprivate func sources() throws(InputError) -> SourceSpace {
        let frame = try text("frame") ?? "head"
        guard let known = CoordinateFrame(rawValue: frame) else {
            throw InputError("frame", found: "'\(frame)'", expected: CoordinateFrame.choices)
        }
        let hemispheres = try array("hemispheres").map { (given) throws(InputError) in
            try given.integers().map { (number) throws(InputError) in
                guard let hemisphere = Hemisphere(rawValue: number) else {
                    throw InputError("hemispheres", found: "\(number)", expected: "0, 1 or -1")
                }
                return hemisphere
            }
        }
        var sources = try SourceSpace(
            positions: try needed("positions", vectors("positions")), normals: vectors("normals"),
            hemispheres: hemispheres,
            vertices: try array("vertices").map { (given) throws(InputError) in try given.integers() }, frame: known)
        if let triangles = try array("triangles") {
            let corners = try triangles.integers()
            guard triangles.shape.count == 2, triangles.shape[1] == 3,
                corners.allSatisfy({ (0..<sources.count).contains($0) })
            else {
                throw InputError(
                    "triangles", found: triangles.sizes, expected: "n × 3 indices from 0 to \(sources.count - 1)")
            }
            let count = triangles.shape[0]
            sources.triangles = (0..<count).map {
                SIMD3(Int32(corners[$0]), Int32(corners[$0 + count]), Int32(corners[$0 + 2 * count]))
            }
        }
        return sources
    }

    func forward() throws(InputError) -> Forward {
        try check("forward", InputFields.forward)
        let gain = try needed("gain", array("gain"))
        let orientations = try needed("orientations", count("orientations"))
        let (sensors, sources, subject) = (try sensors(), try sources(), try text("subject") ?? "")
        var forward =
            if let lent = gain.lent(Double.self, rows: true) {
                try Forward(
                    subject: subject, lent: lent, orientations: orientations, sensors: sensors, sources: sources)
            } else if let lent = gain.lent(Float.self, rows: true) {
                try Forward(
                    subject: subject, lent: lent, orientations: orientations, sensors: sensors, sources: sources)
            } else {
                try Forward(
                    subject: subject, gain: gain.matrix(), orientations: orientations, sensors: sensors,
                    sources: sources)
            }
        forward.acquisition = try acquisition()
        return forward
    }

    func recording() throws(InputError) -> Recording {
        try check("recording", InputFields.recording)
        let data = try needed("data", array("data"))
        var recording = try Recording(
            epochs: data.matrices(of: "channels"),
            samplingFrequency: try needed("sampling-frequency", number("sampling-frequency")),
            firstTime: try needed("first-time", number("first-time")),
            averages: data.shape.count == 3 ? number("averages") ?? 1 : number("averages"),
            condition: text("condition") ?? "", isProjected: flag("is-projected") ?? false, sensors: sensors(),
            projectors: matrix("projectors"))
        recording.acquisition = try acquisition()
        return recording
    }

    func covariance() throws(InputError) -> NoiseCovariance {
        try check("covariance", InputFields.covariance)
        let given = try needed("matrix", array("matrix"))
        let samples = try count("samples") ?? 0
        guard samples >= 0 else { throw InputError("samples", found: "\(samples)", expected: "0 or more") }
        var covariance = try NoiseCovariance(
            matrix: given.shape.count == 1 ? Matrix.diagonal(given.numbers()) : given.matrix(), samples: samples,
            sensors: sensors(), projectors: matrix("projectors"), isSinglePrecision: flag("is-single-precision"))
        covariance.acquisition = try acquisition()
        return covariance
    }
}

/// `foci_forward_create` as `foci.h` documents it.
@c @implementation
public func foci_forward_create(
    _ values: OpaquePointer?, _ forward: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(forward)
        target.pointee = handle(
            HeldForward(
                try within("forward") { () throws(InputError) in try object(Values.self, values, "values").forward() }))
    }
}

/// `foci_forward_free` as `foci.h` documents it.
@c @implementation
public func foci_forward_free(_ forward: OpaquePointer?) { free(HeldForward.self, forward) }

/// `foci_recording_create` as `foci.h` documents it.
@c @implementation
public func foci_recording_create(
    _ values: OpaquePointer?, _ recording: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(recording)
        target.pointee = handle(
            HeldRecording(
                try within("recording") { () throws(InputError) in try object(Values.self, values, "values").recording()
                }))
    }
}

/// `foci_recording_free` as `foci.h` documents it.
@c @implementation
public func foci_recording_free(_ recording: OpaquePointer?) { free(HeldRecording.self, recording) }

/// `foci_covariance_create` as `foci.h` documents it.
@c @implementation
public func foci_covariance_create(
    _ values: OpaquePointer?, _ covariance: UnsafeMutablePointer<OpaquePointer?>?
) -> foci_status {
    attempt {
        let target = try target(covariance)
        target.pointee = handle(
            HeldCovariance(
                try within("covariance") { () throws(InputError) in
                    try object(Values.self, values, "values").covariance()
                }))
    }
}

/// `foci_covariance_free` as `foci.h` documents it.
@c @implementation
public func foci_covariance_free(_ covariance: OpaquePointer?) { free(HeldCovariance.self, covariance) }

/// An error of one of the inputs, told of it.
private func within<Result>(_ input: String, _ body: () throws(InputError) -> Result) throws(InputError) -> Result {
    do { return try body() } catch { throw error.within(input) }
}
