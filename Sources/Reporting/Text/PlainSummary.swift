import SourceImaging

/// The result of a localization as a person reads it in a terminal.
public enum PlainSummary {
    /// How many sources the table shows.
    static let shownSources = 10
    /// Characters of a line of the table up to which columns stand two spaces apart.
    private static let roomyTable = 80

    /// A few lines of facts, a table of the ten strongest sources, and the warnings; ends with a newline.
    public static func text(_ estimate: Estimate) -> String {
        var lines: [String] = []
        let name = estimate.name
        lines.append(
            "\(name.isEmpty ? "" : name + ": ")\(estimate.sourceCountText) of \(estimate.candidateCount) candidates, "
                + "\(estimate.windowText)")
        if !estimate.preparation.checks.isEmpty {
            lines.append("")
            lines += self.checks(estimate.preparation.checks)
        }
        lines.append("")
        lines += aligned(facts(estimate) + [("time", time(estimate.seconds))], indent: "  ")
        if !estimate.sources.isEmpty {
            lines.append("")
            lines += table(estimate)
            lines += errorBars(estimate)
            if let cancelling = cancelling(estimate.sources) { lines += ["", "  " + cancelling] }
        }
        // What the checks say is not said twice.
        let told = Set(estimate.preparation.checks.map(\.text))
        let warnings = estimate.warnings.filter { !told.contains($0) }
        if !warnings.isEmpty {
            lines.append("")
            lines += warnings.map { "warning: \($0.onOneLine)" }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// What was looked at before anything was computed, a line each, and below it what to do.
    public static func checks(_ checks: [HealthCheck]) -> [String] {
        let width = checks.map(\.name.count).max() ?? 0
        let marks = HealthCheck.Mark.allCases.map(\.rawValue.count).max() ?? 0
        return checks.flatMap { check in
            let mark = check.mark == .ok ? check.mark.rawValue : check.mark.rawValue.uppercased()
            let start = "  " + padded(mark, marks, right: false) + "  " + padded(check.name, width, right: false) + "  "
            let advice = check.advice.onOneLine
            return [start + check.finding.onOneLine]
                + (advice.isEmpty ? [] : [String(repeating: " ", count: start.count) + "→ " + advice])
        }
    }

    /// Names and values of what was found and how well; one without a name belongs to the one before. The same for the same
    /// estimate, however long it took.
    static func facts(_ estimate: Estimate) -> [(String, String)] {
        let preparation = estimate.preparation
        let kinds = SensorKind.allCases.compactMap { kind in
            preparation.channels[kind].flatMap { $0 > 0 ? "\($0) \(kind.plural)" : nil }
        }
        var noise = preparation.noiseSource.onOneLine
        // An estimate from the baseline has told its level already, and the selection counted with it.
        if let deviation = preparation.baselineDeviation, deviation != preparation.noiseDeviation {
            noise += "; whitened baseline deviation \(NumberText.readable(deviation)) (1 is right)"
        }
        if preparation.noiseDeviation != 1, preparation.noiseDeviation != preparation.baselineDeviation {
            noise += "; deviation \(NumberText.readable(preparation.noiseDeviation)) assumed"
        }
        let certificate = estimate.certificate
        let freedom = estimate.selection.chosen.degreesOfFreedom
        let facts: [(String, String)?] = [
            ("channels", (kinds.isEmpty ? "none" : kinds.joined(separator: ", ")) + "; rank \(preparation.rank)"),
            ("noise", noise),
            ("lambda", lambda(estimate.selection)),
            estimate.selection.shape().map { ("", shape($0, estimate.selection)) },
            estimate.noiseSensitivity.map { ("", sensitivity($0)) },
            estimate.selection.quantile.map { ("", quantile($0)) },
            estimate.refinement.map { ("refined", refined($0, estimate)) },
            estimate.refinement.flatMap(reckoning).map { ("", $0) },
            freedom.isFinite ? ("degrees of freedom", NumberText.readable(freedom)) : nil,
            ("goodness of fit", NumberText.percent(estimate.goodnessOfFit)),
            estimate.refinement?.heldOut.map { ("held-out sensors", heldOut($0)) },
            certificate.relativeGap.isFinite
                ? (
                    "duality gap",
                    "\(NumberText.significant(certificate.relativeGap, 2)) of the data's energy, asked for "
                        + NumberText.significant(certificate.tolerance, 2)
                ) : nil,
            estimate.stability.map { ("stability", stability($0)) },
        ]
        return facts.compactMap(\.self)
    }

    private static func quantile(_ found: QuantileRecord) -> String {
        let levels = found.deviations.map { NumberText.readable($0) }.joined(separator: ", ")
        return "noise of the residual σ = \(levels); quantile \(NumberText.readable(found.quantile)) "
            + "of \(found.draws) draws"
            + (found.correlation == 0
                ? "" : ", slow as the noise before it (\(NumberText.significant(found.correlation, 2)) a sample)")
    }

    private static func time(_ spent: StageSeconds) -> String {
        "load \(seconds(spent.load)), prepare \(seconds(spent.prepare)), solve \(seconds(spent.solve)), "
            + "total \(seconds(spent.total))"
    }

    private static func refined(_ refinement: Refinement, _ estimate: Estimate) -> String {
        let charge = refinement.charge
        let each =
            switch estimate.sources.count {
            case 0: "no source is worth"
            case 1: "1 source, worth"
            case let count: "\(count) sources, each worth"
            }
        let stretches = "\(charge.stretches) stretch\(charge.stretches == 1 ? "" : "es")"
        let origin =
            switch (charge.stretches, estimate.preparation.baselineDeviation) {
            case (1..., _): "measured on \(stretches) of \(charge.length) samples before time 0"
            case (_, .some): "that of white noise of the deviation given"
            case (_, .none): "that of white noise: there is no baseline"
            }
        let uncertainty = refinement.chargeUncertainty.map { " ± \(NumberText.readable($0, 2))" } ?? ""
        return "\(each) more than noise: \(NumberText.readable(charge.value))\(uncertainty) squared units, \(origin)"
            + (refinement.isSettled ? "" : "; CUT SHORT")
    }

    /// What the error bars reckon with, and how often noise passes for a source; nil where neither is known.
    private static func reckoning(_ refinement: Refinement) -> String? {
        let parts = [
            refinement.gainError.map { "the gain taken to be wrong by \(NumberText.percent($0))" },
            refinement.falsePositiveRate.map {
                "noise alone would make a source in \(NumberText.percent($0)) of windows"
            },
        ].compactMap(\.self)
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    private static func heldOut(_ predicted: Double) -> String {
        predicted > 0
            ? "\(NumberText.percent(predicted)) predicted by the others through these sources"
            : "predicted no better with these sources than without"
    }

    private static func stability(_ stability: Stability) -> String {
        let what =
            switch stability.method {
            case .epochs: "a bootstrap of epochs"
            case .sensors: "sensors left out"
            case .noise: "fresh noise on what is explained"
            }
        let counts = stability.counts.sorted()
        let range =
            switch (counts.first, counts.last) {
            case (let least?, let most?) where least < most: "; \(least) to \(most) sources each"
            case (let count?, _): "; \(count.counted("source")) each"
            default: ""
            }
        return "\(stability.repeats) repeats with \(what)\(range)"
    }

    private static func sensitivity(_ sensitivity: NoiseSensitivity) -> String {
        "with noise \(NumberText.percent(sensitivity.error)) weaker \(NumberText.readable(sensitivity.ratioIfSmaller))"
            + (sensitivity.isSmallerOpen ? " or less" : "")
            + ", stronger \(NumberText.readable(sensitivity.ratioIfLarger)) would be chosen"
    }

    private static func shape(_ shape: CurveShape, _ curve: SelectionCurve) -> String {
        let wells = shape.wells == 1 ? "one minimum" : "\(shape.wells) SEPARATE MINIMA"
        return "\(wells), within \(NumberText.percent(shape.tolerance)) of the gain from "
            + "\(NumberText.readable(shape.flatFrom)) to \(NumberText.readable(shape.flatTo))"
            + (shape.isVeryFlat ? ": FLAT" : "")
    }

    private static func lambda(_ curve: SelectionCurve) -> String {
        if let note = curve.chosenNote {
            return "\(NumberText.readable(curve.chosen.ratio)) of its maximum, with \(note.onOneLine): chosen by "
                + "\(curve.criterion.onOneLine) among \(curve.points.count.counted("setting"))"
        }
        guard curve.axis == .lambda else {
            return "one a source, learned by \(curve.criterion.onOneLine) in \(curve.points.count) evaluations "
                + "(\(curve.search.onOneLine))"
        }
        let value = "\(NumberText.readable(curve.chosen.ratio)) of its maximum"
        guard !curve.isFixed else { return value + ", as given" }
        return value + ", chosen by \(curve.criterion.onOneLine) among \(curve.points.count.counted("value"))"
            + (curve.atGridEdge ? "; AT THE EDGE of the values tried" : "")
    }

    private static func seconds(_ value: Double) -> String {
        NumberText.fixed(value, value < 10 ? 2 : 0) + " s"
    }

    private static func table(_ estimate: Estimate) -> [String] {
        let shown = Array(estimate.sources.prefix(shownSources))
        // Name, unit and cells of each column.
        var columns = [
            ["", ""] + shown.indices.map { String($0 + 1) }, ["index", ""] + shown.map { String($0.index) },
        ]
        if shown.contains(where: { $0.hemisphere != nil }) {
            columns.append(["side", ""] + shown.map { $0.hemisphere?.name ?? "-" })
        }
        if shown.contains(where: { $0.vertex != nil }) {
            columns.append(["vertex", ""] + shown.map { $0.vertex.map { String($0) } ?? "-" })
        }
        for (k, axis) in ["x", "y", "z"].enumerated() {
            columns.append([axis, "mm"] + shown.map { NumberText.fixed($0.position[k] * 1000, 1) })
        }
        for column in SourceColumn.all where estimate.has(column) {
            // What nobody has reckoned is no column of dashes.
            guard let heading = column.heading, shown.contains(where: { column.value($0, estimate.times) != nil })
            else { continue }
            columns.append(
                [heading.name, heading.unit] + shown.map { cell(column.value($0, estimate.times), under: heading) })
        }
        let widths = columns.map { $0.map(\.count).max() ?? 0 }
        // Two spaces between columns, where that fits.
        let gap = widths.reduce(0) { $0 + $1 + 2 } > roomyTable ? " " : "  "
        let lines = columns[0].indices.map { row in
            "  " + zip(columns, widths).map { padded($0[row], $1, right: true) }.joined(separator: gap)
        }
        let hidden = estimate.sources.count - shownSources
        let rest = hidden > 0 ? ["  and \(hidden) that explain\(hidden == 1 ? "s" : "") less field"] : []
        var legend = [
            "  positions in the \(estimate.frame.rawValue) frame; share: of the data's power, by that source alone"
        ]
        if estimate.refinement != nil {
            legend += [
                "  patch: extent of the cortex that acts together, - for a point; noise: what the source explains",
                "  beyond the others, in times what noise alone makes a source explain",
            ]
        }
        if shown.contains(where: { $0.region != nil }) {
            legend.append(
                "  ±: longest half-axis of the region that holds the source; prob: that it is a source at all")
        }
        return lines + rest + legend + (estimate.stability.map { foundAgain($0) } ?? [])
    }

    /// How far the numbers of each source of the table can be trusted, a line a source; none where nobody reckoned it.
    private static func errorBars(_ estimate: Estimate) -> [String] {
        let lines = estimate.sources.prefix(shownSources).enumerated().compactMap { place, source in
            source.errorBarsText.map { (String(place + 1), $0) }
        }
        return lines.isEmpty
            ? [] : ["", "  95 % of each source: half-axes of its region, and intervals"] + aligned(lines, indent: "  ")
    }

    /// Which sources explain so much alone that they can only cancel each other; nil where none does.
    static func cancelling(_ sources: [EstimatedSource]) -> String? {
        // What rounds to 100 % is no news.
        let places = sources.indices.filter { sources[$0].share >= 1.005 }
        guard let first = places.first, sources.count > 1 else { return nil }
        let shares = places.map { NumberText.percent(sources[$0].share) }
        guard places.count > 1 else {
            return "source \(first + 1) is partly cancelled by others: alone it would explain \(shares[0]) of the power"
        }
        return "sources \(listed(places.map { String($0 + 1) })) cancel each other: alone they would explain "
            + "\(listed(shares)) of the power"
    }

    /// `a, b and c`.
    private static func listed(_ words: [String]) -> String {
        guard words.count > 1 else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " and " + words[words.count - 1]
    }

    private static func foundAgain(_ stability: Stability) -> [String] {
        [
            "  found: in that part of the repeats, within \(NumberText.readable(stability.radius * 1000)) mm; "
                + "spread: of position and peak"
        ]
            + stability.others.map { other in
                let p = [other.position.x, other.position.y, other.position.z].map { NumberText.fixed($0 * 1000, 1) }
                return "  not in this result, but in \(NumberText.percent(other.found)) of the repeats: a source near "
                    + "(\(p.joined(separator: ", "))) mm"
            }
    }

    /// A value in SI units as people read it; a dash where it is unknown.
    static func cell(_ value: Double?, under heading: SourceColumn.Heading) -> String {
        guard let value, value > 0 || !heading.hidesZero else { return "-" }
        return switch heading.digits {
        case .decimals(let count): NumberText.fixed(value * heading.factor, count)
        case .significant(let count): NumberText.readable(value * heading.factor, count)
        }
    }

    private static func aligned(_ facts: [(String, String)], indent: String) -> [String] {
        let width = facts.map(\.0.count).max() ?? 0
        return facts.map { indent + padded($0.0, width, right: false) + "  " + $0.1 }
    }

    private static func padded(_ text: String, _ width: Int, right: Bool) -> String {
        let space = String(repeating: " ", count: max(0, width - text.count))
        return right ? space + text : text + space
    }
}

extension SelectionCurve {
    /// Whether the caller gave λ, so that nothing was selected.
    var isFixed: Bool { origin == .given }
}
