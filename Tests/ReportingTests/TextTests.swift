import Foundation
import SourceImaging
import Testing

@testable import Reporting

@Suite("Tables and summaries")
struct TextTests {
    /// Rows as dictionaries by column.
    private func parse(_ tsv: String) -> [[String: String]] {
        let lines = tsv.split(separator: "\n").map {
            $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
        guard let header = lines.first else { return [] }
        return lines.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(header, $0)) }
    }

    @Test("sources.tsv reads back to the sources", arguments: [0, 1, 12], [1, 3])
    func sourceTable(_ count: Int, _ orientations: Int) throws {
        let estimate = try SampleEstimate(sourceCount: count, orientations: orientations)()
        let tsv = SourceTable.tsv(estimate)
        #expect(tsv.hasPrefix(SourceTable.columns.joined(separator: "\t") + "\n") && tsv.hasSuffix("\n"))
        let rows = parse(tsv)
        try #require(rows.count == count)
        for (place, (row, source)) in zip(rows, estimate.sources).enumerated() {
            #expect(row["rank"] == String(place + 1))
            #expect(row["index"] == String(source.index))
            for (name, value) in [
                ("x_mm", source.position.x), ("y_mm", source.position.y), ("z_mm", source.position.z),
            ] {
                #expect(abs((Double(row[name] ?? "") ?? .nan) - 1000 * value) <= 0.00051)
            }
            #expect(row["frame"] == "head" && row["hemisphere"] == source.hemisphere?.name)
            #expect(row["vertex"] == source.vertex.map { String($0) })
            func close(_ name: String, _ value: Double) -> Bool {
                abs((Double(row[name] ?? "") ?? .nan) - value) <= 1e-5 * abs(value) + 1e-12
            }
            #expect(close("peak_nAm", source.peakAmplitude * 1e9))
            #expect(close("peak_time_s", estimate.times[source.peakSample]))
            #expect(close("field", source.field) && close("share_percent", 100 * source.share))
            let direction = ["direction_x", "direction_y", "direction_z"].compactMap { Double(row[$0] ?? "") }
            #expect(abs(direction.reduce(0) { $0 + $1 * $1 } - 1) < 1e-4)
            // The direction times the peak is the dipole at the peak.
            for axis in 0..<orientations {
                let moment = 1e9 * source.amplitudes[axis, source.peakSample]
                #expect(abs(direction[axis] * source.peakAmplitude * 1e9 - moment) < 1e-3)
            }
        }
    }

    @Test("What is unknown reads n/a")
    func missingValues() throws {
        let estimate = try SampleEstimate(sourceCount: 1)()
        let bare = EstimatedSource(
            index: 4, position: SIMD3(.nan, 0, 0), hemisphere: nil, vertex: nil,
            amplitudes: Matrix(rows: 1, columns: 0),
            axes: nil, field: .infinity, share: .nan)
        let row = try #require(parse(SourceTable.tsv(estimate.with(sources: [bare]))).first)
        let missing = SourceTable.columns.filter { row[$0] == "n/a" }
        #expect(
            missing == [
                "x_mm", "hemisphere", "vertex", "peak_nAm", "peak_time_s", "direction_x", "direction_y", "direction_z",
                "field",
                "share_percent", "extent_mm", "times_noise", "half_axis_1_mm", "half_axis_2_mm", "half_axis_3_mm",
                "region_volume_cm3", "probability", "peak_low_nAm", "peak_high_nAm", "latency_low_ms",
                "latency_high_ms", "extent_low_mm", "extent_high_mm",
            ])
        #expect(row["y_mm"] == "0.000")
    }

    @Test("selection.tsv reads back exactly, with one row chosen")
    func selectionTable() throws {
        let curve = try SampleEstimate(criteria: [5, .infinity, 3.1, -0.25, 1e-17], chosenIndex: 3)().selection
        let rows = parse(SelectionTable.tsv(curve))
        try #require(rows.count == curve.points.count)
        for (row, point) in zip(rows, curve.points) {
            #expect(Double(row["lambda"] ?? "") == point.lambda)
            #expect(Double(row["lambda_ratio"] ?? "") == point.ratio)
            if point.criterion.isFinite {
                #expect(Double(row["criterion"] ?? "") == point.criterion)
            } else {
                #expect(row["criterion"] == "n/a")
            }
            #expect(
                Double(row["degrees_of_freedom"] ?? "") == (point.degreesOfFreedom == 0 ? 0 : point.degreesOfFreedom))
            #expect(Double(row["squared_residual"] ?? "") == point.squaredResidual)
            #expect(row["active"] == String(point.activeCount))
            #expect(Double(row["relative_gap"] ?? "") == point.relativeGap)
        }
        #expect(rows.map { $0["chosen"] } == ["0", "0", "0", "1", "0"])
    }

    @Test("The JSON has exactly the promised keys, sources or not", arguments: [0, 3])
    func summaryKeys(_ count: Int) throws {
        let estimate = try SampleEstimate(sourceCount: count, warnings: ["a / b \"c\""])()
        let json = try Summary(estimate).json()
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(
            Set(object.keys) == [
                "lambda", "lambda_ratio", "criterion", "criterion_value", "search", "selection_shape",
                "noise_sensitivity", "noise_quantile", "sigma", "noise_deviation", "rank", "rank_source", "averages",
                "checks",
                "relative_gap", "degrees_of_freedom", "time_frequency", "refinement", "stability",
                "goodness_of_fit", "at_grid_edge", "sources", "seconds", "warnings",
            ])
        #expect(Set((object["seconds"] as? [String: Any] ?? [:]).keys) == ["load", "prepare", "solve", "total"])
        let sources = try #require(object["sources"] as? [[String: Any]])
        try #require(sources.count == count)
        for (written, source) in zip(sources, estimate.sources) {
            #expect(
                Set(written.keys) == [
                    "index", "position_mm", "frame", "hemisphere", "vertex", "peak_nAm", "peak_time_s", "field",
                    "share", "extent_mm", "times_noise", "found_fraction", "position_spread_mm", "peak_spread",
                    "region_vertices", "region_volume_cm3", "half_axes_mm", "probability", "peak_interval_nAm",
                    "latency_interval_ms", "extent_interval_mm",
                ])
            let position = try #require(written["position_mm"] as? [Double])
            #expect(
                zip(position, [source.position.x, source.position.y, source.position.z]).allSatisfy {
                    abs($0 - 1000 * $1) < 6e-4
                })
            #expect(written["hemisphere"] as? String == source.hemisphere?.name)
            #expect(written["peak_nAm"] as? Double == source.peakAmplitude * 1e9)
        }
        #expect(object["noise_deviation"] as? Double == 1.04)
        #expect(object["lambda_ratio"] as? Double == estimate.selection.chosen.ratio)
        #expect(object["warnings"] as? [String] == ["a / b \"c\""])
        #expect(try JSONDecoder().decode(Summary.self, from: Data(json.utf8)) == Summary(estimate))
    }

    @Test("What is not finite is null in JSON, and its key stays")
    func summaryNull() throws {
        let estimate = try SampleEstimate(
            sourceCount: 1, scale: .nan, criteria: [.infinity], chosenIndex: 0, baselineDeviation: nil)()
        let bare = EstimatedSource(
            index: 0, position: SIMD3(.infinity, 0, 0.01), hemisphere: nil, vertex: nil,
            amplitudes: Matrix(rows: 1, columns: 61, repeating: .nan), axes: nil, field: .nan, share: .nan)
        let json = try Summary(estimate.with(sources: [bare])).json()
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(object["criterion_value"] is NSNull && object["noise_deviation"] is NSNull)
        let source = try #require((object["sources"] as? [[String: Any]])?.first)
        for key in [
            "hemisphere", "vertex", "peak_nAm", "field", "share", "region_vertices", "half_axes_mm",
            "peak_interval_nAm",
        ] { #expect(source[key] is NSNull, "\(key)") }
        let position = try #require(source["position_mm"] as? [Any])
        #expect(position[0] is NSNull && position[2] as? Double == 10)
    }

    @Test("The plain summary shows ten sources at most, aligned, and every warning")
    func plainSummary() throws {
        let estimate = try SampleEstimate(
            sourceCount: 13, atGridEdge: true, warnings: ["first", "second\u{1B}[2J\nline"])()
        let text = PlainSummary.text(estimate)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(text.hasSuffix("\n") && lines.allSatisfy { !$0.hasSuffix(" ") && $0.count <= 120 })
        let header = try #require(lines.firstIndex { $0.contains("index") && $0.contains("peak") })
        let table = lines[header..<(header + 12)]
        #expect(Set(table.map(\.count)).count == 1, "the columns are not aligned")
        #expect(text.contains("and 3 that explain less field"))
        #expect(text.contains("102 magnetometers, 204 gradiometers, 60 EEG electrodes; rank 362"))
        #expect(text.contains("0.142 of its maximum, chosen by SURE") && text.contains("AT THE EDGE"))
        #expect(lines.filter { $0.hasPrefix("warning: ") }.count == 2)
        #expect(!text.unicodeScalars.contains { $0.value < 32 && $0 != "\n" }, "control characters reach the terminal")
    }

    @Test("The plain summary of an estimate without sources has no table")
    func plainSummaryEmpty() throws {
        let text = PlainSummary.text(try SampleEstimate(sourceCount: 0, criteria: [1], criterionName: "fixed")())
        #expect(text.contains("no sources of 2034 candidates") && !text.contains("index"))
        #expect(text.contains("as given") && !text.contains("warning"))
    }

    @Test("What repeats found stands in the table of sources, in its own, in the summary and in the JSON")
    func stability() throws {
        let estimate = try SampleEstimate(sourceCount: 4, repeats: 10)()
        let stability = try #require(estimate.stability)
        let rows = parse(SourceTable.tsv(estimate))
        let own = parse(StabilityTable.tsv(estimate, stability))
        let summary = Summary(estimate)
        try #require(rows.count == 4 && own.count == 6)
        for (place, source) in estimate.sources.enumerated() {
            let found = try #require(source.stability)
            #expect(rows[place]["found_fraction"].flatMap { Double($0) } == found.found)
            #expect(own[place]["found_fraction"] == rows[place]["found_fraction"])
            #expect(summary.sources[place]["found_fraction"] == found.found)
            #expect(summary.sources[place]["position_spread_mm"] == found.positionSpread.map { $0 * 1000 })
            #expect(summary.sources[place]["peak_spread"] == found.amplitudeSpread)
        }
        #expect(own[4]["rank"] == "n/a" && own[4]["found_fraction"] == "0.83" && own[4]["x_mm"] == "-61.200")
        #expect(summary.stability?.repeats == 10 && summary.stability?.others.count == 2)
        let text = PlainSummary.text(estimate)
        #expect(text.contains("10 repeats with a bootstrap of epochs; 4 to 6 sources each"))
        #expect(text.contains("not in this result, but in 83 % of the repeats: a source near (-61.2, 0.0, 74.5) mm"))
        let without = try SampleEstimate(sourceCount: 4)()
        #expect(SourceTable.tsv(without).hasPrefix(SourceTable.columns.joined(separator: "\t") + "\n"))
        #expect(Summary(without).stability == nil && !PlainSummary.text(without).contains("repeats"))
    }

    @Test(
        "How sources were refined is told, in a line that says where the charge comes from, and in two columns",
        arguments: [
            (3, 1.04, "measured on 3 stretches of 60 samples before time 0"),
            (1, 1.04, "measured on 1 stretch of 60 samples before time 0"),
            (0, nil, "that of white noise: there is no baseline"),
            (0, 1.04, "that of white noise of the deviation given"),
        ] as [(Int, Double?, String)])
    func refinement(_ stretches: Int, _ deviation: Double?, _ origin: String) throws {
        for (count, start) in [(11, "11 sources, each worth"), (1, "1 source, worth"), (0, "no source is worth")] {
            let estimate = try SampleEstimate(
                sourceCount: count, baselineDeviation: deviation, noiseStretches: stretches)()
            let line = try #require(PlainSummary.text(estimate).split(separator: "\n").first { $0.contains("refined") })
            #expect(line.hasSuffix("\(start) more than noise: 359 squared units, \(origin)"), "\(line)")
            let rows = parse(SourceTable.tsv(estimate))
            let summary = Summary(estimate)
            #expect(summary.refinement?.stretches == stretches && summary.refinement?.charge == 359.24)
            for (place, row) in rows.enumerated() {
                let extent = [0.0, 5, 8][place % 3]
                #expect(Double(row["extent_mm"] ?? "") == extent && summary.sources[place]["extent_mm"] == extent)
                let times = 12.5 / Double(1 + place)
                #expect(abs((Double(row["times_noise"] ?? "") ?? 0) - times) < 1e-5 * times)
                #expect(summary.sources[place]["times_noise"] == times)
            }
        }
    }

    @Test("The widest table fits a hundred columns; what was not refined has no word of it")
    func refinedTable() throws {
        let widest = PlainSummary.text(try SampleEstimate(sourceCount: 12, repeats: 20, noiseStretches: 3)())
        let lines = widest.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let head = try #require(lines.firstIndex { $0.contains("patch") && $0.contains("index") })
        #expect(lines[head..<(head + 12)].allSatisfy { $0.count <= 100 }, "\(lines[head].count)")
        let cells = lines[head + 3].split(separator: " ")
        // The second source: a patch of 5 mm, worth 6.25 charges.
        #expect(cells.contains("5") && cells.contains("6.2"))
        let plain = try SampleEstimate(sourceCount: 12)()
        #expect(!PlainSummary.text(plain).contains("patch") && !PlainSummary.text(plain).contains("refined"))
        #expect(Summary(plain).refinement == nil)
        #expect(parse(SourceTable.tsv(plain)).allSatisfy { $0["extent_mm"] == "n/a" && $0["times_noise"] == "n/a" })
        #expect(try Summary(plain).json().contains("\"refinement\" : null"))
    }

    @Test("Error bars stand in the tables, in the JSON and in the plain summary")
    func errorBars() throws {
        let sample = SampleEstimate(sourceCount: 4, noiseStretches: 3, regionRadius: 0.015)
        var estimate = try sample()
        estimate.sources[1].extentInterval = 0.001...(.infinity)
        let regions = try estimate.sources.map { try #require($0.region) }
        let rows = parse(SourceTable.tsv(estimate))
        let json = try Summary(estimate).json()
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        let written = try #require(object["sources"] as? [[String: Any]])
        for (place, source) in estimate.sources.enumerated() {
            let (region, row, keys) = (regions[place], rows[place], written[place])
            #expect(keys["region_vertices"] as? [Int] == region.vertices)
            func same(_ key: String, _ values: [Double]) -> Bool {
                let list = keys[key] as? [Double] ?? []
                return list.count == values.count && zip(list, values).allSatisfy { abs($0 - $1) <= 1e-14 * abs($1) }
            }
            #expect(same("half_axes_mm", region.halfAxes.map { $0 * 1000 }))
            #expect(abs((keys["region_volume_cm3"] as? Double ?? 0) / (region.volume * 1e6) - 1) < 1e-14)
            #expect(keys["probability"] as? Double == source.probability)
            let peak = try #require(source.amplitudeInterval)
            #expect(same("peak_interval_nAm", [peak.lowerBound * 1e9, peak.upperBound * 1e9]))
            let latency = try #require(source.latencyInterval)
            #expect(same("latency_interval_ms", [latency.lowerBound * 1e3, latency.upperBound * 1e3]))
            func close(_ name: String, _ value: Double) -> Bool {
                abs((Double(row[name] ?? "") ?? .nan) - value) <= 1e-5 * abs(value)
            }
            for k in 0..<3 { #expect(close("half_axis_\(k + 1)_mm", region.halfAxes[k] * 1000)) }
            #expect(close("region_volume_cm3", region.volume * 1e6) && close("probability", 1 - 0.04 * Double(place)))
            #expect(close("peak_low_nAm", peak.lowerBound * 1e9) && close("peak_high_nAm", peak.upperBound * 1e9))
            #expect(close("latency_low_ms", latency.lowerBound * 1e3) && close("extent_low_mm", place == 1 ? 1 : 0))
        }
        #expect((written[1]["extent_interval_mm"] as? [Any])?.last is NSNull && rows[1]["extent_high_mm"] == "n/a")
        #expect(try JSONDecoder().decode(Summary.self, from: Data(json.utf8)) == Summary(estimate))
        #expect(Summary(estimate).sources[2][list: "extent_interval_mm"] == [0, 12])

        let lines = PlainSummary.text(estimate).split(separator: "\n", omittingEmptySubsequences: false).map(
            String.init)
        let head = try #require(lines.firstIndex { $0.contains("±") && $0.contains("prob") })
        #expect(lines[head..<(head + 6)].allSatisfy { $0.count <= 80 }, "\(lines[head].count)")
        let first = try #require(lines.first { $0.contains("within") && $0.contains("peak") })
        let axes = regions[0].halfAxes.map { String(Int(($0 * 1000).rounded())) }.joined(separator: " × ")
        #expect(first.hasPrefix("  1  within \(axes) mm (95 %), peak ") && first.contains(" nAm, at "), "\(first)")
        #expect(first.hasSuffix(" ms, patch 0–12 mm") && first.count <= 80, "\(first)")
        #expect(lines.contains { $0.hasPrefix("  2  within ") && $0.hasSuffix("patch 1.0 or more mm") })
        let plain = PlainSummary.text(try SampleEstimate(sourceCount: 4, noiseStretches: 3)())
        #expect(!plain.contains("±") && !plain.contains("prob") && !plain.contains("95 %"))
    }

    @Test("regions.tsv has a row a candidate of a region, where the candidate is")
    func regionTable() throws {
        let sample = SampleEstimate(sourceCount: 3, noiseStretches: 3, regionRadius: 0.015)
        var estimate = try sample()
        estimate.sources[1].region = nil
        let positions = sample.candidates
        let candidates = try SourceSpace(
            positions: positions, hemispheres: positions.map { $0.x < 0 ? .left : .right },
            vertices: positions.indices.map { 100 + 7 * $0 }, frame: .head)
        let tsv = RegionTable.tsv(estimate, candidates: candidates)
        #expect(tsv.hasPrefix("rank\tindex\tx_mm\ty_mm\tz_mm\themisphere\tvertex\n"))
        let rows = parse(tsv)
        let expected = [0, 2].flatMap { place in
            (estimate.sources[place].region?.vertices ?? []).map { (place + 1, $0) }
        }
        try #require(rows.count == expected.count && rows.count > 20)
        for (row, (rank, index)) in zip(rows, expected) {
            #expect(row["rank"] == "\(rank)" && row["index"] == "\(index)" && row["vertex"] == "\(100 + 7 * index)")
            #expect(row["hemisphere"] == (positions[index].x < 0 ? "left" : "right"))
            #expect(abs((Double(row["y_mm"] ?? "") ?? .nan) - 1000 * positions[index].y) <= 0.00051)
        }
        let few = try SourceSpace(positions: Array(positions.prefix(10)), frame: .head)
        #expect(parse(RegionTable.tsv(estimate, candidates: few)).allSatisfy { $0["hemisphere"] == "n/a" })
    }

    @Test(
        "Sources that explain more than there is are named as cancelling",
        arguments: [
            (
                [0.5, 1.3, 1.1],
                "sources 2 and 3 cancel each other: alone they would explain 130 % and 110 % of the power"
            ),
            (
                [2, 1.3, 1.1],
                "sources 1, 2 and 3 cancel each other: alone they would explain 200 %, 130 % and 110 % of the power"
            ),
            ([0.5, 1.3, 1.004], "source 2 is partly cancelled by others: alone it would explain 130 % of the power"),
            ([0.5, 1, 0.2], nil), ([1.3], nil), ([], nil),
        ] as [([Double], String?)])
    func cancelling(_ shares: [Double], _ expected: String?) throws {
        var estimate = try SampleEstimate(sourceCount: shares.count)()
        for (place, share) in shares.enumerated() { estimate.sources[place].share = share }
        let lines = PlainSummary.text(estimate).split(separator: "\n").filter { $0.contains("cancel") }
        #expect(lines.map { $0.dropFirst(2) } == (expected.map { [$0[...]] } ?? []))
    }

    @Test("What the refinement reckoned with is told where it is known")
    func reckoning() throws {
        var estimate = try SampleEstimate(sourceCount: 2, noiseStretches: 3)()
        #expect(!PlainSummary.text(estimate).contains("gain taken"))
        estimate.refinement = Refinement(
            charge: NoiseCharge(value: 359.24, stretches: 3, length: 60), objectives: [1], isSettled: true, looks: 4,
            gainError: 0.05, falsePositiveRate: 0.02, chargeUncertainty: 12.3, heldOut: 0.414)
        #expect(Summary(estimate).refinement?.heldOut == 0.414)
        let text = PlainSummary.text(estimate)
        #expect(text.contains("held-out sensors"))
        #expect(text.contains("41 % predicted by the others through these sources"))
        estimate.refinement?.heldOut = -0.1
        #expect(PlainSummary.text(estimate).contains("predicted no better with these sources than without"))
        estimate.refinement?.heldOut = nil
        #expect(!PlainSummary.text(estimate).contains("held-out"))
        #expect(text.contains("more than noise: 359 ± 12 squared units, measured on"))
        #expect(
            text.contains(
                "the gain taken to be wrong by 5.0 %; noise alone would make a source in 2.0 % of windows"))
        let summary = try #require(Summary(estimate).refinement)
        #expect(summary.gainError == 0.05 && summary.falsePositiveRate == 0.02 && summary.chargeUncertainty == 12.3)
    }

    @Test("A range has the decimals that tell its ends apart")
    func ranges() {
        #expect(NumberText.range(37.6, 52.2) == "38–52" && NumberText.range(88.21, 89.44) == "88.2–89.4")
        #expect(NumberText.range(0.012, 0.051) == "0.01–0.05" && NumberText.range(5, 5) == "5.00")
        #expect(NumberText.range(-3, 12.4) == "-3 to 12" && NumberText.range(1, .infinity) == "1.0 or more")
    }

    @Test("The shape of the curve is told, a flat curve and separate minima aloud")
    func shape() throws {
        let sharp = PlainSummary.text(try SampleEstimate()())
        #expect(sharp.contains("one minimum, within 0.5 % of the gain from 0.12"))
        #expect(Summary(try SampleEstimate()()).shape?.wells == 1)
        let wells = PlainSummary.text(try SampleEstimate(criteria: [9, 0, 5, 0.01, 8], chosenIndex: 1)())
        #expect(wells.contains("2 SEPARATE MINIMA"))
        let flat = [9] + [Double](repeating: 0.01, count: 9) + [0, 8]
        #expect(PlainSummary.text(try SampleEstimate(criteria: flat, chosenIndex: 10)()).contains(": FLAT"))
        let learned = PlainSummary.text(try SampleEstimate(criteria: [9, 5, 1], chosenIndex: 2, axis: .evaluation)())
        #expect(learned.contains("one a source, learned by SURE in 3 evaluations") && !learned.contains("minimum"))
    }
}
