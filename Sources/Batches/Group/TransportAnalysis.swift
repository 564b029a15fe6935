import Foci

/// The source maps of all subjects compared by transport: how far each is from the others, and the map nearest to all.
struct TransportAnalysis: GroupAnalysis {
    let name = "transport"
    let help = "how far subjects' source maps are from each other, and the map nearest to all"

    /// What programs are told.
    private struct Answer: Encodable {
        struct Subject: Encodable {
            let subject: String
            let sources: Int
            let mean_distance_mm, in_group_map: Double
        }

        let reach_mm, blur_mm, marginal_error: Double
        let converged: Bool
        let subjects: [Subject]
        let without_sources: [String]
    }

    func reasonAgainst(_ input: GroupInput) -> String? {
        let members = input.group.members.filter { !$0.sources.isEmpty }
        return Set(members.map(\.subject)).count < 2 ? "fewer than two subjects have a source" : nil
    }

    func run(_ input: GroupInput, into output: GroupOutput, monitor: Monitor) throws -> GroupFindings {
        monitor.report(.init(stage: "transport", detail: "\(input.subjects.count) subjects"))
        let found = try GroupTransport(
            input.group.members, in: input.group.space, parallelism: input.settings.joint.parallelism)
        if monitor.isCancelled() { throw CancellationError() }
        try output.add("map.tsv", text: TransportTables.map(found))
        try output.add("distances.tsv", text: TransportTables.distances(found))
        try output.add("subjects.tsv", text: TransportTables.subjects(found))
        let means = found.meanDistances
        let subjects = found.subjects.indices.map { s in
            Answer.Subject(
                subject: found.subjects[s], sources: found.maps[s].positions.count,
                mean_distance_mm: (means.isEmpty ? .nan : means[s]) * 1000, in_group_map: found.shared[s])
        }
        if !found.converged { monitor.warn("the group map of transport did not come to rest") }
        return GroupFindings(
            summary: summary(subjects.map(\.mean_distance_mm)),
            sections: [section(found, subjects.map(\.mean_distance_mm))],
            answer: Answer(
                reach_mm: found.settings.reach * 1000, blur_mm: found.settings.blur * 1000,
                marginal_error: found.marginalError, converged: found.converged, subjects: subjects,
                without_sources: found.withoutSources))
    }

    private func summary(_ distances: [Double]) -> String {
        let known = distances.filter(\.isFinite)
        guard let least = known.min(), let largest = known.max() else { return "one map" }
        return
            "\(distances.count) subjects, \(Int(least.rounded())) to \(Int(largest.rounded())) mm from the others on average"
    }

    private func section(_ found: GroupTransport, _ distances: [Double]) -> PageSection {
        let reach = Int((found.settings.reach * 1000).rounded())
        var section = PageSection(
            id: "transport", title: "How far subjects are from each other",
            paragraphs: [
                "What it would take to turn the sources of one subject into those of another, amplitude for amplitude: the mean "
                    + "distance by which amplitude moves, at most \(reach) mm, as which amplitude without a counterpart counts. "
                    + "The group map has what is nearest to the maps of all."
            ])
        if !found.withoutSources.isEmpty {
            section.warnings = [
                "Without sources, and so without a map: \(found.withoutSources.joined(separator: ", "))."
            ]
        }
        section.tables = [
            PageSection.Table(
                title: "Subjects",
                columns: [
                    .init("subject", isNumber: false), .init("sources"), .init("mm from the others"),
                    .init("part in the group map"),
                ],
                rows: found.subjects.indices.map { s in
                    [
                        .init(found.subjects[s]), .init("\(found.maps[s].positions.count)"),
                        .init(distances[s].isFinite ? "\(Int(distances[s].rounded()))" : "–"),
                        .init("\(Int((100 * found.shared[s]).rounded())) %"),
                    ]
                }),
            map(found),
        ]
        section.notes = [
            "Exact transport with distances capped at the reach between subjects; the map by unbalanced entropic transport, "
                + "blurred by \(Int((found.settings.blur * 1000).rounded())) mm. All of both in group/transport/."
        ]
        return section
    }

    /// The strongest places of the group map.
    private func map(_ found: GroupTransport) -> PageSection.Table {
        let total = found.mass.reduce(0, +)
        var places: [Int] = []
        // Peaks: what has no larger neighbour within twice the blur.
        for place in found.mass.indices.sorted(by: { (-found.mass[$0], $0) < (-found.mass[$1], $1) }) {
            let isPeak = places.allSatisfy {
                let d = found.positions[$0] - found.positions[place]
                return (d * d).sum().squareRoot() > 4 * found.settings.blur
            }
            if isPeak, total > 0, found.mass[place] > 0.05 * (found.mass.max() ?? 0) { places.append(place) }
            if places.count == 10 { break }
        }
        var shares = places.map { place in
            found.mass.indices.reduce(0) { sum, other in
                let d = found.positions[other] - found.positions[place]
                return (d * d).sum().squareRoot() <= 2 * found.settings.blur ? sum + found.mass[other] : sum
            } / total
        }
        // What rounds to nothing is no peak.
        (places, shares) = (
            places.indices.filter { shares[$0] >= 0.01 }.map { places[$0] }, shares.filter { $0 >= 0.01 }
        )
        return PageSection.Table(
            title: "Peaks of the group map",
            columns: [
                .init("peak", isNumber: false), .init("x, mm"), .init("y, mm"), .init("z, mm"),
                .init("part of the map"),
            ],
            rows: places.enumerated().map { number, place in
                let p = found.positions[place] * 1000
                return [.init("\(number + 1)")]
                    + [p.x, p.y, p.z].map { .init("\(Int($0.rounded()))".replacing("-", with: "−")) }
                    + [.init("\(Int((100 * shares[number]).rounded())) %")]
            })
    }
}
