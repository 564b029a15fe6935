import SourceImaging

/// What the template of a subject's page names of one condition.
///
/// Names are those of the template. What is nil or empty there is left out, so an optional is never an empty text. A `String`
/// holds no sign that HTML knows.
struct ConditionContent: Encodable {
    /// A name and a value of a table of two columns.
    struct Fact: Encodable {
        let fact, value: Markup

        init(_ fact: String, _ value: String) { (self.fact, self.value) = (Markup(fact), Markup(value)) }
    }

    /// A warning with the word before it.
    struct Warning: Encodable {
        let badge: String
        let text: Markup
    }

    /// A line of the checklist.
    struct Check: Encodable {
        let mark, word: String
        let what, finding: Markup
        let advice: Markup?
    }

    /// The brain to turn.
    struct Brain: Encodable {
        let surface, json: String
        let label, legend: Markup
    }

    struct Link: Encodable {
        let title, target: Markup
    }

    let number: Int
    let name, count, answer: Markup
    let warnings: [Warning]
    let checks: [Check]
    let checksInBrief, certificateInBrief: Markup
    let brain: Brain?
    let noBrain: Markup?
    let glassBrain, timeCourses, selection: Markup
    let spectrograms, butterfly, stability, topography, noTopography: Markup?
    let topographyCaption = Markup(
        "A map of what is explained that looks like the one measured says that the sources account for the field then.")
    let columns: [SourceCells.Column]
    let rows: [SourceCells.Row]
    let tableCaption, noSources: Markup
    let notes: [Markup]
    let dataFacts, choiceFacts, settings: [Fact]
    let settingsCaption: Markup
    let links: [Link]
    let hasWarnings, hasChecks, hasSources, hasLinks: Bool

    /// - Parameters:
    ///   - number: of the condition on the page, from 1.
    ///   - surface: the element that holds its brain; nil where nobody knows it.
    init(_ entry: SubjectPage.Entry, number: Int, surface: String?) throws(InputError) {
        let estimate = entry.estimate
        self.number = number
        name = Markup(entry.name.isEmpty ? "Condition \(number)" : entry.name)
        count = Markup(estimate.sourceCountText)
        answer = Markup(PlainAnswer.text(estimate))
        warnings = Self.warnings(estimate)
        checks = Self.checks(estimate.preparation.checks)
        checksInBrief = Markup(Self.brief(estimate.preparation.checks))
        certificateInBrief = Markup(Self.brief(estimate.certificate))
        brain = try Self.brain(estimate, surface)
        noBrain =
            brain == nil
            ? Markup("There is no brain to turn: this result does not hold where the candidate sources lie.") : nil
        glassBrain = Markup(
            figure: GlassBrainFigure.svg(estimate, candidates: estimate.candidates?.positions ?? []))
        timeCourses = Markup(figure: TimeCourseFigure.svg(estimate))
        spectrograms = SpectrogramFigure.svg(estimate).map { Markup(figure: $0) }
        selection = Markup(figure: SelectionFigure.svg(estimate))
        butterfly = estimate.sensorData.map { _ in
            Markup(figure: ButterflyFigure.svg(estimate, detail: .compact))
        }
        stability = estimate.stability.map { Markup(figure: StabilityFigure.svg(estimate, $0)) }
        switch TopographyFigure.figure(estimate) {
        case .figure(let svg): (topography, noTopography) = (Markup(figure: svg), nil)
        case .absence(let reason): (topography, noTopography) = (nil, Markup(reason))
        }
        let cells = SourceCells(estimate)
        (columns, rows) = (cells.columns, cells.rows)
        (tableCaption, notes) = (Markup(cells.caption), cells.notes.map { Markup($0) })
        noSources = Markup(estimate.noSourcesText)
        dataFacts = Self.dataFacts(estimate)
        choiceFacts = Self.choiceFacts(estimate)
        settings = (estimate.settings + estimate.versions).map { Fact($0.name, $0.value) }
        settingsCaption = Markup(
            settings.isEmpty
                ? "This result holds neither settings nor versions" : "As given, and what it was made with")
        links = entry.links.map { Link(title: Markup($0.title), target: Markup($0.target)) }
        (hasWarnings, hasChecks) = (!warnings.isEmpty, !checks.isEmpty)
        (hasSources, hasLinks) = (!estimate.sources.isEmpty, !links.isEmpty)
    }

