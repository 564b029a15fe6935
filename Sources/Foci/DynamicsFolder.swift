extension OutputFolder {
    /// Adds the table, figures and page of who drives whom.
    ///
    /// - Parameters:
    ///   - answer: what was found.
    ///   - estimate: of which its variables are sources; nil where they are none.
    ///   - heading: of the page.
    /// - Throws: ``InputError`` as ``add(_:text:)`` does.
    public mutating func add(_ answer: DynamicsAnswer, of estimate: Estimate? = nil, heading: String) throws {
        let frame = estimate?.frame ?? .head
        let candidates = estimate?.candidates?.positions ?? []
        try add("connections.tsv", text: DynamicsReading.table(answer.summary))
        try add("connections.svg", text: ConnectionsFigure.svg(answer, frame: frame, candidates: candidates))
        try add("influence.svg", text: InfluenceFigure.svg(answer.summary))
        if let spectrum = DynamicsCurves.spectrum(answer) { try add("spectrum.svg", text: spectrum) }
        if let forecast = DynamicsCurves.forecast(answer.summary) { try add("forecast.svg", text: forecast) }
        try add("dynamics.json", text: answer.summary.json(isIndented: true) + "\n")
        let section = DynamicsSection.section(answer, frame: frame, candidates: candidates)
        try add(
            "dynamics.html", text: SectionsPage.html([section], heading: heading, run: "foci \(fociVersion)"))
    }
}
