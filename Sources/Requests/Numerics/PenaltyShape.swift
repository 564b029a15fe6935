extension PenaltyKind {
    /// The number of shape among those that callers give by the names of options.
    ///
    /// - Parameters:
    ///   - given: what is given.
    ///   - isNeeded: whether a number that has no usual value must be given.
    /// - Returns: nil where none is given.
    /// - Throws: ``InputError`` for a number that is not positive, or not of this penalty.
    public func shape(among given: [Shape.Option: Double], isNeeded: Bool) throws(InputError) -> Double? {
        var found: Double?
        for option in [Shape.Option.ridge, .gamma] {
            let (value, setting) = (given[option], option == .ridge ? SettingName.ridge : .gamma)
            guard option == shape?.option else {
                guard value == nil else {
                    let names = Self.all.filter { $0.shape?.option == option }.map(\.name)
                    throw InputError(
                        setting, found: "penalty \(name)", expected: "penalty \(names.joined(separator: " or "))")
                }
                continue
            }
            guard value.map({ $0 > 0 && $0.isFinite }) ?? !(isNeeded && shape?.usual == nil) else {
                throw InputError(
                    setting, found: value.map { "\($0)" } ?? "nothing", expected: "a positive number for \(name)")
            }
            guard let value else { continue }
            do { _ = try type.init(lambda: 1, shape: value, weights: nil) } catch {
                throw InputError(setting, found: "\(error)")
            }
            found = value
        }
        return found
    }
}
