import SourceImaging

/// What the template of a subject's page names of one condition.
///
/// Names are those of the template. What is nil or empty there is left out, so an optional is never an empty text.
struct ConditionContent {
    /// A name and a value of a table of two columns.
    struct Fact {
        let fact, value: String
    }

    /// A warning with the word before it.
    struct Warning {
        let badge, text: String
    }

    /// A line of the checklist.
    struct Check {
        let mark, word, what, finding: String
        let advice: String?
    }

    /// The brain to turn.
    struct Brain {
        let surface, label, legend, json: String
    }

    struct Link {
        let title, target: String
    }

    let number: Int
    let name, count, answer: String
    let warnings: [Warning]
    let checks: [Check]
    let checksInBrief, certificateInBrief: String
    let brain: Brain?
    let noBrain: String?
    let glassBrain, timeCourses, selection: String
    let butterfly, stability, topography, noTopography: String?
    let topographyCaption =
        "A map of what is explained that looks like the one measured says that the sources account for the field then."
    let columns: [SourceCells.Column]
    let rows: [SourceCells.Row]
    let tableCaption, noSources: String
    let notes: [String]
    let dataFacts, choiceFacts, settings: [Fact]
    let settingsCaption: String
    let links: [Link]
    let hasWarnings, hasChecks, hasSources, hasLinks: Bool

    /// - Parameters:
    ///   - number: of the condition on the page, from 1.
    ///   - surface: the element that holds its brain; nil where nobody knows it.
    init(_ entry: SubjectPage.Entry, number: Int, surface: String?) throws(InputError) {
        let estimate = entry.estimate
        self.number = number
        let name = entry.name.onOneLine
        self.name = name.isEmpty ? "Condition \(number)" : name
        count = estimate.sourceCountText
        answer = PlainAnswer.text(estimate)
        warnings = Self.warnings(estimate)
        checks = Self.checks(estimate.preparation.checks)
        checksInBrief = Self.brief(estimate.preparation.checks)
        certificateInBrief = Self.brief(estimate.certificate)
        brain = try Self.brain(estimate, surface)
        noBrain =
            brain == nil
            ? "There is no brain to turn: this result does not hold where the candidate sources lie." : nil
        glassBrain = Self.inline(GlassBrainFigure.svg(estimate, candidates: estimate.candidates?.positions ?? []))
        timeCourses = Self.inline(TimeCourseFigure.svg(estimate))
        selection = Self.inline(SelectionFigure.svg(estimate))
        butterfly = estimate.sensorData.map { _ in Self.inline(ButterflyFigure.svg(estimate, detail: .compact)) }
        stability = estimate.stability.map { Self.inline(StabilityFigure.svg(estimate, $0)) }
        switch TopographyFigure.figure(estimate) {
        case .figure(let svg): (topography, noTopography) = (Self.inline(svg), nil)
        case .absence(let reason): (topography, noTopography) = (nil, reason)
        }
        let cells = SourceCells(estimate)
        (columns, rows, tableCaption, notes) = (cells.columns, cells.rows, cells.caption, cells.notes)
        noSources = estimate.noSourcesText
        dataFacts = Self.dataFacts(estimate)
        choiceFacts = Self.choiceFacts(estimate)
        settings = (estimate.settings + estimate.versions).map {
            Fact(fact: $0.name.onOneLine, value: $0.value.onOneLine)
        }
        settingsCaption =
            settings.isEmpty ? "This result holds neither settings nor versions" : "As given, and what it was made with"
        links = entry.links.map { Link(title: $0.title, target: $0.target) }
        (hasWarnings, hasChecks) = (!warnings.isEmpty, !checks.isEmpty)
        (hasSources, hasLinks) = (!estimate.sources.isEmpty, !links.isEmpty)
    }

    private static func inline(_ svg: String) -> String { SVGCanvas.inline(svg) }

    /// What is wrong or worth a look, wrong things first; what the checks say is not said twice.
    private static func warnings(_ estimate: Estimate) -> [Warning] {
        let checks = estimate.preparation.checks
        let told = Set(checks.map(\.text))
        let marked = [HealthCheck.Mark.wrong, .look].flatMap { mark in
            checks.filter { $0.mark == mark }.map {
                Warning(badge: word(mark), text: "\($0.name): \($0.text)".onOneLine)
            }
        }
        return marked
            + estimate.warnings.filter { !told.contains($0) }.map { Warning(badge: "warning", text: $0.onOneLine) }
    }

    private static func checks(_ checks: [HealthCheck]) -> [Check] {
        checks.map {
            Check(
                mark: $0.mark.rawValue, word: word($0.mark), what: $0.name.onOneLine, finding: $0.finding.onOneLine,
                advice: $0.advice.isEmpty ? nil : $0.advice.onOneLine)
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
        return Brain(
            surface: surface,
            label: "\(kind) with \(estimate.sourceCountText) as numbered balls"
                + (named.isEmpty ? "" : ". " + named.joined(separator: "; ")),
            legend: "R: right, A: front, S: up."
                + (sources.isEmpty
                    ? ""
                    : " The larger a ball, the more field it explains; a dashed rim: within the surface"
                        + (sources.contains { $0.axes != nil }
                            ? "; ellipse: 95 % region, of the selected source alone where it is larger than 9 cm."
                            : ".")),
            json: try BrainScene.json(sources))
    }

    // MARK: Facts

    private static func dataFacts(_ estimate: Estimate) -> [Fact] {
        let preparation = estimate.preparation
        let kinds = SensorKind.allCases.compactMap { kind in
            preparation.channels[kind].flatMap { $0 > 0 ? "\($0) \(kind.plural)" : nil }
        }
        let rank =
            "\(preparation.rank)"
            + (preparation.rankSource.isEmpty ? "" : ": \(preparation.rankSource.onOneLine)")
        return [
            Fact(fact: "channels", value: kinds.isEmpty ? "none" : kinds.joined(separator: ", ")),
            Fact(fact: "rank", value: rank), Fact(fact: "noise", value: preparation.noiseSource.onOneLine),
            Fact(
                fact: "whitened baseline",
                value: preparation.baselineDeviation.map {
                    "deviates by \(NumberText.readable($0)); 1 is right"
                } ?? "none: there are no samples before time 0"),
            Fact(
                fact: "averages",
                value: preparation.averages.map { NumberText.significant($0, 6) } ?? "not known, and not needed"),
            Fact(
                fact: "window",
                value: "\(estimate.windowText), \(estimate.times.count.counted("sample"))"),
            Fact(fact: "candidates", value: "\(estimate.candidateCount), \(estimate.frame.rawValue) frame"),
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
        return facts.map { Fact(fact: $0.0, value: $0.1) }
    }
}
