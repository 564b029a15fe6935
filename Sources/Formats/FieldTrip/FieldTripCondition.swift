import SourceImaging

/// Data of a FieldTrip file that are read as one: an average, or the trials of a structure that have one code.
struct FieldTripCondition {
    /// Path of the structure.
    let variable: String
    /// The trials, from 0; nil for an average, and for all trials.
    let trials: [Int]?
    let condition: Condition

    /// What had to be decided to tell it from others; nil where nothing had.
    var note: Message?

    /// The conditions of a structure, by codes in `trialinfo`: its first column of whole numbers that come back. It may
    /// hold anything else, such as counters and reaction times.
    ///
    /// - Returns: the conditions; and why `trialinfo` does not tell them, empty where it does or is not there.
    static func all(_ file: MATLABFile, _ variable: String) -> ([FieldTripCondition], problem: String) {
        func whole(_ problem: String = "", _ count: Int? = nil) -> ([FieldTripCondition], problem: String) {
            let condition = Condition(variable, amount: count.map { "\($0) epochs" } ?? "")
            let note: Message? =
                problem.isEmpty
                ? nil : Message("all trials of '\(variable)' are one condition: of trialinfo \(problem)")
            return ([FieldTripCondition(variable: variable, trials: nil, condition: condition, note: note)], problem)
        }
        guard let size = try? file.size(of: "\(variable)/trial"), let count = size.first, count > 0 else {
            return whole()
        }
        let place = "\(variable)/trialinfo"
        guard let isEmpty = try? file.isEmpty(place), !isEmpty else { return whole("", count) }
        let numeric: Set = ["double", "single", "logical", "int8", "uint8", "int16", "uint16", "int32", "uint32"]
        guard let name = try? file.className(of: place), numeric.contains(name), let info = try? file.array(place),
            info.size.first == count
        else { return whole("nothing is a matrix of numbers with a row a trial", count) }
        let columns = (0..<info.elements.count / count).map { column in
            Dictionary(grouping: 0..<count) { Int(exactly: info.elements[column * count + $0]) }
        }
        let telling = columns.indices.filter { k in
            columns[k][nil] == nil && columns[k].count > 1 && columns[k].count <= max(2, count / 2)
        }
        guard let chosen = telling.first else {
            let isConstant = columns.allSatisfy { $0.count == 1 && $0[nil] == nil }
            return whole(isConstant ? "" : "no column holds whole numbers that come back, as codes do", count)
        }
        var note: Message?
        if chosen > 0 || telling.count > 1 {
            let others = telling.dropFirst().map { ", and by column \($0 + 1)" }.joined()
            note = "trials of '\(variable)' are told apart by column \(chosen + 1) of trialinfo"
            if !others.isEmpty { note = note.map { $0 + Message("; they could be" + others.dropFirst(4)) } }
        }
        let named = columns[chosen].compactMap { code, trials in code.map { (code: $0, trials: trials) } }
        return (
            named.sorted { $0.code < $1.code }.map { code, trials in
                FieldTripCondition(
                    variable: variable, trials: trials,
                    condition: Condition("\(variable)/\(code)", amount: "\(trials.count) epochs"), note: note)
            }, ""
        )
    }
}

/// A FieldTrip structure that cannot be localized, and what makes one that can.
struct FieldTripRefusal {
    let variable: String
    let found: String
    let expected: String
    let advice: String

    /// Recognizes a structure by its fields; nil where it is none of these.
    init?(_ file: MATLABFile, _ variable: String, _ fields: Set<String>) throws(InputError) {
        self.variable = variable
        let timelock = "ft_timelockanalysis (cfg.keeptrials = 'yes' keeps single trials)"
        if fields.isSuperset(of: ["topo", "topolabel"]) {
            found = "independent components (ft_componentanalysis)"
            expected = "sensor data over time"
            advice = "go back to sensors with ft_rejectcomponent, call \(timelock) and save its result"
        } else if fields.isSuperset(of: ["label", "trial"]), try file.className(of: "\(variable)/trial") == "cell" {
            found = "raw data (a cell array of trials)"
            expected = "an average, or trials of one length"
            advice = "call \(timelock) and save its result"
        } else if !fields.isDisjoint(with: ["powspctrm", "fourierspctrm", "crsspctrm"]) {
            found = "a spectrum (ft_freqanalysis)"
            expected = "sensor data over time"
            advice = "call \(timelock) with what it was computed from and save its result"
        } else if fields.contains("pos"), !fields.contains("leadfield"),
            !fields.isDisjoint(with: ["avg", "pow", "mom", "inside"])
        {
            let isEstimate = !fields.isDisjoint(with: ["avg", "pow", "mom", "method"])
            found = isEstimate ? "a source estimate (ft_sourceanalysis)" : "a source model without lead fields"
            expected = "lead fields, or sensor data over time"
            advice = "save results of ft_prepare_leadfield (the forward) and ft_timelockanalysis (the recording)"
        } else {
            return nil
        }
    }
}
