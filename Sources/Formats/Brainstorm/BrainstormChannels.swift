import SourceImaging

/// The channel file of a Brainstorm study: names, kinds, projectors.
struct BrainstormChannels {
    private let path: String
    private let names: [String]
    /// Kinds; nil for what is no sensor of the brain.
    private let kinds: [SensorKind?]
    /// Directions to be removed, over all channels, in the order of the file.
    private let directions: [[Double]]
    /// Whether the projectors have been applied to the recordings.
    let areProjectorsApplied: Bool

    /// Number of channels, sensors of the brain or not.
    var count: Int { names.count }

    /// Positions of the sensors of the brain among the channels.
    var kept: [Int] { kinds.indices.filter { kinds[$0] != nil } }

    init(_ file: MATLABFile) throws(InputError) {
        let count = try file.structCount("Channel")
        var names: [String] = []
        for place in try file.structField("Channel", "Name") { names.append(try file.text(place) ?? "") }
        var types: [String] = []
        for place in try file.structField("Channel", "Type") { types.append(try file.text(place) ?? "") }
        guard count > 0, names.count == count, types.count == count else {
            throw file.error(
                "Channel", found: "\(names.count) names and \(types.count) types of \(count) channels",
                expected: "a name and a type for each")
        }
        path = file.path
        self.names = names
        kinds = types.map { type in
            switch type.trimmed.uppercased() {
            case "EEG": .eeg
            // Axial gradiometers (CTF, 4D) measure a difference of fields, in T.
            case "MEG", "MEG MAG": .mag
            case "MEG GRAD": .grad
            default: nil
            }
        }
        (directions, areProjectorsApplied) = try Self.projectors(file, channels: count)
    }

    /// What a channel measures; nil for what is no sensor of the brain.
    func kind(_ row: Int) -> SensorKind? { kinds[row] }

    /// Channels of some rows.
    func sensors(_ rows: [Int], bad: [Bool]? = nil) throws(InputError) -> Sensors {
        try Sensors(names: rows.map { names[$0] }, kinds: rows.compactMap { kinds[$0] }, bad: bad)
    }

    /// Projectors over some rows, k × rows.
    func projectors(_ rows: [Int]) -> Matrix {
        let directions = directions.map { direction in rows.map { direction[$0] } }
            .filter { $0.contains { $0 != 0 } }
        return Matrix(rows: directions.count, columns: rows.count) { directions[$0][$1] }
    }

    /// The error of a file with another number of channels.
    func mismatch(_ file: MATLABFile, _ field: String, _ found: String) -> InputError {
        file.error(
            field, found: found, expected: "\(count), a channel each of '\(path)'",
            advice: "give the channel file of the same study")
    }

    // MARK: Projectors

    /// Status 0: switched off; 1: to be applied when read; 2: applied to the recordings.
    private static func projectors(
        _ file: MATLABFile, channels: Int
    ) throws(InputError) -> (directions: [[Double]], areApplied: Bool) {
        let count = try file.structCount("Projector")
        let components = try file.structField("Projector", "Components")
        let statuses = try file.structField("Projector", "Status")
        let masks = try file.structField("Projector", "CompMask")
        let values = try file.structField("Projector", "SingVal")
        guard count == 0 || (components.count == count && statuses.count == count) else {
            throw file.error("Projector", found: "entries without components or status", expected: "both for each")
        }
        var directions: [[Double]] = []
        var areApplied = true
        for k in 0..<count {
            let status = try file.integer(statuses[k]) ?? 0
            guard status == 1 || status == 2 else { continue }
            let matrix = try file.matrix(components[k])
            guard matrix.rows == channels else {
                throw file.error(
                    "Projector", found: "\(matrix.rows) rows in entry \(k + 1)", expected: "\(channels), one a channel")
            }
            var method = ""
            if values.indices.contains(k), try file.isText(values[k]) { method = try file.text(values[k]) ?? "" }
            if method == "ICA" {
                // What independent components remove is no orthogonal projection of the sensors.
                guard status == 2 else {
                    throw file.error(
                        "Projector", found: "independent components (ICA) that are not yet applied",
                        expected: "data that are cleaned",
                        advice: "import the epochs again, with the components applied")
                }
                continue
            }
            if status != 2 { areApplied = false }
            var hasValues = false
            if values.indices.contains(k) { hasValues = try !file.isEmpty(values[k]) }
            if matrix.columns == channels, method == "REF" || !hasValues {
                directions += try removedDirections(of: matrix, file, k)
                continue
            }
            var mask: [Double] = []
            if masks.indices.contains(k) { mask = try file.numbers(masks[k]) }
            if mask.isEmpty { mask = [Double](repeating: 1, count: matrix.columns) }
            guard mask.count == matrix.columns else {
                throw file.error(
                    "Projector", found: "\(mask.count) marks for \(matrix.columns) components", expected: "one each")
            }
            directions += mask.indices.filter { mask[$0] == 1 }.map { matrix.column($0) }
        }
        return (directions, areApplied && !directions.isEmpty)
    }

    /// What a projection matrix P removes: the eigenvectors of I − P with eigenvalue 1.
    private static func removedDirections(
        of matrix: Matrix, _ file: MATLABFile, _ entry: Int
    ) throws(InputError) -> [[Double]] {
        let n = matrix.rows
        let complement = Matrix(rows: n, columns: n) { ($0 == $1 ? 1 : 0) - (matrix[$0, $1] + matrix[$1, $0]) / 2 }
        let isSymmetric = (0..<n).allSatisfy { i in (0..<i).allSatisfy { abs(matrix[i, $0] - matrix[$0, i]) < 1e-6 } }
        guard isSymmetric, let eigen = try? SymmetricEigen(complement),
            eigen.values.allSatisfy({ abs($0) < 1e-6 || abs($0 - 1) < 1e-6 })
        else {
            throw file.error(
                "Projector", found: "a matrix in entry \(entry + 1) that is no orthogonal projection",
                expected: "components, or an orthogonal projection",
                advice: "for EEG choose the average reference instead of one electrode")
        }
        return eigen.values.indices.filter { eigen.values[$0] > 0.5 }.map { eigen.vectors.column($0) }
    }
}
