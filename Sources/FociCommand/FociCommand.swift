import ArgumentParser
import CAllocator
import Foci
import Glibc

/// The command line: `foci`.
@main
struct FociCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "foci",
        abstract: "Tells where in the brain an EEG or MEG recording comes from.",
        discussion: """
            EXAMPLES
              foci localize --forward f.h5 --recording r.h5 --covariance c.h5 \\
                  --output result
                  Find the sources of a recording; λ is chosen automatically.
              foci batch bids results
                  The same for all subjects and conditions of a data set.
              foci group results
                  Bring together what a batch left: subjects localized jointly.
              foci config show --config foci.yaml
                  Say which settings a batch would use.
              foci report result/estimate.h5
                  Make a page of a result, to open in a browser.
              foci inspect r.h5
                  Say what a file holds and whether its numbers are plausible.
              foci convert result/estimate.h5 sub-01-stc.h5
                  Write a result for MNE-Python, or as .stc, .dip or .mat.
              foci simulate --output data --seed 1
                  Make a recording whose sources are known.
              foci compare result/estimate.h5 data/truth.h5
                  Measure how far an estimate is from them.
              foci solve --problem p.h5 --lambda-ratio 0.2 --json
                  Solve a whitened problem; nothing but the numerics.
              foci select --problem p.h5 --criterion sure --json
                  Choose the hyperparameters of a whitened problem.
              foci mixed rt.tsv --response rt --group subject --fixed age,task
                  Say which columns of a table explain another, over all groups.

            Exit codes: 0 done, 2 something is wrong with the input, 130 interrupted.
            """,
        version: fociVersion,
        subcommands: [
            LocalizeCommand.self, BatchCommand.self, GroupCommand.self, ConfigCommand.self, ReportCommand.self,
            InspectCommand.self, ConvertCommand.self, SimulateCommand.self, CompareCommand.self, SolveCommand.self,
            SelectCommand.self, MixedCommand.self, DynamicsCommand.self,
        ])

    static func main() {
        // A full disk or a closed pipe is an error to be told, not a reason to die without a word.
        signal(SIGXFSZ, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        // Large scratch memory goes back to the system when it is freed, instead of staying with the process; smaller stays, or
        // a tenth of a localization would go into getting it back, page by page.
        mallopt(M_MMAP_THRESHOLD, 4 << 20)
        mallopt(M_TRIM_THRESHOLD, 32 << 20)
        Interruption.install()
        do {
            var command = try parseAsRoot(
                namingRun(joiningNumbers(Array(CommandLine.arguments.dropFirst()))))
            try command.run()
        } catch let error as InputError {
            Terminal.fail(error.text(naming: optionName), code: 2)
        } catch is CancellationError {
            Terminal.fail("interrupted; nothing was written", code: 130)
        } catch {
            let code = exitCode(for: error)
            if code == .validationFailure {
                // The parser adds the whole usage; one line says what is wrong, another command shows the rest.
                let message = fullMessage(for: error).split(separator: "\n").first.map(String.init) ?? "\(error)"
                Terminal.fail(
                    (message.hasPrefix("Error: ") ? String(message.dropFirst(7)) : message)
                        + " See 'foci help' and 'foci help COMMAND'.", code: 2)
            }
            exit(withError: error)
        }
    }

    /// Names the subcommand that `foci batch DIR OUTPUT` means, so that `foci batch --help` is about it.
    static func namingRun(_ arguments: [String]) -> [String] {
        var arguments = arguments
        let start = arguments.first == "help" ? 1 : 0
        guard arguments.count > start, arguments[start] == "batch" else { return arguments }
        let names = BatchCommand.configuration.subcommands.compactMap { $0.configuration.commandName }
        if arguments.count == start + 1 || !names.contains(arguments[start + 1]) {
            arguments.insert("run", at: start + 1)
        }
        return arguments
    }

    /// Makes one argument of an option and the numbers after it where a parser would take a number for an option:
    /// `--window -0.1 0.2` becomes `--window=-0.1..0.2`, and `--snr -3` becomes `--snr=-3`.
    static func joiningNumbers(_ arguments: [String]) -> [String] {
        var result: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let following = Array(rest.prefix(2))
            if ["--window", "--times", "--baseline", "--epoch", "--connection-window"].contains(argument),
                following.count == 2,
                following.allSatisfy({ Double($0) != nil })
            {
                result.append("\(argument)=\(following[0])..\(following[1])")
                rest = rest.dropFirst(2)
            } else if argument.hasPrefix("--"), argument.count > 2, !argument.contains("="),
                let value = following.first, value.hasPrefix("-"), Double(value) != nil
            {
                result.append("\(argument)=\(value)")
                rest = rest.dropFirst()
            } else {
                result.append(argument)
            }
        }
        return result
    }
}
