import SourceImaging

/// Data of a FieldTrip file that are read as one: an average, or the trials of a structure that have one code.
struct FieldTripCondition {
    /// Path of the structure.
    let variable: String
    /// The trials, from 0; nil for an average, and for all trials.
    let trials: [Int]?
    let condition: Condition

    /// The conditions of a structure, by the codes that `trialinfo` has in its first column.
    ///
    /// It may hold anything else there, such as reaction times: codes are whole numbers that come back.
    ///
    /// - Returns: the conditions; and why `trialinfo` does not tell them, empty where it does or is not there.
    static func all(_ file: MATLABFile, _ variable: String) -> ([FieldTripCondition], problem: String) {
        func whole(_ problem: String = "", _ count: Int? = nil) -> ([FieldTripCondition], problem: String) {
            let condition = Condition(variable, amount: count.map { "\($0) epochs" } ?? "")
            return ([FieldTripCondition(variable: variable, trials: nil, condition: condition)], problem)
        }
        guard let size = try? file.size(of: "\(variable)/trial"), let count = size.first else { return whole() }
        let place = "\(variable)/trialinfo"
        guard let isEmpty = try? file.isEmpty(place), !isEmpty else { return whole("", count) }
        let numeric: Set = ["double", "single", "logical", "int8", "uint8", "int16", "uint16", "int32", "uint32"]
        guard let name = try? file.className(of: place), numeric.contains(name), let info = try? file.array(place),
            info.size.first == count
        else { return whole("it is no matrix of numbers with a row a trial", count) }
        let codes = info.elements.prefix(count).map { Int(exactly: $0) }
        let members = Dictionary(grouping: codes.indices) { codes[$0] }
        guard members[nil] == nil else { return whole("its first column holds other than whole numbers", count) }
        guard members.count <= max(2, count / 2) else {
            return whole("its first column holds \(members.count) different numbers in \(count) trials", count)
        }
        guard members.count > 1 else { return whole("", count) }
        let named = members.compactMap { code, trials in code.map { (code: $0, trials: trials) } }
        return (
            named.sorted { $0.code < $1.code }.map { code, trials in
                FieldTripCondition(
                    variable: variable, trials: trials,
                    condition: Condition("\(variable)/\(code)", amount: "\(trials.count) epochs"))
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
