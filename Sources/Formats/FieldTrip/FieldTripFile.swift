import SourceImaging

/// Structures of FieldTrip in a MATLAB 7.3 file: averages and trials (`ft_timelockanalysis`), their covariance, and
/// lead fields (`ft_prepare_leadfield`).
///
/// Each variable of the file that is such a structure counts; those with data are the conditions, or the codes in
/// `trialinfo` of those with trials. FieldTrip has no units of its own: a channel's is what `chanunit` says, of the
/// structure or its `hdr`, else what its size leaves no doubt about (``FieldTripUnits``). Where there is a doubt, reading
/// ends with a line that says what to add.
struct FieldTripFile: FormatReader {
    static let formatName = "FieldTrip (MATLAB 7.3)"

    let file: MATLABFile
    /// Averages and trials, by condition.
    let parts: [FieldTripCondition]
    /// Variables whose `trialinfo` tells no conditions, and why.
    let unsorted: [FileFact]
    /// Variables with a covariance.
    let covariances: [String]
    /// Variables with lead fields.
    let leadfields: [String]
    /// Variables that are left out.
    let refusals: [FieldTripRefusal]

    var path: String { file.path }
    var conditions: [Condition] { parts.map(\.condition) }

    var contents: [FileContent] {
        (leadfields.isEmpty ? [] : [.forward]) + (parts.isEmpty ? [] : [.recording])
            + (covariances.isEmpty ? [] : [.covariance])
    }

    static func open(_ candidate: FileCandidate) throws(InputError) -> FieldTripFile? {
        guard let file = try MATLABFile(candidate) else { return nil }
        var (covariances, leadfields) = ([String](), [String]())
        var (parts, unsorted, refusals) = ([FieldTripCondition](), [FileFact](), [FieldTripRefusal]())
        for variable in file.variables where try file.isStruct(variable) {
            let fields = Set(try file.fields(of: variable))
            if let refusal = try FieldTripRefusal(file, variable, fields) {
                refusals.append(refusal)
                continue
            }
            if fields.isSuperset(of: ["leadfield", "pos"]) { leadfields.append(variable) }
            guard fields.contains("label") else { continue }
            if fields.contains("time"), fields.contains("avg") || fields.contains("trial") {
                let (found, problem) = FieldTripCondition.all(file, variable)
                parts += found
                if !problem.isEmpty { unsorted.append("trialinfo of \(variable)", "tells no conditions: \(problem)") }
            }
            if fields.contains("cov") { covariances.append(variable) }
        }
        guard !(parts.isEmpty && covariances.isEmpty && leadfields.isEmpty) else {
            guard let first = refusals.first else { return nil }
            throw file.error(
                first.variable, found: first.found, expected: first.expected, advice: Message(first.advice))
        }
        return FieldTripFile(
            file: file, parts: parts, unsorted: unsorted, covariances: covariances, leadfields: leadfields,
            refusals: refusals)
    }

    func facts(_ options: ReadingOptions) throws(InputError) -> [FileFact] {
        var facts: [FileFact] = []
        for variable in leadfields {
            if let system = try coordinateSystem(variable) { facts.append("coordinates of \(variable)", system) }
            if let unit = try file.text("\(variable)/unit") { facts.append("positions of \(variable)", "in \(unit)") }
        }
        return facts + unsorted + refusals.map { ("left out", "\($0.variable): \($0.found); \($0.advice)") }
    }

    // MARK: Covariance

    func covariance(_ options: ReadingOptions) throws(InputError) -> NoiseCovariance {
        guard let only = covariances.first else { throw lacks(.covariance) }
        var variable = only
        if covariances.count > 1 {
            guard let wanted = chosenVariable(options), covariances.contains(wanted) else {
                throw InputError(
                    path, found: "covariances of \(covariances.map { "'\($0)'" }.joined(separator: ", "))",
                    expected: "one", advice: "save the one of the noise in a file of its own")
            }
            variable = wanted
        }
        let channels = try dataChannels(variable)
        let (matrix, isSinglePrecision) = try epochCovariance(variable, channels: channels.total)
        let rows = channels.rows
        let scaled = Matrix(rows: rows.count, columns: rows.count) { i, j in
            matrix[rows[i], rows[j]] * channels.factors[i] * channels.factors[j]
        }
        return try within(path) { () throws(InputError) in
            var covariance = try NoiseCovariance(
                matrix: scaled, samples: 0, sensors: channels.sensors, isSinglePrecision: isSinglePrecision)
            covariance.acquisition.notes = channels.notes
            return covariance
        }
    }

    /// The variable that all conditions asked for are of.
    private func chosenVariable(_ options: ReadingOptions) -> String? {
        if options.conditions.count == 1, covariances.contains(options.conditions[0]) { return options.conditions[0] }
        guard !options.conditions.isEmpty, let chosen = try? chosen(of: conditions, options) else { return nil }
        let variables = Set(chosen.map { parts[$0].variable })
        return variables.count == 1 ? variables.first : nil
    }

    /// The covariance of one epoch as stored, channels × channels, and whether it is stored in single precision.
    func epochCovariance(
        _ variable: String, channels count: Int
    ) throws(InputError) -> (Matrix, isSinglePrecision: Bool) {
        let place = "\(variable)/cov"
        let (size, elements) = try file.array(place)
        let isSinglePrecision = elements.isSinglePrecision
        if size == [count, count] {
            return (Matrix(rows: count, columns: count, elements: elements), isSinglePrecision)
        }
        guard size.count == 3, size[1] == count, size[2] == count, size[0] > 0 else {
            throw file.error(place, found: sizes(size), expected: "\(count) × \(count), channels × channels")
        }
        // One a trial: their mean is that of one epoch.
        let trials = size[0]
        let mean = Matrix(rows: count, columns: count) { i, j in
            let first = (j * count + i) * trials
            return elements[first..<(first + trials)].reduce(0, +) / Double(trials)
        }
        return (mean, isSinglePrecision)
    }
}
