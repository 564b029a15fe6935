import ArgumentParser
import Foci
import Foundation

/// `foci localize`: from three files to a folder of results.
struct LocalizeCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "localize",
            abstract: "Find the sources of a recording.",
            discussion: """
                Reads a forward model, a recording and the noise covariance of one epoch (FIF, HDF5 or MATLAB 7.3, told by \
                their content), chooses λ, and from the sources at that λ goes on to the few points and patches of cortex \
                that each explain more than noise does, as measured before time 0. Writes a folder:
                  estimate.h5    active sources, amplitudes (A·m), selection, settings
                  sources.tsv    a row a source: position, peak, field, extent, error bars
                  regions.tsv    where each source lies with 95 %, a row a candidate
                  selection.tsv  all that was tried: criterion, degrees of freedom, gap
                  sources.svg, timecourses.svg, sensors.svg, selection.svg
                  stability.tsv, stability.svg
                                 with --stability: how often each is found again
                  spectrograms.svg
                                 with --method tf: when and how fast each is active
                  noise.h5       with --write-noise: the noise covariance of one epoch

                The methods are
                \(listed(MethodKind.all.map { ($0.name, $0.help) }))
                The penalties of whole sources are
                \(listed(PenaltyKind.all.filter { $0.scope == .block }.map { ($0.name, $0.help) }))
                the criteria
                \(listed(CriterionKind.all.map { ($0.name, $0.help) }))
                and the searches
                \(listed(SearchKind.all.map { ($0.name, $0.help) }))

                EXAMPLES
                  foci localize --forward f.fif --recording r.fif --covariance c.fif \\
                      --output result
                  foci localize --forward f.h5 --recording r.h5 --output result \\
                      --window 0.05 0.15
                      Without a covariance the noise is estimated from the recording.
                  foci localize --forward f.h5 --recording r.h5 --covariance c.h5 \\
                      --output result --sensors meg --orientation fixed \\
                      --lambda 0.2 --reweight 0
                      One λ, MEG only, all sources of the convex solution.
                  foci localize --forward f.h5 --recording epochs.h5 --covariance c.h5 \\
                      --output result --criterion kfold-epochs --stability 50
                      λ by cross-validation over epochs; the choice repeated 50 times
                      over a bootstrap of epochs.
                """)
    }

    @Option(help: ArgumentHelp("Forward model (gain and sources).", valueName: "file"))
    var forward: String

    @Option(help: ArgumentHelp("Recording, averaged or epochs.", valueName: "file"))
    var recording: String

    @Option(help: ArgumentHelp("Noise covariance of one epoch.", valueName: "file"))
    var covariance: String?

    @OptionGroup var reading: FileOptions

    @Option(help: ArgumentHelp("Folder to write; must not exist.", valueName: "dir"))
    var output: String

    @Flag(help: "Replace the files of an output folder that exists.")
    var force = false

    @Flag(help: "Write the noise covariance of one epoch that was used, too, as noise.h5, for --covariance.")
    var writeNoise = false

    @OptionGroup var options: LocalizationOptions

    mutating func run() throws {
        do {
            try localize()
        } catch let error as InputError {
            throw named(error)
        }
    }

    /// An error that the library tells of one of its inputs, told of the file that it came from.
    private func named(_ error: InputError) -> InputError {
        guard case .input(let input) = error.place else { return error }
        var error = error
        switch input {
        case .forward: error.place = .named(forward)
        case .recording: error.place = .named(recording)
        case .problem, .table: break
        case .covariance: if let covariance { return error.within(covariance) }
        }
        return error
    }

    private func localize() throws {
        let clock = Stopwatch()
        let monitor = Terminal.monitor(quiet: options.computing.quiet)
        let localization = try Localization(options.settings(names: reading.matchNames), naming: optionName)
        var folder = try OutputFolder(output, force: force)
        monitor.report(.init(stage: "reading", detail: recording))
        let files = LocalizationFiles(
            forward: forward, recording: recording, covariance: covariance,
            options: try reading.options())
        let contents = try files.read()
        let loaded = clock.seconds
        var estimate = try localization.run(
            recording: contents.recording, forward: contents.forward, covariance: contents.covariance, monitor: monitor)
        estimate.seconds.load = loaded
        estimate.seconds.total = clock.seconds
        try folder.add(estimate, candidates: contents.forward.sources)
        if writeNoise { try folder.addNoise(of: estimate) }
        if monitor.isCancelled() { throw CancellationError() }
        try folder.commit()
        if options.computing.json {
            try Terminal.result(Summary(estimate).json())
        } else if !options.computing.quiet {
            try Terminal.result(PlainSummary.text(estimate) + "\nResults are in \(output): look at sources.svg first.")
        }
    }
}
