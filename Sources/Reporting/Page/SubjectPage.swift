import SourceImaging

/// What was found of one subject, as one HTML page that needs nothing beside it: figures, tables, and a brain that can be
/// turned.
///
/// The page holds neither dates nor seconds: the same estimates make the same bytes.
public enum SubjectPage {
    /// A condition of the page.
    public struct Entry: Sendable {
        /// Name of the condition or of the file.
        public let name: String
        /// What was found.
        public let estimate: Estimate
        /// Files to link: what each is, and where it lies, relative to the page and percent-encoded. May be empty.
        public let links: [(title: String, target: String)]

        /// A condition; nothing is checked.
        public init(name: String, estimate: Estimate, links: [(title: String, target: String)] = []) {
            self.name = name
            self.estimate = estimate
            self.links = links
        }
    }

    /// What a page may have beside its conditions.
    public struct Options: Sendable {
        /// Source of the NiiVue library, its UMD bundle: shows the brain on a second canvas, by WebGL. Nil for none.
        public var niivue: String?
        /// Conditions that could not be localized, and why.
        public var failures: [(condition: String, reason: String)]

        /// The options; all may be left out.
        public init(niivue: String? = nil, failures: [(condition: String, reason: String)] = []) {
            self.niivue = niivue
            self.failures = failures
        }
    }

    /// One page for all conditions of a subject.
    ///
    /// - Parameters:
    ///   - entries: in the order of the page.
    ///   - heading: the subject, or what else the page is of.
    /// - Returns: a template and what it names.
    /// - Throws: ``InputError`` where there is neither an entry nor a failure.
    /// - Complexity: that of the figures.
    public static func content(
        _ entries: [Entry], heading: String, options: Options = Options()
    ) throws(InputError) -> PageContent {
        guard !entries.isEmpty || !options.failures.isEmpty else {
            throw InputError("page", found: "no result to show", expected: "at least one")
        }
        var surfaces = Surfaces()
        var conditions: [ConditionContent] = []
        for (place, entry) in entries.enumerated() {
            let surface = entry.estimate.candidates.map { surfaces.name(for: $0) }
            conditions.append(try ConditionContent(entry, number: place + 1, surface: surface))
        }
        let content = Content(
            heading: Markup(heading), lead: Markup(lead(entries, options)), conditions: conditions,
            failures: options.failures.map { Failure(condition: Markup($0.condition), reason: Markup($0.reason)) },
            surfaces: try surfaces.all.map { (surface) throws(InputError) in
                NamedJSON(id: surface.id, json: try BrainScene.json(surface.value))
            },
            niivueScript: options.niivue.flatMap { $0.isEmpty ? nil : scriptSafe($0) })
        return PageContent(template: PackageResources.subject_mustache, content)
    }

    /// What the page is about: conditions and sources.
    private static func lead(_ entries: [Entry], _ options: Options) -> String {
        let counts = entries.map(\.estimate.sources.count)
        let sources = counts.reduce(0, +) == 0 ? "no sources" : counts.reduce(0, +).counted("source")
        guard let only = entries.first, entries.count == 1 else {
            return "\(entries.count.counted("condition")), \(sources) in all"
        }
        return "\(sources) of \(only.estimate.candidateCount) candidates, \(only.estimate.windowText)"
    }

    /// A script that cannot end the element that it stands in.
    private static func scriptSafe(_ script: String) -> String {
        script.replacing("</script", with: "<\\/script").replacing("<!--", with: "<\\!--")
    }

    /// The brains of a page, each once.
    private struct Surfaces {
        private(set) var all: [(id: String, value: BrainScene.Surface)] = []
        private var known: [(candidates: SourceSpace, id: String)] = []

        /// The name of the surface of some candidates.
        mutating func name(for candidates: SourceSpace) -> String {
            if let old = known.first(where: { $0.candidates == candidates }) { return old.id }
            let id = "surface-\(known.count + 1)"
            known.append((candidates, id))
            all.append((id, BrainScene.Surface(candidates)))
            return id
        }
    }

    /// What the template names.
    private struct Content: Encodable {
        let heading, lead: Markup
        let style = PageContent.style
        let script = PageContent.text(PackageResources.brain_js)
        let conditions: [ConditionContent]
        let failures: [Failure]
        let surfaces: [NamedJSON]
        let niivueScript: String?
        let hasContents: Bool
        let hasFailures: Bool
        let hasNiivue: Bool
        let citation = Markup(PageText.citation)

        init(
            heading: Markup, lead: Markup, conditions: [ConditionContent], failures: [Failure], surfaces: [NamedJSON],
            niivueScript: String?
        ) {
            (self.heading, self.lead) = (heading, lead)
            (self.conditions, self.failures, self.surfaces) = (conditions, failures, surfaces)
            self.niivueScript = niivueScript
            hasContents = conditions.count > 1
            hasFailures = !failures.isEmpty
            hasNiivue = niivueScript != nil
        }
    }

    private struct Failure: Encodable {
        let condition, reason: Markup
    }

    private struct NamedJSON: Encodable {
        let id, json: String
    }
}

/// Sentences that pages share.
enum PageText {
    /// Whose methods they are.
    static let citation =
        "Methods: mixed-norm estimates (Gramfort et al. 2012, Strohmeier et al. 2016) certified by duality gaps (Ndiaye et "
        + "al. 2017, Massias et al. 2018) and accelerated by Anderson extrapolation (Bertrand & Massias 2021); λ by Stein's "
        + "unbiased risk estimate with exact degrees of freedom (Deledalle et al. 2014, Vaiter et al. 2017); refinement by "
        + "exchange (Ziskind & Wax 1988, Adler et al. 2022); noise of brain and sensors (Tipping 2001, Cai et al. 2021) and "
        + "shrinkage (Chen et al. 2010)."
}
