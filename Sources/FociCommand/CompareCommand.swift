import ArgumentParser
import Foci

/// `foci compare`: how far an estimate is from known sources.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Measure how far an estimate is from known sources.",
        discussion: """
            Pairs found with true sources one to one, and prints errors, found, missed and false sources, and how \
            well waveforms agree. Transport is how far amplitude has to move, in mm, to turn the sources found into \
            the true ones: the root mean square over amplitude of the shortest ways, where what has no counterpart \
            within the reach counts as the reach.

            EXAMPLE
              foci compare result/estimate.h5 data/truth.h5
            """)

    @Argument(help: ArgumentHelp("The estimate (estimate.h5).", valueName: "estimate"))
    var estimate: String

    @Argument(help: ArgumentHelp("The known sources (truth.h5).", valueName: "truth"))
    var truth: String

    @Option(help: ArgumentHelp("Farthest distance of a pair, mm.", valueName: "mm"))
    var radius = 15.0

    @Option(help: ArgumentHelp("As how far amplitude counts that has no counterpart, mm.", valueName: "mm"))
    var reach = 30.0

    @Flag(help: "Print as JSON.")
    var json = false

    mutating func run() throws {
        for (name, distance) in [("--radius", radius), ("--reach", reach)] {
            guard distance.isFinite, distance > 0 else {
                throw InputError(name, found: "\(distance)", expected: "a positive number of mm")
            }
        }
        let comparison = try Comparison(
            EstimateFile.read(estimate), truth: TruthFile.read(truth), radius: radius / 1000, reach: reach / 1000)
        try Terminal.result(json ? try JSON.text(comparison, isIndented: true) : comparison.description)
    }
}