    /// What is wrong or worth a look, wrong things first; what the checks say is not said twice.
    private static func warnings(_ estimate: Estimate) -> [Warning] {
        let checks = estimate.preparation.checks
        let told = Set(checks.map(\.text))
        let marked = [HealthCheck.Mark.wrong, .look].flatMap { mark in
            checks.filter { $0.mark == mark }.map {
                Warning(badge: word(mark), text: Markup("\($0.name): \($0.text)"))
            }
        }
        return marked
            + estimate.warnings.filter { !told.contains($0) }.map { Warning(badge: "warning", text: Markup($0)) }
    }

    private static func checks(_ checks: [HealthCheck]) -> [Check] {
        checks.map {
            Check(
                mark: $0.mark.rawValue, word: word($0.mark), what: Markup($0.name), finding: Markup($0.finding),
                advice: $0.advice.isEmpty ? nil : Markup($0.advice))
        }
    }

    private static func word(_ mark: HealthCheck.Mark) -> String {
        switch mark {
        case .ok: "ok"
        case .look: "look"
        case .wrong: "wrong"
        }
    }

    /// `12 checks: 10 ok, 2 worth a look`.
    private static func brief(_ checks: [HealthCheck]) -> String {
        func count(_ mark: HealthCheck.Mark) -> Int { checks.count { $0.mark == mark } }
        if count(.ok) == checks.count { return "All \(checks.count.counted("check")) of the data are ok" }
        return "\(checks.count.counted("check")) of the data: \(count(.ok)) ok"
            + (count(.look) > 0 ? ", \(count(.look)) worth a look" : "")
            + (count(.wrong) > 0 ? ", \(count(.wrong)) wrong" : "")
    }

    private static func brief(_ certificate: EstimateCertificate) -> String {
        guard certificate.relativeGap.isFinite else { return "nothing convex was solved, so there is no certificate" }
        return certificate.relativeGap <= certificate.tolerance
            ? "the numerics are certified" : "the numerics are NOT solved as accurately as asked for"
    }

    /// Nil where there is nothing to turn.
    private static func brain(_ estimate: Estimate, _ surface: String?) throws(InputError) -> Brain? {
        guard let candidates = estimate.candidates, let surface else { return nil }
        let sources = BrainScene.sources(estimate)
        let named = sources.prefix(GlassBrainFigure.numberedSources).map { "\($0.rank): \($0.name)" }
        let kind = candidates.triangles.isEmpty ? "Points of a brain" : "Surface of a brain"
        let label =
            "\(kind) with \(estimate.sourceCountText) as numbered balls"
            + (named.isEmpty ? "" : ". " + named.joined(separator: "; "))
        let balls =
            " The larger a ball, the more field it explains; a dashed rim: within the surface"
            + (sources.contains { $0.axes != nil }
                ? "; ellipse: 95 % region, of the selected source alone where it is larger than 9 cm." : ".")
        return Brain(
            surface: surface, json: try BrainScene.json(sources), label: Markup(label),
            legend: Markup("R: right, A: front, S: up." + (sources.isEmpty ? "" : balls)))
    }

    // MARK: Facts

    private static func dataFacts(_ estimate: Estimate) -> [Fact] {
        let preparation = estimate.preparation
        let kinds = SensorKind.allCases.compactMap { kind in
            preparation.channels[kind].flatMap { $0 > 0 ? "\($0) \(kind.plural)" : nil }
        }
        let rank =
            "\(preparation.rank)" + (preparation.rankSource.isEmpty ? "" : ": \(preparation.rankSource)")
        return [
            Fact("channels", kinds.isEmpty ? "none" : kinds.joined(separator: ", ")), Fact("rank", rank),
            Fact("noise", preparation.noiseSource),
            Fact(
                "whitened baseline",
                preparation.baselineDeviation.map { "deviates by \(NumberText.readable($0)); 1 is right" }
                    ?? "none: there are no samples before time 0"),
            Fact(
                "averages", preparation.averages.map { NumberText.significant($0, 6) } ?? "not known, and not needed"),
            Fact("window", "\(estimate.windowText), \(estimate.times.count.counted("sample"))"),
            Fact("candidates", "\(estimate.candidateCount), \(estimate.frame.rawValue) frame"),
        ]
    }

    private static func choiceFacts(_ estimate: Estimate) -> [Fact] {
        var facts: [(String, String)] = []
        // Channels and noise stand with the data.
        for fact in PlainSummary.facts(estimate).dropFirst(2) {
            if fact.0.isEmpty, let last = facts.indices.last {
                facts[last].1 += "; " + fact.1
            } else {
                facts.append(fact)
            }
        }
        let certificate = estimate.certificate
        facts.append(
            (
                "passes",
                "\(certificate.fullPasses.counted("full pass").replacing("passs", with: "passes")) over the gain, "
                    + certificate.epochs.counted("sweep")
            ))
        return facts.map { Fact($0.0, $0.1) }
    }
}
