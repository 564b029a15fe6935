extension OutputFolder {
    /// Adds the table, figures and page of who drives whom.
    ///
    /// - Parameters:
    ///   - answer: what was found.
    ///   - estimate: of which its variables are sources; nil where they are none.
    ///   - heading: of the page.
    /// - Throws: ``InputError`` as ``add(_:text:)`` does.
    public mutating func add(_ answer: DynamicsAnswer, of estimate: Estimate? = nil, heading: String) throws {
        let figures = DynamicsSection.figures(
            answer, frame: estimate?.frame ?? .head, candidates: estimate?.candidates?.positions ?? [])
        for (name, svg) in figures { try add("\(name).svg", text: svg) }
        try add("connections.tsv", text: DynamicsReading.table(answer.summary))
        try add("dynamics.json", text: answer.summary.json(isIndented: true) + "\n")
        let page = DynamicsSection.page(answer.summary, figures: figures.map(\.svg), heading: heading)
        try add("dynamics.html", text: page.html())
    }
}
