extension DataTable {
    /// The table of a text file, with tabs, commas or semicolons between cells; see ``TextTable``.
    ///
    /// Empty cells, `n/a`, `NA`, `N/A` and `NaN` are missing.
    /// - Throws: ``InputError`` that names the file.
    public static func read(_ path: String) throws(InputError) -> DataTable {
        let text = try TextTable.read(path)
        do {
            return try DataTable(
                zip(text.header, text.columns).map { name, cells in
                    Column(name, texts: cells.map { TextTable.isMissing($0) ? nil : $0 })
                }, lines: text.lines)
        } catch { throw error.place == .input(.table) ? error.at(path) : error.within(path) }
    }
}

extension InputError {
    /// The same of another place.
    fileprivate func at(_ place: String) -> InputError {
        InputError(place, found: found, expected: expected, advice: advice)
    }
}

extension OutputFolder {
    /// Adds the tables and figures of a model of mixed effects.
    ///
    /// - Throws: ``InputError`` as ``add(_:text:)`` does.
    public mutating func add(_ answer: MixedAnswer) throws {
        try add("fixed.tsv", text: MixedTables.fixed(answer.summary))
        try add("random.tsv", text: MixedTables.random(answer.summary))
        try add("groups.tsv", text: MixedTables.groups(answer))
        try add("effects.svg", text: MixedFigures.effects(answer))
        if let selection = MixedTables.selection(answer.summary) { try add("selection.tsv", text: selection) }
        if let inclusion = MixedFigures.inclusion(answer) { try add("inclusion.svg", text: inclusion) }
        if let paths = MixedFigures.paths(answer) { try add("paths.svg", text: paths) }
        try add("model.json", text: answer.summary.json(isIndented: true) + "\n")
    }
}
