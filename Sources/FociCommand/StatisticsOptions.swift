import ArgumentParser
import Batches
import Foci

/// What the statistics of a group depend on.
struct StatisticsOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Model of the amplitudes at each place and of the influences between them, as 'amplitude ~ condition*age + (condition | \
            subject)' (or 'influence ~ …'): of condition, session, task, run and the columns of the participants. By default the \
            conditions.
            """, valueName: "text"))
    var formula: String?

    @Option(
        help: ArgumentHelp(
            "Table of subjects with a column participant_id. participants.tsv of the data set by default.",
            valueName: "file"))
    var participants: String?

    @Option(
        name: .customLong("amplitude-window"), parsing: .upToNextOption,
        help: ArgumentHelp(
            """
            Times over which amplitudes are averaged: first and last in seconds, or one number, how far to either side of the time \
            at which a place is strongest over all subjects and conditions. (default: 0.01)
            """, valueName: "s"))
    var amplitudeWindow: [Double] = []

    @Option(
        help: ArgumentHelp(
            "Times over which connections are fitted. From time 0 on by default.", valueName: "first last"))
    var connectionWindow: TimeRange?

    @Option(
        help: ArgumentHelp(
            """
            Whose sources the places are: alone, of each subject alone; joint, of all localized together; auto, joint where that \
            was done.
            """, valueName: "auto|joint|alone"))
    var places = StatisticsSettings.Places.automatic

    /// Settings of the statistics.
    func settings(_ parallelism: Parallelism) throws(InputError) -> StatisticsSettings {
        var settings = StatisticsSettings()
        settings.formula = formula
        settings.participants = participants
        settings.connectionWindow = try connectionWindow?.range(of: "--connection-window")
        settings.places = places
        settings.parallelism = parallelism
        let times = amplitudeWindow
        switch times.count {
        case 0: break
        case 1 where times[0] >= 0 && times[0] < 10: settings.averaging = .peak(halfWidth: times[0])
        case 2 where times[0] <= times[1] && times.allSatisfy(\.isFinite):
            settings.averaging = .window(times[0]...times[1])
        default:
            throw InputError(
                "--amplitude-window", found: times.map { "\($0)" }.joined(separator: " "),
                expected: "first and last time in seconds, or one number from 0 on")
        }
        return settings
    }
}

extension StatisticsSettings.Places: ExpressibleByArgument {}
