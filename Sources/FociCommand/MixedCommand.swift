import ArgumentParser
import Foci

/// `foci mixed`: models of mixed effects of any table.
struct MixedCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "mixed",
            abstract: "Say which columns of a table explain another, over all groups and in each.",
            discussion: """
                Fits a linear model of mixed effects, y = Xβ + Zu + noise: effects β that all groups (subjects) share, and \
                departures u of each, whose variances are told. By default the data choose which effects there are: each has a \
                probability, averaged over models, and those above one half are in; a random effect only where its fixed effect \
                is. All effects are named and coded as R and lme4 do it, categories compared with their first level.

                The table is text in UTF-8 with a line of names; tabs, commas or semicolons are told by that line. Empty cells, \
                n/a and NA are missing, and rows without a value that is used are left out. With --output a folder has
                  fixed.tsv      estimates, errors, intervals, tests (Wald; Holm), probabilities
                  random.tsv     variances over groups, tests, intervals (of at most eight)
                  groups.tsv     how each group departs
                  selection.tsv  all λ that were tried, where there is a penalty
                  effects.svg, inclusion.svg, paths.svg, model.json

                Effects are chosen by
                \(listed(MixedRequest.Selection.allCases.map { ($0.rawValue, $0.help) }))
                and the penalties are
                \(listed(EffectPenaltyKind.all.map { ($0.name, $0.help) }))

                EXAMPLES
                  foci mixed rt.tsv --response rt --group subject --fixed condition,age \\
                      --random condition
                  foci mixed rt.csv --formula "rt ~ condition*age + (condition | subject)" \\
                      --select none
                      All effects, the random ones correlated: what lme4 fits.
                  foci mixed rt.tsv --response rt --group subject --fixed x1,x2,x3 \\
                      --random x1,x2,x3 --select msr3-fast --penalty l1 --output rt
                """)
    }

    @Argument(help: ArgumentHelp("The table.", valueName: "table"))
    var table: String

    @Option(help: ArgumentHelp("Column that is explained.", valueName: "column"))
    var response: String?

    @Option(help: ArgumentHelp("Column that tells the groups.", valueName: "column"))
    var group: String?

    @Option(
        help: ArgumentHelp(
            "Fixed effects, with commas between: columns, or terms such as a*b. 0 leaves out the intercept.",
            valueName: "terms"))
    var fixed: String?

    @Option(
        help: ArgumentHelp(
            "Random effects, likewise, without correlations; the intercept is one of them.", valueName: "terms"))
    var random: String?

    @Flag(help: "The random effects may be correlated.")
    var correlated = false

    @Option(
        help: ArgumentHelp(
            "All of these in one, as in lme4: y ~ a*b + (1 + a | subject); || for no correlations.",
            valueName: "formula"))
    var formula: String?

    @Option(
        help: ArgumentHelp(
            "Variance of the noise, where it is known: a number, or a column. (default: estimated)",
            valueName: "number|column"))
    var noiseVariance: String?

    @Option(help: "How effects are chosen.")
    var select = MixedRequest.Selection.average

    @Option(help: "The penalty of newton, pgd, msr3 and msr3-fast.")
    var penalty = MixedRequest().penalty

    @Option(help: ArgumentHelp("λ of the penalty. (default: auto, by BIC along a path)", valueName: "auto|number"))
    var lambda: String?

    @Option(help: ArgumentHelp("η of msr3 and msr3-fast. (default: auto)", valueName: "auto|number"))
    var eta: String?

    @Flag(help: "A random effect may be in without its fixed effect.")
    var noHierarchy = false

    @Option(
        help: ArgumentHelp(
            "Fixed effects that are always in, with commas between; none for none. (default: the intercept)",
            valueName: "names"))
    var keep: String?

    @Flag(help: "Choose effects in the units of the table, instead of standard deviations.")
    var noStandardize = false

    @Option(help: "Which likelihood the variances are the best of.")
    var estimation = LikelihoodKind.reml

    @Option(help: ArgumentHelp("What intervals hold.", valueName: "part"))
    var confidence = 0.95

    @Option(help: "Seed of the averaging.")
    var seed: UInt64 = 0

    @OptionGroup var told: AnswerOptions

    func run() throws {
        let request = try request()
        try request.check()
        var folder = try told.folder()
        let answer = try naming(table, as: .table) {
            let design = try request.design(of: DataTable.read(table))
            return try request.run(design, monitor: Terminal.monitor(quiet: told.quiet))
        }
        try folder?.add(answer)
        try folder?.commit()
        try told.tell(
            json: answer.summary.json(isIndented: false), text: MixedReading.text(answer.summary), first: "effects.svg")
    }

    /// What the options ask for.
    private func request() throws(InputError) -> MixedRequest {
        var values: [SettingName: OptionValue] = [:]
        for (name, text) in [
            (.response, response), (.group, group), (.fixed, fixed), (.random, random), (.formula, formula),
            (.noiseVariance, noiseVariance), (.lambda, lambda), (.eta, eta), (.keep, keep == "none" ? "" : keep),
        ] as [(SettingName, String?)] {
            values[name] = text.map { .text($0) }
        }
        var request = try MixedRequest(
            Dictionary(values.map { ($0.key.rawValue, $0.value) }) { first, _ in first })
        request.isCorrelated = correlated
        request.selection = select
        request.penalty = penalty
        request.hasHierarchy = !noHierarchy
        request.isStandardized = !noStandardize
        request.estimation = estimation
        request.confidence = confidence
        request.seed = seed
        return request
    }
}

extension MixedRequest.Selection: ExpressibleByArgument {}
extension LikelihoodKind: ExpressibleByArgument {}
extension EffectPenaltyKind: OptionKind {}
